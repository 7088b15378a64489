"""The same scan, stored or lying otherwise, gives the same millimetres from the same seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.accuracy.cohort import Case, image_of, to_lps_mm
from benchmarks.accuracy.hips import true_section
from benchmarks.accuracy.scanner import tissue_fractions

from ifspace.geometry import Plane
from ifspace.landmarks import FoundSide, from_seeds
from ifspace.model import Kind, Seed, Slice, Volume


def distances(found: FoundSide, kind: Kind) -> dict[int, float]:
    return {item.slice_index: item.value_mm for item in found.readings(kind)}


def with_planes(volume: Volume, change: Callable[[Plane], Plane], voxels: np.ndarray) -> Volume:
    slices = tuple(Slice(change(item.plane), item.source) for item in volume.slices)
    return replace(volume, slices=slices, voxels=voxels)


def test_a_scan_turned_half_around_in_its_plane_gives_the_same_millimetres(hip, t1, seeds):
    def turned(plane: Plane) -> Plane:
        last = np.array(plane.shape_ji, dtype=float) - 1
        return replace(
            plane,
            origin_lps_mm=plane.to_lps_mm(last),
            along_row_lps=-plane.along_row_lps,
            along_column_lps=-plane.along_column_lps,
        )

    other = with_planes(t1, turned, t1.voxels[:, ::-1, ::-1].copy())
    assert_alike(
        from_seeds(t1, seeds, hip.side, hip.level_range),
        from_seeds(other, seeds, hip.side, hip.level_range),
    )


@pytest.mark.parametrize("degrees", [-20.0, 12.0])
def test_an_oblique_scan_of_a_patient_lying_obliquely_gives_the_same_millimetres(
    degrees, hip, t1, seeds
):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])

    def tilted(plane: Plane) -> Plane:
        return replace(
            plane,
            origin_lps_mm=turn @ plane.origin_lps_mm,
            along_row_lps=turn @ plane.along_row_lps,
            along_column_lps=turn @ plane.along_column_lps,
        )

    moved = tuple(Seed(item.name, item.side, turn @ item.position_lps_mm) for item in seeds)
    other = with_planes(t1, tilted, t1.voxels)
    assert_alike(
        from_seeds(t1, seeds, hip.side, hip.level_range),
        from_seeds(other, moved, hip.side, hip.level_range),
    )


def assert_alike(expected: FoundSide, found: FoundSide) -> None:
    assert distances(expected, Kind.IFS)
    for kind in Kind:
        assert distances(found, kind) == pytest.approx(distances(expected, kind), abs=0.05)


@pytest.mark.parametrize("pixel", [(0.6, 0.85), (0.85, 0.6)])
def test_unequal_pixels_give_the_true_millimetres(pixel, hip, seeds):
    rows, columns = (
        int(count * hip.scan.pixel[0] / mm)
        for count, mm in zip(hip.scan.shape[1:], pixel, strict=True)
    )
    scan = replace(hip.scan, pixel=pixel, shape=(hip.scan.shape[0], rows, columns))
    fractions = (tissue_fractions(hip.hip, scan) * 255).round().astype(np.uint8)
    case = Case(hip.seed, hip.hip, scan, fractions, hip.truth, hip.truth_qfs)
    found = from_seeds(image_of(case, "T1"), seeds, hip.side, hip.level_range)
    best = found.best(Kind.IFS)
    assert best is not None
    truth = true_section(hip.hip, scan, scan.levels[best.slice_index])
    assert best.value_mm == pytest.approx(truth.distance_mm, abs=0.6)
    ischium_mm = to_lps_mm(scan, truth.ischium_uv, scan.levels[best.slice_index])
    assert np.linalg.norm(best.segment.start_lps_mm - ischium_mm) < 4.0
