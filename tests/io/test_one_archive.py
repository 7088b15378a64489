"""A folder that holds one ZIP is read like the ZIP; colours that a palette gives are refused."""

from __future__ import annotations

import zipfile

import pytest

from ifspace.errors import UnreadableInputError
from ifspace.io import load_volume, open_study


def _pack(folder, place):
    with zipfile.ZipFile(place, "w") as packed:
        for item in sorted(folder.iterdir()):
            packed.write(item, item.name)


def test_a_folder_that_holds_one_zip_is_read_like_the_zip(writer, tmp_path):
    writer.write_classic(tmp_path / "in")
    (tmp_path / "out").mkdir()
    _pack(tmp_path / "in", tmp_path / "out" / "study.zip")
    (tmp_path / "out" / "readme.txt").write_text("dear colleague")
    with open_study(tmp_path / "out") as inventory:
        assert load_volume(inventory.ranked[0].series).voxels.shape == (5, 12, 14)
        assert [item.path for item in inventory.skipped] == ["readme.txt"]


@pytest.mark.parametrize("beside", ["image", "archive"])
def test_a_zip_beside_images_or_another_zip_is_named(beside, writer, tmp_path):
    writer.write_classic(tmp_path / "in")
    (tmp_path / "out").mkdir()
    _pack(tmp_path / "in", tmp_path / "out" / "study.zip")
    if beside == "image":
        writer.save(writer.classic_slice(writer.Scan(), 0), tmp_path / "out" / "a")
    else:
        _pack(tmp_path / "in", tmp_path / "out" / "other.zip")
    with open_study(tmp_path / "out") as inventory:
        reasons = {item.path: item.reason for item in inventory.skipped}
        assert "an archive inside the input" in reasons["study.zip"]
        assert len(inventory.ranked) == (beside == "image")


def test_a_palette_of_colours_is_refused(writer, tmp_path):
    scan = writer.Scan(attributes={"PhotometricInterpretation": "PALETTE COLOR"})
    writer.write_classic(tmp_path, scan)
    with open_study(tmp_path) as inventory:
        (item,) = inventory.ranked
        assert "not suitable: colour images" in item.reasons
        with pytest.raises(UnreadableInputError, match="colour"):
            load_volume(item.series)
