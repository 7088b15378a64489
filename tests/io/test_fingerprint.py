"""The fingerprint of images tells them from all others, whatever form their files have."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from tests.conftest import PLAIN, STORAGES, Storage, make_volume
from tests.io.conftest import Scan, write_classic
from tests.io.test_storage_forms import FORMS

from ifspace.io import load_volume, open_study
from ifspace.model import ImageFingerprint, Volume


def load(path: Path) -> Volume:
    with open_study(path) as inventory:
        return load_volume(inventory.ranked[0].series)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Volume:
    folder = tmp_path_factory.mktemp("plain")
    FORMS["classic explicit, 16 bit"](folder)
    return load(folder)


@pytest.mark.parametrize("form", ["implicit", "deflated", "RLE", "JPEG-LS", "JPEG 2000"])
@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_the_form_of_the_files_does_not_matter(
    kind: str, form: str, plain: Volume, tmp_path: Path
) -> None:
    FORMS[f"{kind} {form}, 16 bit"](tmp_path)
    assert load(tmp_path).fingerprint == plain.fingerprint


def test_the_order_and_the_names_of_the_files_do_not_matter(plain: Volume, tmp_path: Path) -> None:
    FORMS["classic explicit, 16 bit"](tmp_path)
    for number, path in enumerate(sorted(tmp_path.iterdir(), reverse=True)):
        path.rename(tmp_path / f"{number * 7 % 11:02d}-moved")
    assert load(tmp_path).fingerprint == plain.fingerprint


@pytest.mark.parametrize("ending", ["mha", "nrrd"])
def test_a_volume_file_of_the_same_images_has_the_same_fingerprint(
    ending: str, plain: Volume, tmp_path: Path
) -> None:
    first, second = plain.slices[0].plane, plain.slices[1].plane
    step = second.origin_lps_mm - first.origin_lps_mm
    image = sitk.GetImageFromArray(plain.voxels)
    image.SetOrigin(first.origin_lps_mm.tolist())
    image.SetSpacing([first.column_spacing_mm, first.row_spacing_mm, float(np.linalg.norm(step))])
    axes = [first.along_row_lps, first.along_column_lps, step / np.linalg.norm(step)]
    image.SetDirection(np.stack(axes, axis=1).ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / f"image.{ending}"))
    assert load(tmp_path).fingerprint == plain.fingerprint


@pytest.mark.parametrize("stored", STORAGES, ids=lambda storage: storage.name)
def test_rounding_of_positions_does_not_matter(stored: Storage) -> None:
    x_mm, y_mm, z_mm = stored.origin_lps_mm
    # Ends on half a step, where rounding would fall to either side.
    volume = make_volume(replace(stored, origin_lps_mm=(x_mm + 0.005, y_mm, z_mm)))
    rounded = make_volume(replace(stored, origin_lps_mm=(x_mm + 0.005 - 1e-9, y_mm, z_mm)))
    assert volume.fingerprint == rounded.fingerprint


def test_zero_has_no_sign() -> None:
    dark = make_volume(PLAIN)
    assert dark.fingerprint == make_volume(PLAIN, voxels=-dark.voxels).fingerprint


def _one_pixel(volume: Volume) -> Volume:
    voxels = volume.voxels.copy()
    voxels[3, 5, 7] += 1.0
    return replace(volume, voxels=voxels)


def _shifted(volume: Volume) -> Volume:
    x_mm, y_mm, z_mm = PLAIN.origin_lps_mm
    return make_volume(replace(PLAIN, origin_lps_mm=(x_mm, y_mm, z_mm + 0.1)))


def _stretched(volume: Volume) -> Volume:
    return make_volume(replace(PLAIN, row_spacing_mm=PLAIN.row_spacing_mm * 1.001))


def _shorter(volume: Volume) -> Volume:
    return Volume(volume.series, volume.slices[:-1], volume.voxels[:-1].copy())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_one_pixel, "the same size and place, but other pixels"),
        (_shifted, "another spacing or another place in the patient"),
        (_stretched, "another spacing or another place in the patient"),
        (_shorter, r"those have \d+ slices of \d+ x \d+ pixels, these \d+ slices"),
    ],
)
def test_other_images_have_another_fingerprint_and_it_is_said_what_differs(change, words) -> None:
    volume = make_volume(PLAIN)
    difference = volume.fingerprint.difference(change(volume).fingerprint)
    assert re.search(words, difference), difference
    assert volume.fingerprint.difference(make_volume(PLAIN).fingerprint) == ""


def test_a_fingerprint_alone_tells_that_images_differ() -> None:
    fingerprint = make_volume(PLAIN).fingerprint
    alone = ImageFingerprint(fingerprint.fingerprint)
    assert alone.difference(fingerprint) == ""
    assert ImageFingerprint("sha256:0").difference(fingerprint)


def test_two_scans_of_one_size_differ(tmp_path: Path, plain: Volume) -> None:
    write_classic(
        tmp_path, Scan(rows=32, columns=36), lambda _k, ds: setattr(ds, "RescaleSlope", 2)
    )
    assert load(tmp_path).fingerprint.fingerprint != plain.fingerprint.fingerprint
