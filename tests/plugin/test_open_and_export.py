"""What is offered to the window by napari, what is opened again, and where reports go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManager
from tests.plugin.hands import Window

from ifspace.io.session import read_session
from ifspace.phantom import PhantomTruth
from ifspace.reading.outputs import short_text
from ifspace.reading.study import open_path
from ifspace.workflow import assess
from napari_ifspace.contributions import get_reader, phantom_sample


def offered(name: str) -> bool:
    manager = PluginManager.instance()
    manager.discover()
    return any(item.command == "ifspace.read" for item in manager.iter_compatible_readers(name))


@pytest.mark.parametrize("name", ["a.tif", "b.tiff", "c.png", "d.csv", "e2.ome.tif", "f.py"])
def test_pictures_of_others_are_not_offered_to_our_reader(name: str) -> None:
    assert not offered(name)


@pytest.mark.parametrize(
    "name", ["a.dcm", "B.DCM", "IM0001", "DICOMDIR", "s.zip", "v.mha", "v.nii.gz", "x.ima"]
)
def test_scans_are_offered_to_our_reader(name: str) -> None:
    assert offered(name)


def test_the_reader_looks_into_files_before_it_takes_them(
    phantom: PhantomTruth, tmp_path: Path
) -> None:
    (tmp_path / "page1").write_bytes(b"no scan")
    (tmp_path / "v.mha").write_bytes(b"ObjectType = Image\n")
    assert get_reader(str(tmp_path / "page1")) is None
    assert get_reader(str(tmp_path / "v.mha")) is not None
    assert get_reader(str(tmp_path)) is None
    assert get_reader(str(phantom.image_path)) is not None


def test_the_values_alone_take_a_line_for_each_side(phantom: PhantomTruth) -> None:
    volume = open_path(phantom.image_path).volume
    lines = short_text(assess(volume, read_session(phantom.session_path))).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Right: IFS 20.0 ± ")
    assert lines[1].startswith("Left: IFS 20.0 ± ")
    assert lines[1].endswith(" mm (draft).")


def test_reports_replace_nothing_unasked_and_a_folder_not_used_is_forgotten(
    window: Window, phantom: PhantomTruth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.open(phantom.image_path)
    dock = window.dock
    assert dock.opening.recent == [phantom.image_path]
    dock.opening.menu.aboutToShow.emit()
    assert [action.text() for action in dock.opening.menu.actions()] == [
        "Folder…",
        "File or ZIP…",
        phantom.image_path.name,
    ]
    dock.session_files.load(phantom.session_path)
    full = tmp_path / "full"
    full.mkdir()
    (full / "note.txt").write_text("mine")
    monkeypatch.setattr(dock.reports, "_ask_folder", lambda: str(full))
    dock.reports.export()
    assert window.asked == ["Folder is not empty"]
    assert str(full) in window.question
    assert dock.reports.folder.text() == ""
    assert [path.name for path in full.iterdir()] == ["note.txt"]


def test_the_sample_has_the_unit_of_its_study(monkeypatch: pytest.MonkeyPatch) -> None:
    import napari

    from napari_ifspace import contributions

    monkeypatch.setattr(napari, "current_viewer", lambda: object())
    monkeypatch.setattr(contributions, "_show", lambda _viewer, _place: None)
    ((data, options, kind),) = phantom_sample()
    assert isinstance(data, np.ndarray)
    assert options["units"] == "mm"
    assert kind == "image"
