"""The plugin's tests: a few real windows under a real X server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("napari", reason="napari is not installed; the plugin needs it")

from tests.reading.conftest import (  # noqa: F401
    controller,
    images,
    own_folders,
    phantom,
    seeded,
    seeds_lps_mm,
    spot,
    true_marks,
    volume,
)

if TYPE_CHECKING:
    from tests.plugin.hands import Window


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """An X server: the one there is, or our own; Qt without one cannot draw.

    Windows of two test processes on one server would take the keyboard from each other.
    """
    if os.environ.get("DISPLAY") and "PYTEST_XDIST_WORKER" not in os.environ:
        yield os.environ["DISPLAY"]
        return
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("no X server: install xvfb, or set DISPLAY")
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [server, "-displayfd", str(write_end), "-screen", "0", "1600x1000x24"],
        pass_fds=(write_end,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        os.environ["DISPLAY"] = f":{answer.readline().strip()}"
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    yield os.environ["DISPLAY"]
    process.terminate()
    process.wait()


@pytest.fixture
def window(display: str) -> Iterator[Window]:
    """A window that does not turn the slices by itself."""
    from tests.plugin.hands import Window

    opened = Window()
    yield opened
    opened.answer = "Leave, recover later"
    opened.viewer.close()
    opened.hands.qWait(20)
