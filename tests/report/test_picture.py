import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ifspace.model import AssessedSpace, Kind, MarkState, NotMeasured, Reason, Side
from ifspace.report.picture import (
    COLOURS,
    HEAD,
    INSET_JI,
    PANEL_JI,
    PICTURE_JI,
    _boxed,
    key_picture,
    key_pictures,
    panels,
)
from ifspace.report.sheet import no_picture
from ifspace.report.texts import load_texts
from ifspace.report.view import axes_as_seen, edge_letter, grey_window, look, view_of_all

STORAGES = (
    "usual",
    "mirrored",
    "upside_down",
    "turned_by_180",
    "rows_run_back",
    "rows_run_forward",
    "oblique",
)
# Where the brightest stored pixel is put: the slice of both spaces, off every symmetry.
BRIGHT_LPS_MM = (-52.0, 58.0, -190.0)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_point_is_drawn_on_the_pixel_it_was_stored_in(make_volume, make_measurement, storage):
    volume = make_volume(storage, bright_lps_mm=BRIGHT_LPS_MM)
    plane = volume.slices[2].plane
    stored_ji = np.rint(plane.to_index_ji(BRIGHT_LPS_MM))
    stored_lps_mm = plane.to_lps_mm(stored_ji)
    for panel in panels([make_measurement(Kind.IFS, Side.RIGHT)], volume):
        shown = np.asarray(panel.grey, dtype=float)
        brightest = np.argwhere(shown == shown.max()).mean(axis=0)
        x, y = panel.place(stored_lps_mm)
        assert (x, y) == pytest.approx((brightest[1], brightest[0]), abs=1.0)


@pytest.mark.parametrize("storage", STORAGES)
def test_the_right_of_the_patient_is_on_the_left_and_the_front_on_top(make_volume, storage):
    volume = make_volume(storage)
    view = view_of_all(volume.slices[2].plane, PANEL_JI)
    right, left, front, back = (
        view.to_index_ji(point)
        for point in ((-60, 31, -190), (60, 31, -190), (0, -10, -190), (0, 70, -190))
    )
    assert right[1] < left[1]
    assert front[0] < back[0]
    across, down = axes_as_seen(volume.slices[2].plane)
    letters = [edge_letter(direction) for direction in (-across, across, -down, down)]
    assert letters == ["R", "L", "A", "P"]


def test_a_square_of_the_patient_is_square_on_the_picture(make_volume):
    volume = make_volume("usual")
    view = view_of_all(volume.slices[2].plane, PANEL_JI)
    corner, across, down = (
        view.to_index_ji(point) for point in ((0, 30, -190), (20, 30, -190), (0, 50, -190))
    )
    assert across[1] - corner[1] == pytest.approx(down[0] - corner[0])


@pytest.mark.parametrize("storage", STORAGES)
def test_the_line_is_drawn_over_its_end_points(make_volume, make_result, make_measurement, storage):
    volume = make_volume(storage)
    picture = np.asarray(key_picture(make_result(volume), volume, Side.LEFT), dtype=int)
    _, zoom = panels(
        [make_measurement(Kind.IFS, Side.LEFT), make_measurement(Kind.QFS, Side.LEFT)], volume
    )
    for kind in Kind:
        segment = make_measurement(kind, Side.LEFT).segment
        middle = (segment.start_lps_mm + segment.end_lps_mm) / 2.0
        x, y = zoom.place(middle)
        around = picture[int(y) + HEAD - 9 : int(y) + HEAD + 10, int(x) - 9 : int(x) + 10]
        distance = np.abs(around - np.array(COLOURS[kind])).sum(axis=-1)
        assert distance.min() < 60


def test_every_picture_has_one_size_however_many_slices_it_shows(make_volume, make_result):
    volume = make_volume()
    result = make_result(volume)
    sizes = {key_picture(result, volume, side).size for side in Side}
    assert sizes == {PICTURE_JI[::-1]}


def test_a_side_that_the_images_do_not_show_has_no_picture(make_volume, make_result):
    volume = make_volume()
    result = make_result(volume, sides=(Side.LEFT, Side.RIGHT))
    spaces = tuple(
        space
        if space.outcome.side is Side.LEFT
        else AssessedSpace(
            NotMeasured(space.outcome.kind, Side.RIGHT, Reason.SIDE_NOT_SHOWN, "left hip only")
        )
        for space in result.spaces
    )
    one_hip = replace(result, spaces=spaces)
    assert set(key_pictures(one_hip, volume)) == {Side.LEFT}
    assert no_picture(one_hip, Side.RIGHT, load_texts()) == "Right: not shown in these images."


def test_a_side_without_a_number_says_so_and_shows_no_slice(make_volume, make_result):
    volume = make_volume()
    result = make_result(volume, missing=((Kind.IFS, Side.LEFT), (Kind.QFS, Side.LEFT)))
    picture = key_picture(result, volume, Side.LEFT)
    shown = np.asarray(picture)
    assert shown[HEAD : HEAD + PANEL_JI[0]].max() == 0
    assert shown[:HEAD].max() > 200


def test_a_side_that_was_not_asked_for_has_no_picture(make_volume, make_result):
    volume = make_volume()
    assert set(key_pictures(make_result(volume, sides=(Side.LEFT,)), volume)) == {Side.LEFT}


def test_the_draft_mark_is_there_until_the_result_is_final(make_volume, make_result):
    volume = make_volume()
    corner = (slice(8, 40), slice(-12, -2))
    draft = np.asarray(key_picture(make_result(volume), volume, Side.LEFT))[corner]
    final = np.asarray(
        key_picture(make_result(volume, state=MarkState.CONFIRMED, signed=True), volume, Side.LEFT)
    )[corner]
    assert draft.max() > 200
    assert final.max() == 0


def test_two_runs_draw_the_same_bytes(make_volume, make_result):
    volume = make_volume()
    first, second = (key_pictures(make_result(volume), volume) for _ in range(2))
    assert first == second
    assert Image.open(io.BytesIO(first[Side.LEFT])).info == {}


def test_a_few_hot_pixels_do_not_darken_the_slice():
    voxels = np.full((100, 100), 100.0, dtype=np.float32)
    voxels[:50] = 300.0
    voxels[0, :20] = 1e6
    assert grey_window(voxels)[1] == 300.0


def test_a_flat_slice_is_shown_and_not_divided_by_nothing(make_volume):
    volume = make_volume()
    plane = volume.slices[0].plane
    flat = np.full(plane.shape_ji, 7.0, dtype=np.float32)
    assert look(flat, plane, view_of_all(plane, PANEL_JI)).max() == 0


def test_the_millimetres_of_a_line_are_never_written_under_the_inset():
    rows, columns = INSET_JI
    image = Image.new("RGB", (800, 316), (90, 90, 90))
    middle, towards_inset = np.array([400.0, 158.0]), np.array([1.0, 0.3])
    _boxed(image, middle, towards_inset, "QFS 17.0 mm", COLOURS[Kind.QFS])
    assert (np.asarray(image)[-rows:, -columns:] == 90).all()
    assert (np.asarray(image) != 90).any()
