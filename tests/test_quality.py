"""What `check` finds in stacks whose faults are known, in every stored orientation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ifspace.geometry import Plane
from ifspace.model import Contrast, Flag, FlagCode, Series, Severity, Slice, SliceSource, Volume
from ifspace.quality import check

X, Y, Z = np.eye(3)
ORIENTATIONS = {
    "axial": (X, Y),
    "rows flipped": (X, -Y),
    "columns flipped": (-X, Y),
    "both flipped": (-X, -Y),
    "transposed": (Y, X),
    "oblique": (
        np.array([np.cos(0.1), np.sin(0.1), 0.0]),
        np.array([-np.sin(0.1) * np.cos(0.2), np.cos(0.1) * np.cos(0.2), np.sin(0.2)]),
    ),
}


@pytest.fixture(params=ORIENTATIONS)
def axes(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    return ORIENTATIONS[request.param]


def _planes(axes=(X, Y), heights_mm: Sequence[float] = (0, 4.4, 8.8, 13.2, 17.6)) -> list[Plane]:
    row, column = axes
    normal = np.cross(row, column)
    origin = np.array([-61.3, 17.9, -702.5])
    return [Plane(origin + h * normal, row, column, 0.8, 0.6, (20, 30)) for h in heights_mm]


def _volume(planes: list[Plane], flags: tuple[Flag, ...] = (), **facts) -> Volume:
    sources = tuple(SliceSource(Path(f"{k}"), f"1.{k}") for k in range(len(planes)))
    about = {"patient_position": "HFS", "contrast": Contrast.T1, "slice_thickness_mm": 4.4} | facts
    series = Series(sources=sources, rows=20, columns=30, **about)
    slices = tuple(Slice(p, s) for p, s in zip(planes, sources, strict=True))
    return Volume(series, slices, np.zeros((len(planes), 20, 30), np.float32), flags)


def _found(volume: Volume) -> dict[str, Flag]:
    return {flag.code: flag for flag in check(volume)}


def test_a_sound_stack_has_no_flags(axes):
    assert check(_volume(_planes(axes))) == ()


def test_what_loading_found_is_kept():
    flag = Flag("lossy_compression", Severity.CAUTION, "compressed")
    assert check(_volume(_planes(), (flag,))) == (flag,)


def test_a_missing_slice_is_named_by_its_neighbours(axes):
    flag = _found(_volume(_planes(axes, (0, 4.4, 8.8, 17.6, 22.0))))["missing_slice"]
    assert (flag.severity, flag.slice_indices) == (Severity.CAUTION, (2, 3))
    assert "8.80 mm instead of 4.40 mm" in flag.detail


def test_a_repeated_slice_is_refused_and_the_others_are_not(axes):
    flag = _found(_volume(_planes(axes, (0, 4.4, 4.4, 8.8, 13.2))))["repeated_slice"]
    assert flag.slice_indices == (1, 2)
    assert [flag.refuses(k) for k in range(5)] == [False, True, True, False, False]


def test_a_series_at_one_place_is_refused_whole(axes):
    found = _found(_volume(_planes(axes, (0.0, 0.0, 0.0))))
    assert found["repeated_slice"].slice_indices == (0, 1, 2)
    assert "missing_slice" not in found


def test_uneven_steps_are_a_caution_that_names_the_slices(axes):
    flag = _found(_volume(_planes(axes, (0, 4.4, 8.8, 14.2, 17.6))))["uneven_steps"]
    assert (flag.severity, flag.slice_indices) == (Severity.CAUTION, (2, 3, 4))


@pytest.mark.parametrize(("jitter_mm", "codes"), [(0.09, set()), (0.12, {"uneven_steps"})])
def test_the_step_tolerance_is_a_tenth_of_a_millimetre(jitter_mm, codes):
    assert set(_found(_volume(_planes(heights_mm=(0, 4.4, 8.8, 13.2 + jitter_mm))))) == codes


def test_a_slice_that_is_not_parallel_is_named(axes):
    planes = _planes(axes)
    row, column = axes
    normal = np.cross(row, column)
    turned = np.cos(0.02) * column + np.sin(0.02) * normal
    planes[3] = replace(planes[3], along_column_lps=turned)
    flag = _found(_volume(planes))["tilted_slices"]
    assert (flag.severity, flag.slice_indices) == (Severity.CAUTION, (3,))


def test_a_sheared_stack_names_the_slices_beyond_tolerance(axes):
    row, _ = axes
    planes = [
        replace(plane, origin_lps_mm=plane.origin_lps_mm + 0.2 * k * row)
        for k, plane in enumerate(_planes(axes))
    ]
    flag = _found(_volume(planes))["sheared_stack"]
    assert flag.slice_indices == (2, 3, 4)
    assert "up to 0.8 mm" in flag.detail


def test_a_drift_below_tolerance_at_the_far_slice_is_rounding(axes):
    row, _ = axes
    planes = [
        replace(plane, origin_lps_mm=plane.origin_lps_mm + 0.05 * k * row)
        for k, plane in enumerate(_planes(axes))
    ]
    assert check(_volume(planes)) == ()


def test_one_slice_of_another_spacing_is_refused(axes):
    planes = _planes(axes)
    planes[1] = replace(planes[1], column_spacing_mm=0.7)
    flag = _found(_volume(planes))["spacing_contradictory"]
    assert (flag.severity, flag.slice_indices) == (Severity.REFUSAL, (1,))


def test_spacings_without_a_majority_refuse_the_series():
    planes = [replace(p, row_spacing_mm=0.5 + 0.1 * k) for k, p in enumerate(_planes())]
    flag = _found(_volume(planes))["spacing_contradictory"]
    assert flag.slice_indices == ()
    assert all(flag.refuses(k) for k in range(5))


def test_spacing_that_differs_by_rounding_is_the_same():
    planes = [replace(p, row_spacing_mm=0.8 + 1e-5 * k) for k, p in enumerate(_planes())]
    assert check(_volume(planes)) == ()


@pytest.mark.parametrize(
    ("tilt_deg", "code", "severity"),
    [
        (14.0, None, None),
        (16.0, "tilted_from_axial", Severity.CAUTION),
        (30.01, "tilted_from_axial", Severity.CAUTION),
        (30.1, "not_axial", Severity.REFUSAL),
        (90.0, "not_axial", Severity.REFUSAL),
    ],
)
def test_tilt_from_axial_is_a_caution_and_then_a_refusal(tilt_deg, code, severity):
    a = np.radians(tilt_deg)
    flags = check(_volume(_planes((X, np.array([0.0, np.cos(a), np.sin(a)])))))
    assert [(flag.code, flag.severity) for flag in flags] == ([(code, severity)] if code else [])


@pytest.mark.parametrize(
    ("facts", "code", "severity"),
    [
        ({"slice_thickness_mm": 6.0}, "thick_slices", Severity.CAUTION),
        ({"slice_thickness_mm": 4.0}, "slice_gap", Severity.INFO),
        ({"slice_thickness_mm": 2.0}, "slice_gap", Severity.CAUTION),
        ({"acquisition_matrix": (10, 30)}, "interpolated_matrix", Severity.CAUTION),
        ({"modality": "CT"}, "not_mr", Severity.CAUTION),
        ({"contrast": Contrast.STIR}, "fat_suppressed", Severity.CAUTION),
        ({"contrast": Contrast.T2_FS}, "fat_suppressed", Severity.CAUTION),
        ({"contrast": Contrast.UNKNOWN}, "contrast_unknown", Severity.INFO),
        ({"patient_position": "HFP"}, "prone", Severity.CAUTION),
        ({"patient_position": "FFP"}, "prone", Severity.CAUTION),
        ({"patient_position": "HFDL"}, "decubitus", Severity.CAUTION),
        ({"patient_position": "FFS"}, "feet_first", Severity.INFO),
    ],
)
def test_how_the_images_were_made_is_said(facts, code, severity):
    flags = check(_volume(_planes(), **facts))
    assert [(flag.code, flag.severity) for flag in flags] == [(code, severity)]
    assert flags[0].detail.endswith(".")
    assert isinstance(flags[0].code, FlagCode)


def test_coarse_pixels_are_a_caution():
    planes = [replace(plane, row_spacing_mm=1.6) for plane in _planes()]
    assert [flag.code for flag in check(_volume(planes))] == ["coarse_pixels"]


@pytest.mark.parametrize("ratio", [(20, 30), (17, 26)])
def test_a_matrix_that_differs_by_rounding_is_not_interpolated(ratio):
    assert check(_volume(_planes(), acquisition_matrix=ratio)) == ()


def test_a_single_slice_can_be_checked():
    assert check(_volume(_planes(heights_mm=(0,)))) == ()
