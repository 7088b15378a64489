from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.conftest import PLAIN, Storage, make_volume, pixel_lps_mm

from ifspace.measurement import level_range_indices, measure_space, slice_of_mark
from ifspace.model import (
    Flag,
    Kind,
    Mark,
    MarkName,
    MarkState,
    Measurement,
    NotMeasured,
    Reason,
    Session,
    Severity,
    Side,
    Source,
    Volume,
)

ISCHIUM, TROCHANTER = MarkName.ISCHIUM_LATERAL, MarkName.LESSER_TROCHANTER_MEDIAL
HAMSTRING, ILIOPSOAS = MarkName.HAMSTRING_SUPEROLATERAL, MarkName.ILIOPSOAS_POSTEROMEDIAL


def place(
    storage: Storage,
    name: MarkName,
    side: Side,
    slice_index: float,
    *,
    x_mm: float,
    y_mm: float,
    **fields: object,
) -> Mark:
    """A mark in the middle of a slice, moved x_mm to the patient's left and y_mm back in plane."""
    middle = pixel_lps_mm(storage, (slice_index, 50.0, 70.0))
    row, column = np.asarray(storage.along_row), np.asarray(storage.along_column)
    leftward, backward = (row, column) if abs(row[0]) > abs(column[0]) else (column, row)
    leftward = leftward * np.sign(leftward[0])
    backward = backward * np.sign(backward[1])
    return Mark(name, side, middle + x_mm * leftward + y_mm * backward, **fields)


def pair(
    storage: Storage,
    slice_index: float,
    mm: float,
    side: Side = Side.LEFT,
    *,
    ischium_x_mm: float = 0.0,
    **fields: object,
) -> tuple[Mark, Mark]:
    """Both marks of an ischiofemoral space of `mm` along the patient's left-right axis."""
    femur_x_mm = ischium_x_mm + (mm if side is Side.LEFT else -mm)
    return (
        place(storage, ISCHIUM, side, slice_index, x_mm=ischium_x_mm, y_mm=3.0, **fields),
        place(storage, TROCHANTER, side, slice_index, x_mm=femur_x_mm, y_mm=3.0, **fields),
    )


def measured(volume: Volume, marks: tuple[Mark, ...], **options: object) -> Measurement:
    outcome = measure_space(volume, Session(marks=marks), Kind.IFS, Side.LEFT, **options)
    assert isinstance(outcome, Measurement), outcome
    return outcome


def refused(volume: Volume, marks: tuple[Mark, ...], **options: object) -> NotMeasured:
    outcome = measure_space(volume, Session(marks=marks), Kind.IFS, Side.LEFT, **options)
    assert isinstance(outcome, NotMeasured), outcome
    return outcome


def test_the_distance_is_the_same_in_every_stored_orientation(stored: Storage) -> None:
    marks = (
        place(stored, ISCHIUM, Side.LEFT, 3, x_mm=-4.0, y_mm=5.0),
        place(stored, TROCHANTER, Side.LEFT, 3, x_mm=8.0, y_mm=-11.0),
    )
    outcome = measured(make_volume(stored), marks)
    assert outcome.value_mm == pytest.approx(20.0, abs=1e-9)
    assert outcome.slice_index == 3
    assert outcome.sop_instance_uid == "1.2.3.3"


def test_left_and_right_come_from_the_patient_not_from_the_storage(stored: Storage) -> None:
    marks = (
        *pair(stored, 2, 14.0, Side.LEFT, ischium_x_mm=8.0),
        *pair(stored, 4, 17.0, Side.RIGHT, ischium_x_mm=-8.0),
    )
    volume, session = make_volume(stored), Session(marks=marks)
    outcomes = [measure_space(volume, session, Kind.IFS, side) for side in Side]
    assert [getattr(item, "value_mm", item) for item in outcomes] == pytest.approx([14.0, 17.0])


def test_a_pair_that_points_to_the_other_hip_is_refused(stored: Storage) -> None:
    marks = pair(stored, 3, 14.0, Side.RIGHT)
    mislabelled = tuple(replace(mark, side=Side.LEFT) for mark in marks)
    outcome = refused(make_volume(stored), mislabelled)
    assert outcome.reason is Reason.SIDE_CONTRADICTED
    assert "patient's right" in outcome.detail


def test_marks_of_both_sides_that_are_crossed_are_refused() -> None:
    left = pair(PLAIN, 3, 10.0, Side.LEFT)
    right = pair(PLAIN, 3, 10.0, Side.RIGHT, ischium_x_mm=20.0)
    outcome = refused(make_volume(PLAIN), (*left, *right))
    assert outcome.reason is Reason.SIDE_CONTRADICTED


def test_a_nearly_sagittal_pair_proves_no_side() -> None:
    marks = (
        place(PLAIN, ISCHIUM, Side.LEFT, 3, x_mm=0.0, y_mm=15.0),
        place(PLAIN, TROCHANTER, Side.LEFT, 3, x_mm=-2.0, y_mm=-15.0),
    )
    assert measured(make_volume(PLAIN), marks).value_mm == pytest.approx(np.hypot(30, 2))


@pytest.mark.parametrize("missing", [ISCHIUM, TROCHANTER])
def test_a_missing_mark_is_named(missing: MarkName) -> None:
    marks = tuple(mark for mark in pair(PLAIN, 3, 14.0) if mark.name is not missing)
    outcome = refused(make_volume(PLAIN), marks)
    assert outcome.reason is Reason.MARK_MISSING
    assert missing in outcome.detail


def test_marks_of_the_other_side_do_not_count() -> None:
    both_hips = replace(PLAIN, origin_lps_mm=(-42.0, -21.0, -700.0))
    session = Session(marks=pair(both_hips, 3, 14.0))
    outcome = measure_space(make_volume(both_hips), session, Kind.IFS, Side.RIGHT)
    assert isinstance(outcome, NotMeasured)
    assert outcome.reason is Reason.MARK_MISSING


def test_marks_on_different_slices_are_refused(stored: Storage) -> None:
    marks = (pair(stored, 2, 14.0)[0], pair(stored, 3, 14.0)[1])
    outcome = refused(make_volume(stored), marks)
    assert outcome.reason is Reason.MARKS_ON_DIFFERENT_SLICES
    # People count slices from 1.
    assert "ischium_lateral on slice 3" in outcome.detail
    assert "lesser_trochanter_medial on slice 4" in outcome.detail


@pytest.mark.parametrize(("x_mm", "y_mm"), [(60.0, 0.0), (-60.0, 0.0), (0.0, 60.0), (0.0, -60.0)])
def test_marks_outside_the_image_are_refused(x_mm: float, y_mm: float) -> None:
    marks = (
        pair(PLAIN, 3, 14.0)[0],
        place(PLAIN, TROCHANTER, Side.LEFT, 3, x_mm=x_mm, y_mm=y_mm),
    )
    assert refused(make_volume(PLAIN), marks).reason is Reason.MARKS_OUTSIDE_IMAGE


@pytest.mark.parametrize("slice_index", [-1.0, 6.0])
def test_marks_beyond_the_stack_are_refused(stored: Storage, slice_index: float) -> None:
    assert (
        refused(make_volume(stored), pair(stored, slice_index, 14.0)).reason
        is Reason.MARKS_OUTSIDE_IMAGE
    )


def test_a_mark_in_the_gap_of_a_missing_slice_is_refused() -> None:
    volume = make_volume(PLAIN)
    kept = tuple(item for k, item in enumerate(volume.slices) if k != 3)
    gap = Volume(volume.series, kept, np.zeros((5, 100, 140), dtype=np.float32))
    assert refused(gap, pair(PLAIN, 3, 14.0)).reason is Reason.MARKS_OUTSIDE_IMAGE
    assert measured(gap, pair(PLAIN, 4, 14.0)).value_mm == pytest.approx(14.0)


def test_a_mark_slightly_off_its_slice_is_measured_in_the_plane(stored: Storage) -> None:
    volume = make_volume(stored)
    ischium, trochanter = pair(stored, 3, 14.0)
    normal = volume.slices[3].plane.normal_lps
    lifted = replace(trochanter, position_lps_mm=trochanter.position_lps_mm + 1.5 * normal)
    assert measured(volume, (ischium, lifted)).value_mm == pytest.approx(14.0)


def test_a_mark_has_to_lie_on_the_slice_that_it_names() -> None:
    volume = make_volume(PLAIN)
    right = pair(PLAIN, 3, 14.0, sop_instance_uid="1.2.3.3")
    assert measured(volume, right).slice_index == 3
    wrong = pair(PLAIN, 3, 14.0, sop_instance_uid="1.2.3.5")
    assert refused(volume, wrong).reason is Reason.MARKS_OUTSIDE_IMAGE
    unknown = pair(PLAIN, 3, 14.0, sop_instance_uid="1.2.9")
    assert "not in this series" in refused(volume, unknown).detail


def test_of_repeated_slices_the_named_one_is_taken() -> None:
    volume = make_volume(PLAIN)
    slices = (*volume.slices[:4], volume.slices[3], *volume.slices[4:])
    twin = replace(slices[4], source=replace(slices[4].source, sop_instance_uid="1.2.3.99"))
    twins = Volume(
        volume.series,
        (*slices[:4], twin, *slices[5:]),
        np.zeros((7, 100, 140), dtype=np.float32),
    )
    mark = pair(PLAIN, 3, 14.0, sop_instance_uid="1.2.3.99")[0]
    assert slice_of_mark(twins, mark) == 4


def test_coincident_marks_are_one_mark_clicked_twice() -> None:
    assert refused(make_volume(PLAIN), pair(PLAIN, 3, 0.3)).reason is Reason.MARKS_COINCIDE


def test_a_single_slice_can_be_measured() -> None:
    storage = replace(PLAIN, shape_kji=(1, 100, 140))
    assert measured(make_volume(storage), pair(storage, 0, 14.0)).value_mm == pytest.approx(14.0)
    assert refused(make_volume(storage), pair(storage, 1, 14.0)).reason is (
        Reason.MARKS_OUTSIDE_IMAGE
    )


def test_the_headline_is_the_smallest_distance_and_the_curve_is_kept() -> None:
    marks = (*pair(PLAIN, 4, 15.0), *pair(PLAIN, 2, 16.0), *pair(PLAIN, 3, 13.0))
    outcome = measured(make_volume(PLAIN), marks)
    assert outcome.value_mm == pytest.approx(13.0)
    assert outcome.second_best_mm == pytest.approx(15.0)
    assert [item.slice_index for item in outcome.curve] == [2, 3, 4]
    assert [item.value_mm for item in outcome.curve] == pytest.approx([16.0, 13.0, 15.0])
    assert outcome.minimum_at_range_end is False


def test_a_minimum_on_the_last_slice_is_said() -> None:
    marks = (*pair(PLAIN, 2, 13.0), *pair(PLAIN, 3, 14.0))
    assert measured(make_volume(PLAIN), marks).minimum_at_range_end is True
    within = measured(make_volume(PLAIN), marks, level_range=(1, 4))
    assert within.minimum_at_range_end is False


def test_one_slice_has_no_curve() -> None:
    outcome = measured(make_volume(PLAIN), pair(PLAIN, 3, 14.0))
    assert outcome.curve == ()
    assert outcome.second_best_mm is None
    assert outcome.minimum_at_range_end is None


def test_only_slices_within_the_level_range_count() -> None:
    marks = (*pair(PLAIN, 1, 9.0), *pair(PLAIN, 3, 14.0))
    assert measured(make_volume(PLAIN), marks, level_range=(2, 4)).value_mm == pytest.approx(14.0)


def test_marks_all_outside_the_level_range_are_refused() -> None:
    outcome = refused(make_volume(PLAIN), pair(PLAIN, 1, 9.0), level_range=(2, 4))
    assert outcome.reason is Reason.LEVEL_NOT_COVERED
    assert "slice 3 to 5" in outcome.detail


def test_the_level_range_is_found_by_the_uids_in_either_order() -> None:
    volume = make_volume(PLAIN)
    session = Session(level_range={Side.LEFT: ("1.2.3.4", "1.2.3.2")})
    assert level_range_indices(volume, session, Side.LEFT) == (2, 4)
    assert level_range_indices(volume, session, Side.RIGHT) is None


def test_the_level_range_may_name_slices_by_index_where_there_are_no_uids() -> None:
    session = Session(level_range={Side.LEFT: ("k=1", "k=3")})
    assert level_range_indices(make_volume(PLAIN), session, Side.LEFT) == (1, 3)


def test_frames_of_one_object_are_told_apart() -> None:
    volume = make_volume(PLAIN)
    frames = Volume(
        volume.series,
        tuple(
            replace(
                item,
                source=replace(item.source, sop_instance_uid="1.2.3", frame_number=number),
            )
            for number, item in enumerate(volume.slices, start=1)
        ),
        np.zeros(PLAIN.shape_kji, dtype=np.float32),
    )
    session = Session(level_range={Side.LEFT: ("1.2.3#2", "1.2.3#4")})
    assert level_range_indices(frames, session, Side.LEFT) == (1, 3)
    # Every frame carries the object's UID, so a mark's place decides.
    outcome = measured(frames, pair(PLAIN, 3, 14.0, sop_instance_uid="1.2.3"))
    assert (outcome.slice_index, outcome.frame_number) == (3, 4)


def test_a_level_range_of_another_series_is_a_mistake() -> None:
    session = Session(level_range={Side.LEFT: ("9.9", "9.9")})
    with pytest.raises(ValueError, match="not in this series"):
        level_range_indices(make_volume(PLAIN), session, Side.LEFT)


def _refusal(code: str, *slice_indices: int) -> Flag:
    return Flag(code, Severity.REFUSAL, "the spacing is contradictory", slice_indices)


def test_a_mark_on_a_refused_slice_is_not_called_outside_the_image() -> None:
    volume = make_volume(PLAIN)
    far = place(PLAIN, TROCHANTER, Side.LEFT, 3, x_mm=60.0, y_mm=0.0)
    outcome = refused(volume, (pair(PLAIN, 3, 14.0)[0], far), flags=(_refusal("spacing", 3),))
    assert outcome.reason is Reason.GEOMETRY_UNTRUSTED


def test_an_absurd_mark_of_the_other_side_spoils_nothing() -> None:
    absurd = Mark(ISCHIUM, Side.RIGHT, np.array([1e200, 0.0, 0.0]))
    assert measured(make_volume(PLAIN), (*pair(PLAIN, 3, 14.0), absurd)).value_mm > 0


def test_interpolated_pixels_do_not_narrow_the_interval() -> None:
    marks = pair(PLAIN, 3, 14.0)
    plain = measured(make_volume(PLAIN), marks)
    twice = measured(make_volume(PLAIN, acquisition_matrix=(50, 70)), marks)
    assert twice.budget[0].standard_mm == pytest.approx(2 * plain.budget[0].standard_mm)
    odd = measured(make_volume(PLAIN, acquisition_matrix=(0, 0)), marks)
    assert odd.budget[0].standard_mm == plain.budget[0].standard_mm


WIDE = replace(PLAIN, shape_kji=(6, 100, 500), origin_lps_mm=(-150.0, -21.0, -700.0))


@pytest.mark.parametrize("swapped", [False, True])
def test_marks_on_the_other_half_of_the_body_are_refused(swapped: bool) -> None:
    """Nearly sagittal, or with the names exchanged, the line alone would not tell."""
    body = np.full(WIDE.shape_kji, 300.0, dtype=np.float32)
    body[:, :, :10] = body[:, :, -10:] = 0.0
    volume = make_volume(WIDE, voxels=body)
    left_x_mm = 70.0
    ends = [np.array([left_x_mm, y, -686.8]) for y in (30.0, 12.0)]
    if swapped:
        ends = [np.array([left_x_mm + x, 20.0, -686.8]) for x in (14.0, 0.0)]
    marks = (Mark(ISCHIUM, Side.RIGHT, ends[0]), Mark(TROCHANTER, Side.RIGHT, ends[1]))
    outcome = measure_space(volume, Session(marks=marks), Kind.IFS, Side.RIGHT)
    assert isinstance(outcome, NotMeasured)
    assert outcome.reason is Reason.SIDE_CONTRADICTED
    assert "middle of the body" in outcome.detail


def test_a_refused_series_gives_no_number() -> None:
    outcome = refused(make_volume(PLAIN), pair(PLAIN, 3, 14.0), flags=(_refusal("spacing"),))
    assert outcome.reason is Reason.GEOMETRY_UNTRUSTED
    assert outcome.detail == "the spacing is contradictory"


def test_a_refusal_keeps_its_own_reason_where_the_list_has_it() -> None:
    outcome = refused(make_volume(PLAIN), pair(PLAIN, 3, 14.0), flags=(_refusal("not_axial"),))
    assert outcome.reason is Reason.NOT_AXIAL


def test_a_sound_slice_of_a_faulty_stack_can_be_measured() -> None:
    volume, flags = make_volume(PLAIN), (_refusal("repeated_slice", 2),)
    assert measured(volume, pair(PLAIN, 3, 14.0), flags=flags).value_mm == pytest.approx(14.0)
    assert refused(volume, pair(PLAIN, 2, 14.0), flags=flags).reason is Reason.GEOMETRY_UNTRUSTED
    both = (*pair(PLAIN, 2, 9.0), *pair(PLAIN, 3, 14.0))
    assert measured(volume, both, flags=flags).value_mm == pytest.approx(14.0)


def test_a_caution_forbids_nothing() -> None:
    flags = (Flag("thick_slices", Severity.CAUTION, "slices are 8 mm thick"),)
    assert measured(make_volume(PLAIN), pair(PLAIN, 3, 14.0), flags=flags).value_mm > 0


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((MarkState.CONFIRMED, MarkState.CONFIRMED), MarkState.CONFIRMED),
        ((MarkState.CONFIRMED, MarkState.PLACED), MarkState.PLACED),
        ((MarkState.PLACED, MarkState.PROPOSED), MarkState.PROPOSED),
    ],
)
def test_a_distance_is_no_better_confirmed_than_its_weaker_mark(
    states: tuple[MarkState, MarkState], expected: MarkState
) -> None:
    marks = tuple(
        replace(mark, state=state) for mark, state in zip(pair(PLAIN, 3, 14.0), states, strict=True)
    )
    assert measured(make_volume(PLAIN), marks).state is expected


def test_repeat_readings_are_averaged_and_pooled_with_the_default_spread() -> None:
    first, second = pair(PLAIN, 3, 14.0), pair(PLAIN, 3, 14.4)
    outcome = measured(make_volume(PLAIN), (*first, *second))
    assert outcome.readings == 2
    assert outcome.value_mm == pytest.approx(14.2)
    reader = outcome.budget[2]
    # Variance of the two 0.08 mm2 with one degree of freedom, the default's 0.96 mm with twelve.
    pooled_mm = np.sqrt((12 * 0.96**2 + 0.08) / 13)
    assert reader.standard_mm == pytest.approx(pooled_mm / np.sqrt(2))
    assert "own repeat readings (1 degrees of freedom)" in reader.source


def test_many_repeats_take_over_from_the_default() -> None:
    repeats = [pair(PLAIN, 3, 14.0 + 0.1 * (n % 3)) for n in range(60)]
    jitter = [
        replace(mark, position_lps_mm=mark.position_lps_mm + np.array([0.0, 1e-6 * n, 0.0]))
        for n, marks in enumerate(repeats)
        for mark in marks
    ]
    outcome = measured(make_volume(PLAIN), tuple(jitter))
    assert outcome.readings == 60
    assert outcome.budget[2].standard_mm * np.sqrt(60) < 0.5


def test_a_copied_pair_is_no_second_reading() -> None:
    once = measured(make_volume(PLAIN), pair(PLAIN, 3, 14.0))
    copied = measured(make_volume(PLAIN), pair(PLAIN, 3, 14.0) * 4)
    assert (copied.readings, copied.u95_mm) == (1, once.u95_mm)


def test_a_repeat_without_its_partner_is_refused() -> None:
    marks = (*pair(PLAIN, 3, 14.0), pair(PLAIN, 3, 14.4)[0])
    assert refused(make_volume(PLAIN), marks).reason is Reason.MARK_MISSING


def test_the_quadratus_femoris_space_has_its_own_marks_and_slice() -> None:
    marks = (
        *pair(PLAIN, 3, 14.0),
        place(PLAIN, HAMSTRING, Side.LEFT, 2, x_mm=1.0, y_mm=6.0),
        place(PLAIN, ILIOPSOAS, Side.LEFT, 2, x_mm=7.0, y_mm=-2.0),
    )
    outcome = measure_space(make_volume(PLAIN), Session(marks=marks), Kind.QFS, Side.LEFT)
    assert isinstance(outcome, Measurement)
    assert outcome.value_mm == pytest.approx(10.0)
    assert outcome.slice_index == 2


def test_a_program_cannot_place_a_mark() -> None:
    with pytest.raises(ValueError, match="proposed until a person"):
        Mark(ISCHIUM, Side.LEFT, np.zeros(3), MarkState.PLACED, Source.PROGRAM)


def test_a_confidence_is_a_share() -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        Mark(ISCHIUM, Side.LEFT, np.zeros(3), confidence=1.5)


def test_a_view_of_one_hip_does_not_miss_marks_on_the_other() -> None:
    volume = make_volume(PLAIN)
    outcome = measure_space(volume, Session(), Kind.IFS, Side.RIGHT)
    assert isinstance(outcome, NotMeasured)
    assert outcome.reason is Reason.SIDE_NOT_SHOWN
    assert outcome.detail == "the images show the left hip only"
    shown = measure_space(volume, Session(), Kind.IFS, Side.LEFT)
    assert isinstance(shown, NotMeasured)
    assert shown.reason is Reason.MARK_MISSING
