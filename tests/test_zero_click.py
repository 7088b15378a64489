"""What the network draws becomes a distance only where the grey levels bear it out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ifspace
from ifspace import zero_click
from ifspace.geometry import Segment
from ifspace.io import load_volume, open_study
from ifspace.landmarks import QualityGrade, SliceReading
from ifspace.model import Kind, MarkState, Reason, Refusal, Side

# Twice the standard deviation between two readers over twelve hips.
READERS_MM = {Kind.IFS: 2.7, Kind.QFS: 2.9}
# Mean of two readers; the first and the second space.
READ = {
    ("sts_hip_t1/STS_048/MR_T1", Side.LEFT): (20.25, 17.50),
    ("sts_hip_t1/STS_046/MR_T1", Side.RIGHT): (16.20, 9.75),
    ("sts_hip_t1/STS_044/MR_T1", Side.RIGHT): (29.70, 32.50),
    ("ucec_pelvis_t2/C3N-01871.mha", Side.RIGHT): (26.35, 14.85),
    ("ucec_pelvis_t2/C3N-01871.mha", Side.LEFT): (23.65, 11.75),
}


def reading(slice_index: int, value_mm: float, *, score: float = 1.0, moved_mm: float = 0.0):
    segment = Segment(np.zeros(3), np.array([value_mm, 0.0, 0.0]))
    return SliceReading(
        slice_index,
        segment,
        value_mm,
        0.6,
        score,
        0.9,
        QualityGrade.GREEN,
        label_mm=value_mm + moved_mm,
    )


def test_a_doubtful_slice_is_never_the_smallest_distance() -> None:
    said = zero_click.believed((reading(3, 12.0, score=0.1), reading(4, 15.0), reading(5, 18.0)))
    assert isinstance(said[0], Refusal)
    assert said[0].slice_index == 3
    assert [item.value_mm for item in said[1:]] == [15.0, 18.0]


def test_a_doubtful_slice_above_a_clear_one_stays_in_the_curve() -> None:
    said = zero_click.believed((reading(3, 15.0), reading(4, 19.0, score=0.1)))
    assert all(isinstance(item, SliceReading) for item in said)


def test_a_distance_that_the_grey_levels_move_far_is_refused() -> None:
    (said,) = zero_click.believed((reading(3, 15.0, moved_mm=3.5),))
    assert isinstance(said, Refusal)
    assert said.reason is Reason.LOW_CONFIDENCE


def test_an_unreviewed_distance_is_never_more_certain_than_its_calibration() -> None:
    (said,) = zero_click.believed((reading(3, 15.0),))
    assert said.u95_mm == zero_click.U95_MIN_MM
    assert said.grade is QualityGrade.AMBER


@pytest.mark.slow
@pytest.mark.real_data
def test_real_hips_are_right_within_what_readers_differ_by_or_refused(real_data: Path) -> None:
    shown = 0
    for path in sorted({path for path, _ in READ}):
        for item in ifspace.propose(real_data / path).measurements:
            read_mm = dict(zip(Kind, READ[path, item.side], strict=True))[item.kind]
            assert item.value_mm == pytest.approx(read_mm, abs=READERS_MM[item.kind])
            assert item.state is MarkState.PROPOSED
            shown += item.kind is Kind.IFS
    assert shown >= 3


@pytest.mark.real_data
@pytest.mark.parametrize("path", ["prostate_negative"])
def test_a_scan_without_hips_gives_nothing(path: str, real_data: Path) -> None:
    with open_study(real_data / path) as study:
        found = zero_click.find_sides(load_volume(study.choose()))
    assert all(item.refusal is not None for item in found.values())
