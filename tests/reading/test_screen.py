from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.conftest import PLAIN, STORAGES, Storage, make_volume, pixel_lps_mm

from ifspace.model import Mark, MarkName, Side
from ifspace.reading import screen

AXIAL = [storage for storage in STORAGES if storage.name != "oblique"]


def bright_volume(storage: Storage, kji: tuple[int, int, int]):
    voxels = np.zeros(storage.shape_kji, dtype=np.float32)
    voxels[kji] = 1.0
    return make_volume(storage, voxels=voxels)


def test_a_bright_voxel_is_shown_where_its_patient_point_says(stored: Storage) -> None:
    volume = bright_volume(stored, (2, 30, 41))
    display = screen.display_of(volume)
    shown = np.unravel_index(display.array(volume.voxels).argmax(), display.shape)
    data = screen.lps_mm_to_data(pixel_lps_mm(stored, (2, 30, 41)), 2, volume, display)
    assert data == pytest.approx(np.array(shown), abs=1e-6)


def test_a_click_gives_the_patient_point_of_the_dicom_equation(stored: Storage) -> None:
    volume = bright_volume(stored, (3, 12, 77))
    display = screen.display_of(volume)
    shown = np.unravel_index(display.array(volume.voxels).argmax(), display.shape)
    world = np.array(shown) * np.array(display.scale_mm)
    found_lps_mm = screen.world_to_lps_mm(world, volume, display)
    assert found_lps_mm == pytest.approx(pixel_lps_mm(stored, (3, 12, 77)), abs=1e-6)


def test_a_click_between_pixels_stays_within_a_tenth_of_a_micrometre(stored: Storage) -> None:
    volume = bright_volume(stored, (4, 50, 60))
    display = screen.display_of(volume)
    wanted_lps_mm = pixel_lps_mm(stored, (4, 50.37, 60.81))
    data = screen.lps_mm_to_data(wanted_lps_mm, 4, volume, display)
    back_lps_mm = screen.world_to_lps_mm(display.to_world(data), volume, display)
    assert back_lps_mm == pytest.approx(wanted_lps_mm, abs=1e-7)


@pytest.mark.parametrize("storage", AXIAL, ids=lambda storage: storage.name)
def test_the_patients_right_is_on_the_left_and_the_front_is_up(storage: Storage) -> None:
    volume = make_volume(storage)
    display = screen.display_of(volume)
    origin, downward, rightward = (
        screen.world_to_lps_mm(display.to_world(data), volume, display)
        for data in ((1, 10, 10), (1, 11, 10), (1, 10, 11))
    )
    assert (rightward - origin)[0] == pytest.approx(display.scale_mm[2], abs=1e-6)
    assert (downward - origin)[1] == pytest.approx(display.scale_mm[1], abs=1e-6)
    assert screen.edge_letters(volume, display) == {
        "left": "R",
        "right": "L",
        "top": "A",
        "bottom": "P",
    }


def test_an_oblique_slice_is_shown_unturned_with_its_right_on_the_left() -> None:
    storage = next(item for item in STORAGES if item.name == "oblique")
    volume = make_volume(storage)
    assert screen.edge_letters(volume, screen.display_of(volume))["left"] == "R"
    assert screen.display_of(volume).array(volume.voxels).shape == volume.voxels.shape


def test_a_mirrored_camera_swaps_the_letters() -> None:
    volume = make_volume(PLAIN)
    letters = screen.edge_letters(volume, screen.display_of(volume), right="left", down="up")
    assert letters == {"left": "L", "right": "R", "top": "P", "bottom": "A"}


def test_a_coronal_series_stands_upright() -> None:
    coronal = replace(PLAIN, along_row=(1.0, 0.0, 0.0), along_column=(0.0, 0.0, 1.0))
    volume = make_volume(coronal)
    letters = screen.edge_letters(volume, screen.display_of(volume))
    assert (letters["left"], letters["top"]) == ("R", "H")


def test_scale_keeps_rows_and_columns_apart_when_transposed() -> None:
    stored = next(item for item in STORAGES if item.name == "yx+1+1+1")
    display = screen.display_of(make_volume(stored))
    # Stored columns run down the screen here, so the column spacing is the vertical one.
    assert display.scale_mm == pytest.approx((4.4, 0.6, 0.8))


def test_marks_survive_the_way_through_a_points_layer(stored: Storage) -> None:
    volume = make_volume(stored)
    display = screen.display_of(volume)
    marks = [
        Mark(MarkName.ISCHIUM_LATERAL, Side.LEFT, pixel_lps_mm(stored, (1, 20.25, 33.5))),
        Mark(MarkName.LESSER_TROCHANTER_MEDIAL, Side.LEFT, pixel_lps_mm(stored, (5, 99, 0))),
    ]
    picture = screen.picture_of(marks, volume, display)
    found_lps_mm = screen.positions_lps_mm(picture, volume, display)
    assert found_lps_mm == pytest.approx(
        np.stack([mark.position_lps_mm for mark in marks]), abs=1e-6
    )


def test_nudging_moves_by_displayed_pixels(stored: Storage) -> None:
    volume = make_volume(stored)
    display = screen.display_of(volume)
    start_lps_mm = pixel_lps_mm(stored, (2, 40, 50))
    moved_lps_mm = screen.nudged_lps_mm(start_lps_mm, 2, volume, display, down=0.0, right=1.0)
    assert np.linalg.norm(moved_lps_mm - start_lps_mm) == pytest.approx(display.scale_mm[2])
    assert (moved_lps_mm - start_lps_mm)[0] > 0.5


def test_dashes_begin_and_end_on_the_marks() -> None:
    pieces = screen.dashes((2.0, 0.0, 0.0), (2.0, 0.0, 13.0), 7)
    assert pieces.shape == (7, 2, 3)
    assert pieces[0, 0].tolist() == [2.0, 0.0, 0.0]
    assert pieces[-1].sum(axis=0) == pytest.approx([2.0, 0.0, 13.0])


def test_the_window_ignores_air_and_survives_a_flat_image() -> None:
    voxels = np.zeros(PLAIN.shape_kji, dtype=np.float32)
    voxels[:, 20:80, 30:110] = np.linspace(100.0, 200.0, 80, dtype=np.float32)
    low, high = screen.window(make_volume(PLAIN, voxels=voxels))
    assert 95.0 < low < 110.0
    assert 190.0 < high <= 200.0
    assert screen.window(make_volume(PLAIN)) == (0.0, 1.0)
