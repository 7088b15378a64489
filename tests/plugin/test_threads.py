"""Threads of the window."""

from __future__ import annotations

import os
import subprocess
import sys

# No event loop: what napari ties to the end of one does not happen.
LEAVING = """
import time
from qtpy.QtWidgets import QApplication
from napari_ifspace import threads
application = QApplication([])
threads.start(lambda: time.sleep(0.3), print, print)
"""


def test_a_script_that_leaves_while_a_thread_works_complains_of_nothing(display: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LEAVING],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
