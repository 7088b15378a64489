"""Marks go to the edge they stand for, on their line, in every storage; or a reason is given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.accuracy.cohort import Case, image_of, make_case, to_lps_mm
from scipy.special import ndtr
from tests.conftest import PLAIN, Storage, make_volume, pixel_lps_mm

from ifspace.landmarks import Snapped, snap_to_edge
from ifspace.model import Contrast, Mark, MarkName, Reason, Refusal, Side

K = 2
RADIUS_MM, CORTEX_MM, BLUR_MM = 12.0, 2.6, 0.45
MARROW, CORTEX, MUSCLE, FAT = 800.0, 50.0, 300.0, 820.0
ISCHIUM, TROCHANTER = MarkName.ISCHIUM_LATERAL, MarkName.LESSER_TROCHANTER_MEDIAL


def rings(distance_mm: np.ndarray, borders: list[tuple[float, float]], inner: float) -> np.ndarray:
    """Signal that changes to `level` at each (radius, level), softly."""
    signal, before = np.full(distance_mm.shape, inner), inner
    for radius_mm, level in borders:
        signal += (level - before) * ndtr((distance_mm - radius_mm) / BLUR_MM)
        before = level
    return signal


BONE = [(RADIUS_MM - CORTEX_MM, CORTEX), (RADIUS_MM, MUSCLE)]


class TwoBones:
    """Two round bones in one slice of a storage, drawn by the DICOM equation."""

    def __init__(
        self,
        stored: Storage,
        side: Side = Side.LEFT,
        borders: list[tuple[float, float]] | None = None,
        inner: float = MARROW,
        **series_fields: object,
    ) -> None:
        lateral = 1.0 if side is Side.LEFT else -1.0
        normal = np.cross(stored.along_row, stored.along_column)
        left = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
        self.out = lateral * left / np.linalg.norm(left)
        _, rows, columns = stored.shape_kji
        middle = pixel_lps_mm(stored, (K, (rows - 1) / 2, (columns - 1) / 2))
        self.ischium, self.femur = middle - 20.0 * self.out, middle + 20.0 * self.out
        j, i = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
        # The DICOM equation is linear in the indices.
        origin = pixel_lps_mm(stored, (K, 0, 0))
        down, right = (pixel_lps_mm(stored, (K, *ji)) - origin for ji in ((1, 0), (0, 1)))
        points = origin + np.outer(j.ravel(), down) + np.outer(i.ravel(), right)
        near = np.minimum(
            np.linalg.norm(points - self.ischium, axis=1),
            np.linalg.norm(points - self.femur, axis=1),
        )
        voxels = np.zeros(stored.shape_kji, np.float32)
        voxels[K] = rings(near, borders or BONE, inner).reshape(rows, columns)
        self.volume = make_volume(stored, voxels=voxels, **series_fields)
        self.edges = {
            ISCHIUM: self.ischium + RADIUS_MM * self.out,
            TROCHANTER: self.femur - RADIUS_MM * self.out,
        }
        self.outward = {ISCHIUM: self.out, TROCHANTER: -self.out}
        self.side = side

    def snap(self, name: MarkName, off_mm: float, *, partner: bool = True) -> Snapped | Refusal:
        other = TROCHANTER if name is ISCHIUM else ISCHIUM
        mark = Mark(name, self.side, self.edges[name] + off_mm * self.outward[name])
        toward = self.edges[other] if partner else None
        return snap_to_edge(self.volume, K, mark, toward_lps_mm=toward)


def found(answer: Snapped | Refusal) -> Snapped:
    assert isinstance(answer, Snapped), answer
    return answer


def reason(answer: Snapped | Refusal) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.detail


# ------------------------------------------------------------------------------------ geometry


@pytest.mark.parametrize("side", Side)
def test_a_mark_comes_back_to_the_edge_in_every_storage(stored: Storage, side: Side) -> None:
    bones = TwoBones(stored, side)
    plane = bones.volume.slices[K].plane
    for name in (ISCHIUM, TROCHANTER):
        for off_mm in (-2.5, 0.0, 2.0):
            answer = found(bones.snap(name, off_mm))
            assert answer.point_lps_mm == pytest.approx(bones.edges[name], abs=0.3)
            assert answer.moved_mm == pytest.approx(-off_mm, abs=0.3)
            assert float(plane.height_mm(answer.point_lps_mm)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("side", Side)
def test_without_a_partner_the_mark_goes_squarely_to_the_edge_that_faces_the_other_bone(
    stored: Storage, side: Side
) -> None:
    bones = TwoBones(stored, side)
    for name, centre in ((ISCHIUM, bones.ischium), (TROCHANTER, bones.femur)):
        answer = found(bones.snap(name, 1.5, partner=False))
        radius_mm = np.linalg.norm(answer.point_lps_mm - centre)
        assert radius_mm == pytest.approx(RADIUS_MM, abs=0.3)
        assert answer.point_lps_mm == pytest.approx(bones.edges[name], abs=1.0)


def test_the_mark_stays_on_the_line_to_its_partner() -> None:
    bones = TwoBones(PLAIN)
    beside = 3.0 * np.cross(bones.out, [0.0, 0.0, 1.0])
    start = bones.edges[ISCHIUM] + beside
    answer = found(
        snap_to_edge(
            bones.volume, K, Mark(ISCHIUM, Side.LEFT, start), toward_lps_mm=bones.edges[TROCHANTER]
        )
    )
    line = bones.edges[TROCHANTER] - start
    off = np.cross(answer.point_lps_mm - start, line / np.linalg.norm(line))
    assert np.linalg.norm(off) == pytest.approx(0.0, abs=1e-6)
    assert np.linalg.norm(answer.point_lps_mm - bones.ischium) == pytest.approx(12.0, abs=0.3)


def test_a_partner_on_another_slice_counts_by_its_foot() -> None:
    bones = TwoBones(PLAIN)
    mark = Mark(ISCHIUM, Side.LEFT, bones.edges[ISCHIUM])
    above = bones.edges[TROCHANTER] + np.array([0.0, 0.0, 8.8])
    answer = found(snap_to_edge(bones.volume, K, mark, toward_lps_mm=above))
    assert answer.point_lps_mm[2] == pytest.approx(mark.position_lps_mm[2], abs=1e-9)


def test_the_profile_is_the_signal_of_the_image_on_the_line(stored: Storage) -> None:
    answer = found(TwoBones(stored).snap(ISCHIUM, 1.0))
    at = answer.profile.position_mm
    signal = answer.profile.signal
    # One millimetre outside the edge there is muscle, further in cortex and then marrow.
    assert signal[np.argmin(np.abs(at - (answer.moved_mm - 0.8)))] < 150.0
    assert signal[np.argmin(np.abs(at - (answer.moved_mm - 5.0)))] == pytest.approx(800, abs=25)
    assert signal[np.argmin(np.abs(at - (answer.moved_mm + 5.0)))] == pytest.approx(300, abs=25)
    assert at.min() <= -10.0
    assert at.max() >= 8.0


# ------------------------------------------------------------------------------------- refusals


def test_fat_suppressed_images_are_refused() -> None:
    detail = reason(TwoBones(PLAIN, contrast=Contrast.PD_FS).snap(ISCHIUM, 0.0))
    assert "fat-suppressed" in detail


def test_a_flat_signal_is_refused() -> None:
    detail = reason(TwoBones(PLAIN, borders=[(RADIUS_MM, 300.0)], inner=300.0).snap(ISCHIUM, 0.0))
    assert "marrow" in detail or "no clear edge" in detail


def test_a_mark_never_moves_farther_than_the_reach() -> None:
    bones = TwoBones(PLAIN)
    for off_mm in (4.2, 4.5, 5.0, 6.5, -4.5, -5.0):
        assert "no clear edge" in reason(bones.snap(ISCHIUM, off_mm))
    assert found(bones.snap(ISCHIUM, 3.6)).moved_mm == pytest.approx(-3.6, abs=0.3)


def test_a_mark_between_two_equally_clear_edges_is_refused() -> None:
    bands = [(9.5, CORTEX), (11.5, MUSCLE), (14.5, CORTEX), (16.5, MUSCLE)]
    bones = TwoBones(PLAIN, borders=bands, inner=MUSCLE)
    between = bones.ischium + 14.0 * bones.out
    mark = Mark(MarkName.HAMSTRING_SUPEROLATERAL, Side.LEFT, between)
    detail = reason(snap_to_edge(bones.volume, K, mark, toward_lps_mm=bones.edges[TROCHANTER]))
    assert "two edges within 4 mm" in detail


def test_a_tendon_is_not_searched_without_a_line() -> None:
    bones = TwoBones(PLAIN)
    mark = Mark(MarkName.HAMSTRING_SUPEROLATERAL, Side.LEFT, bones.edges[ISCHIUM])
    assert "place that one first" in reason(snap_to_edge(bones.volume, K, mark))
    toward = bones.edges[TROCHANTER]
    answer = found(snap_to_edge(bones.volume, K, mark, toward_lps_mm=toward))
    assert answer.point_lps_mm == pytest.approx(bones.edges[ISCHIUM], abs=0.3)


def test_a_mark_at_the_border_of_the_image_is_refused() -> None:
    volume = TwoBones(PLAIN).volume
    mark = Mark(ISCHIUM, Side.LEFT, pixel_lps_mm(PLAIN, (K, 50, 4)))
    answer = snap_to_edge(volume, K, mark)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.MARKS_OUTSIDE_IMAGE


def test_sagittal_slices_are_refused() -> None:
    sagittal = replace(PLAIN, along_row=(0.0, 1.0, 0.0), along_column=(0.0, 0.0, -1.0))
    volume = make_volume(sagittal)
    mark = Mark(ISCHIUM, Side.LEFT, pixel_lps_mm(sagittal, (K, 50, 70)))
    answer = snap_to_edge(volume, K, mark)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.NOT_AXIAL


def test_coarse_pixels_are_refused() -> None:
    coarse = replace(PLAIN, row_spacing_mm=1.8, column_spacing_mm=1.7, shape_kji=(6, 50, 60))
    assert "too coarse" in reason(TwoBones(coarse).snap(ISCHIUM, 0.0))


def test_a_slice_that_does_not_exist_is_the_callers_mistake() -> None:
    mark = Mark(ISCHIUM, Side.LEFT, (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="slice_index"):
        snap_to_edge(make_volume(PLAIN), 6, mark)


# ------------------------------------------------------------------------------- analytic hips

OFFSETS_MM = (-3.0, -1.5, 0.0, 1.5, 3.0)
SEEDS = (1000, 1001, 1002, 1003)


@pytest.fixture(scope="module")
def hips(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    cache = tmp_path_factory.mktemp("hips")
    return [make_case(seed, cache=cache) for seed in SEEDS]


def answers(
    hips: list[Case], sequence: str, offsets_mm: tuple[float, ...] = OFFSETS_MM, snr: float = 20.0
) -> list[tuple[float, Snapped | Refusal]]:
    """How far the mark was put off the true edge, and what the library made of it."""
    out = []
    for case in hips:
        volume = image_of(case, sequence, snr)
        for k, truth in enumerate(case.truth):
            if truth is None:
                continue
            ischium, femur = (
                to_lps_mm(case.scan, uv, case.scan.levels[k])
                for uv in (truth.ischium_uv, truth.femur_uv)
            )
            for name, edge, other in ((ISCHIUM, ischium, femur), (TROCHANTER, femur, ischium)):
                outward = (other - edge) / np.linalg.norm(other - edge)
                for off_mm in offsets_mm:
                    mark = Mark(name, case.side, edge + off_mm * outward)
                    out.append((off_mm, snap_to_edge(volume, k, mark, toward_lps_mm=other)))
    return out


def errors(tried: list[tuple[float, Snapped | Refusal]]) -> np.ndarray:
    """Errors along the line of all marks that were moved, without sign."""
    return np.array([abs(off_mm + a.moved_mm) for off_mm, a in tried if isinstance(a, Snapped)])


@pytest.mark.parametrize("sequence", ["T1", "PD", "T2"])
def test_marks_up_to_3_mm_off_come_back(hips: list[Case], sequence: str) -> None:
    tried = answers(hips, sequence)
    off = errors(tried)
    assert len(off) > 0.6 * len(tried)
    assert np.median(off) < 0.3
    assert np.percentile(off, 95) < 0.8
    within = [abs(o + a.moved_mm) <= a.u95_mm for o, a in tried if isinstance(a, Snapped)]
    assert np.mean(within) >= 0.9


def test_marks_that_are_right_stay(hips: list[Case]) -> None:
    off = errors(answers(hips, "PD", (0.0,), 40.0))
    assert np.median(off) < 0.2
    assert np.mean(off < 0.3) >= 0.85


def test_noise_is_answered_by_refusals_and_not_by_wrong_places(hips: list[Case]) -> None:
    shares = []
    for snr in (60.0, 20.0, 7.0, 2.5):
        tried = answers(hips[:2], "T1", (-2.0, 2.0), snr)
        off = errors(tried)
        shares.append(len(off) / len(tried))
        assert not len(off) or np.median(off) < 0.4
    assert shares[0] >= shares[2] >= shares[3]
    assert shares[3] < 0.5
