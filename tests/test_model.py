from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import PLAIN, make_volume

from ifspace.geometry import Segment
from ifspace.model import (
    AssessedSpace,
    Contrast,
    Flag,
    Kind,
    MarkState,
    Measurement,
    NotMeasured,
    PatientIdentity,
    Reason,
    Seed,
    SeedName,
    Session,
    Severity,
    Side,
    Signature,
    SliceSource,
    StudyResult,
    Volume,
)


def measurement(**fields: object) -> Measurement:
    sound: dict[str, object] = {
        "kind": Kind.IFS,
        "side": Side.LEFT,
        "value_mm": 13.0,
        "u95_mm": 1.9,
        "segment": Segment(np.zeros(3), np.array([13.0, 0, 0])),
        "slice_index": 0,
        "method": "marks/1",
        "state": MarkState.CONFIRMED,
        "marks": (),
    }
    return Measurement(**{**sound, **fields})


@pytest.mark.parametrize("value_mm", [0.0, -1.0, float("nan"), float("inf")])
def test_a_number_that_is_no_length_cannot_become_a_measurement(value_mm: float) -> None:
    with pytest.raises(ValueError, match="length above zero"):
        measurement(value_mm=value_mm)
    with pytest.raises(ValueError, match="half-width above zero"):
        measurement(u95_mm=value_mm)


def test_voxels_that_do_not_fit_the_slices_are_refused() -> None:
    volume = make_volume(PLAIN)
    with pytest.raises(ValueError, match="slices say"):
        Volume(volume.series, volume.slices, np.zeros((6, 100, 141), dtype=np.float32))
    with pytest.raises(ValueError, match="at least one slice"):
        Volume(volume.series, (), np.zeros((0, 1, 1), dtype=np.float32))


def test_voxels_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        make_volume(PLAIN).voxels[0, 0, 0] = 1.0


def test_the_slice_step_comes_from_the_positions() -> None:
    volume = make_volume(PLAIN)
    assert volume.slice_step_mm == pytest.approx(4.4)
    one = Volume(volume.series, volume.slices[:1], volume.voxels[:1])
    assert one.slice_step_mm is None


def test_the_nearest_slice_and_how_far_it_is() -> None:
    volume = make_volume(PLAIN)
    point = volume.slices[4].plane.to_lps_mm([3, 3]) + np.array([0, 0, 1.0])
    assert volume.nearest_slice(point) == (4, pytest.approx(1.0))


def test_a_series_counts_its_slices() -> None:
    assert make_volume(PLAIN).series.slice_count == 6


@pytest.mark.parametrize(
    ("contrast", "suppressed"),
    [(Contrast.T1, False), (Contrast.PD_FS, True), (Contrast.STIR, True), (Contrast.T2, False)],
)
def test_fat_suppression_is_part_of_the_contrast(contrast: Contrast, suppressed: bool) -> None:
    assert contrast.fat_suppressed is suppressed


def test_a_refusal_forbids_its_slices_or_all() -> None:
    whole = Flag("spacing", Severity.REFUSAL, "d")
    one = Flag("repeated_slice", Severity.REFUSAL, "d", (2,))
    caution = Flag("thick", Severity.CAUTION, "d", (2,))
    assert whole.refuses(5)
    assert [one.refuses(k) for k in (1, 2)] == [False, True]
    assert not caution.refuses(2)


def test_a_seed_needs_a_place() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Seed(SeedName.FEMUR_MARROW, Side.LEFT, np.array([0, 0, np.nan]))


def test_an_identity_is_never_printed_by_accident() -> None:
    identity = PatientIdentity("DOE^JANE", "4711", "19790102", "20260102", "A1")
    assert "DOE" not in f"{identity!r} {identity}"


def test_a_result_is_final_only_when_confirmed_and_signed() -> None:
    confirmed = AssessedSpace(measurement())
    unsigned = StudyResult("0", make_volume(PLAIN).series, Session(), (confirmed,))
    assert not unsigned.is_final
    signed = replace(unsigned, session=Session(signature=Signature("A", "2026-01-02T03:04:05Z")))
    assert signed.is_final
    placed = AssessedSpace(measurement(state=MarkState.PLACED))
    assert not replace(signed, spaces=(confirmed, placed)).is_final
    nothing = AssessedSpace(NotMeasured(Kind.QFS, Side.LEFT, Reason.MARK_MISSING, "d"))
    assert not replace(signed, spaces=(nothing,)).is_final
    assert replace(signed, spaces=(confirmed, nothing)).is_final


def test_a_source_may_be_a_frame() -> None:
    assert SliceSource(Path("a"), "1.2", frame_number=3).frame_number == 3
