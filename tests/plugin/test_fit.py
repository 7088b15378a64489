"""No word of the dock is cut, at any scale of the screen, in either theme, in a small window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.waiting import LIMIT_S

from ifspace.phantom import PhantomTruth

# Without a canvas, which would cost seconds and holds no widget of ours.
MEASURE = """
import json, sys
from dataclasses import replace
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from napari.components import ViewerModel
from napari.qt import get_stylesheet
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication
application = QApplication([])
from ifspace.io.session import read_session
from ifspace.reading.study import open_path
from napari_ifspace.widget import IFSpaceDock
from tests.plugin.fit import cut_words

viewer = ViewerModel()
dock = IFSpaceDock(viewer)
dock.opening.seeks_level = False
study = open_path(Path(sys.argv[2]))
found = []
for theme in ("dark", "light"):
    viewer.theme = theme
    application.setStyleSheet(get_stylesheet(theme))
    dock.resize(dock.minimumWidth(), 640)
    dock.opening.show_study(study)
    dock.show()
    for state in ("empty", "measured"):
        if state == "measured":
            # Seeds would start a search, which changes no widget.
            session = replace(read_session(Path(sys.argv[3])), seeds=())
            dock.controller.load(session)
        for tab in range(dock.tabs.count()):
            dock.tabs.setCurrentIndex(tab)
            for _ in range(3):
                application.processEvents()
            title = dock.tabs.tabText(tab)
            found += [f"{theme}, {state}, {title}: {words}" for words in cut_words(dock)]
    dock.controller.saved()
print(json.dumps([dock.devicePixelRatioF(), found]))
"""


@pytest.mark.slow
def test_no_word_is_cut(phantom: PhantomTruth, display: str) -> None:
    root = Path(__file__).parents[2]
    running = {
        factor: subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                MEASURE,
                str(root),
                str(phantom.image_path),
                str(phantom.session_path),
            ],
            cwd=root,
            env=os.environ | {"QT_SCALE_FACTOR": factor, "DISPLAY": display},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for factor in ("1", "1.5", "2")
    }
    for factor, process in running.items():
        out, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, err
        ratio, found = json.loads(out.splitlines()[-1])
        assert ratio == pytest.approx(float(factor))
        assert found == [], factor
