from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from ifspace.landmarks.borders.candidates import PROFILE_MM
from ifspace.landmarks.borders.edge import fit
from ifspace.landmarks.borders.lines import smooth_along
from ifspace.landmarks.borders.surfaces import Strip, best_path, rewards, thickness_samples

FINE = np.arange(-14.0, 9.0, 0.05)


def blurred(edge_mm: float, thickness_mm: float, outside: float, rim_mm: float = 0.0):
    y = np.where(edge_mm - thickness_mm > FINE, 800.0, 60.0)
    y = np.where(edge_mm <= FINE, 900.0, y)
    y = np.where(edge_mm + rim_mm <= FINE, outside, y)
    return np.interp(PROFILE_MM, FINE, gaussian_filter1d(y, 0.42 / 0.05))


@pytest.mark.parametrize("edge_mm", [-0.83, 0.0, 0.41])
@pytest.mark.parametrize("thickness_mm", [1.0, 1.6, 4.0])
def test_the_outer_edge_is_found_below_the_pixel(edge_mm, thickness_mm):
    profile = blurred(edge_mm, thickness_mm, 300.0)[None]
    found = fit(profile, np.array([thickness_mm + 0.3]), cortex=np.array([60.0]), blur_mm=0.42)
    assert found.offset_mm[0] == pytest.approx(edge_mm, abs=0.3)
    assert found.thickness_mm[0] == pytest.approx(thickness_mm, abs=0.35)


def test_a_thin_layer_of_fat_hardly_moves_the_edge():
    profile = blurred(0.2, 1.5, 300.0, rim_mm=0.9)[None]
    found = fit(profile, np.array([1.5]), cortex=np.array([60.0]), blur_mm=0.42)
    assert found.offset_mm[0] == pytest.approx(0.2, abs=0.2)


@pytest.mark.parametrize("smear_mm", [4.0, 5.0, 6.0])
def test_an_oblique_surface_lies_where_half_of_the_slice_is_bone(smear_mm):
    """A thin band that moves through the slice looks wide; its outer edge is inside of that."""
    shifts = np.linspace(-0.5, 0.5, 41) * smear_mm
    profile = np.mean([blurred(shift, 1.6, 300.0) for shift in shifts], axis=0)
    seen_at_mm = 1.0
    found = fit(
        np.interp(PROFILE_MM + seen_at_mm, PROFILE_MM, profile)[None],
        np.array([1.6 + 0.6 * smear_mm]),
        cortex=np.array([60.0]),
        blur_mm=0.42,
        ramp_mm=smear_mm / np.sqrt(12),
    )
    assert found.offset_mm[0] + seen_at_mm == pytest.approx(0.0, abs=0.3)


def test_one_outlier_does_not_pull_a_smoothed_edge():
    arc = np.arange(0.0, 20.0, 0.75)
    values = np.zeros(len(arc))
    values[13] = 5.0
    smooth = smooth_along(values, np.ones(len(arc)), arc, 1.5)
    assert np.abs(smooth).max() < 0.3


def test_both_surfaces_are_found_on_a_strip():
    step_mm = 0.4
    radius = np.arange(95) * step_mm
    wave = 14.0 + 2.0 * np.sin(np.linspace(0, 2 * np.pi, 90))
    signal = np.where(radius[None] < wave[:, None], 1.0, 0.05)
    signal = np.where(radius[None] >= wave[:, None] + 2.0, 0.35, signal)[None]
    last = np.full((1, 90), 94, np.intp)
    thicknesses = thickness_samples(step_mm, 6.0)
    reward = rewards(Strip(signal, np.array([0.35]), step_mm, last), thicknesses)
    path = best_path(reward, thicknesses)
    assert np.abs(path.inner[0] * step_mm - wave).max() < 0.81
    assert np.abs(path.outer[0] * step_mm - wave - 2.0).max() < 0.81


def test_an_outline_never_passes_its_limit():
    signal = np.ones((1, 30, 60))
    last = np.full((1, 30), 25, np.intp)
    thicknesses = thickness_samples(0.4, 4.0)
    path = best_path(rewards(Strip(signal, np.array([0.4]), 0.4, last), thicknesses), thicknesses)
    assert path.outer.max() <= 25
