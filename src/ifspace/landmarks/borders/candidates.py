"""Every signal that a cortex may show between marrow and the tissue outside, to be fitted.

Across the cortex the signal is modelled as marrow, a dark cortex whose level is known, perhaps a
thin bright layer of fat, and the tissue outside, all blurred. Place, thickness, layer and blur are
searched on a grid; the amplitudes are linear and follow from least squares.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ifspace.geometry import Floats
from ifspace.landmarks.borders.surfaces import Single

PROFILE_STEP_MM = 0.3
PROFILE_MM = np.arange(-9.3, 4.6, PROFILE_STEP_MM)

OFFSETS_MM = np.arange(-1.95, 1.96, 0.15)
THICKNESSES_MM = np.arange(0.4, 7.05, 0.3)
RIMS_MM = np.array([0.0, 0.4, 1.0])
# Blur relative to that of the image: more where the cortex runs obliquely through the slice.
BLURS = np.array([0.9, 1.15, 1.5, 2.0, 2.6, 3.3, 4.2])
# Up to this is blur of the image; the rest is a surface that moves through the slice, which
# spreads it evenly.
OBLIQUE = 1.4
# Blurs that differ by less are the same: the candidates are built once for all of them.
BLUR_STEP_MM = 0.03
# The model claims the signal only so far inside the marrow and outside the cortex.
CLAIM_INSIDE_MM = 2.5
CLAIM_OUTSIDE_MM = 2.7
# A band smeared by a blur looks wider than it is by twice the blur.
SMEAR = 2.0
# An even spread has this many times the variance of one over its squared width.
EVEN_VARIANCE = 12.0
# Unknown amplitudes: marrow, outside and, where there is one, the rim.
AMPLITUDES = 3


@dataclass(frozen=True, eq=False)
class Candidates:
    """All candidate profiles as linear maps.

    `solve` (candidates, 3, samples) gives the amplitudes of marrow, outside and rim; `project`
    (candidates, 3, samples) an orthonormal basis; `claimed` (candidates, samples) says which
    samples a candidate explains; `smear_mm` (candidates,) how much wider than it is a band looks
    beyond the blur of the image.
    """

    offset_mm: Floats
    thickness_mm: Floats
    rim_mm: Floats
    blur_mm: Floats
    smear_mm: Floats
    claimed: Single
    project: Single
    solve: Single


def candidates_for(blur_mm: float) -> Candidates:
    """Give every candidate for an image blur, built once per blur."""
    return _candidates(BLUR_STEP_MM * max(1, round(blur_mm / BLUR_STEP_MM)))


@lru_cache(maxsize=8)
def _candidates(blur_mm: float) -> Candidates:
    grid = itertools.product(BLURS, THICKNESSES_MM, OFFSETS_MM, RIMS_MM)
    ratio, thickness, offset, rim = np.array(list(grid)).T
    sigma = blur_mm * ratio
    point = np.where(ratio < OBLIQUE, sigma, blur_mm)[:, None]
    width = np.sqrt(EVEN_VARIANCE * np.maximum(sigma[:, None] ** 2 - point**2, 1e-6))
    x = PROFILE_MM[None, :]
    inner, outer = (offset - thickness)[:, None], offset[:, None]
    marrow, outside = 1 - _step(x - inner, point, width), _step(x - outer, point, width)
    beyond_rim = _step(x - (offset + rim)[:, None], point, width)
    layer = np.where(rim[:, None] > 0, outside - beyond_rim, 0.0)
    claimed = (x > inner - CLAIM_INSIDE_MM) & (x < outer + CLAIM_OUTSIDE_MM)
    basis = np.stack([marrow, outside, layer], axis=1) * claimed[:, None]
    project, solve = _least_squares(basis, rim > 0)
    return Candidates(
        offset,
        thickness,
        rim,
        sigma,
        SMEAR * np.maximum(sigma - blur_mm, 0.0),
        claimed.astype(np.float32),
        project.astype(np.float32),
        solve.astype(np.float32),
    )


def _step(x_mm: Floats, point_mm: Floats, width_mm: Floats) -> Floats:
    """Give a step at zero, blurred by a Gaussian and spread evenly over a width."""

    def area(u: Floats) -> Floats:
        """Integrate the normal distribution function."""
        return np.asarray(u * ndtr(u) + np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi))

    high, low = (x_mm + width_mm / 2) / point_mm, (x_mm - width_mm / 2) / point_mm
    return np.asarray((area(high) - area(low)) * point_mm / width_mm)


def _least_squares(basis: Floats, has_rim: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Give the orthonormal basis and the solution of every candidate's basis (n, 3, samples)."""
    project, solve = np.zeros_like(basis), np.zeros_like(basis)
    for unknowns, which in ((AMPLITUDES, has_rim), (AMPLITUDES - 1, ~has_rim)):
        rows = basis[which, :unknowns]
        # Normal equations by Cholesky: several times faster than QR for three unknowns.
        gram = rows @ np.swapaxes(rows, 1, 2)
        half = np.linalg.inv(np.linalg.cholesky(gram))
        project[which, :unknowns] = half @ rows
        solve[which, :unknowns] = np.swapaxes(half, 1, 2) @ project[which, :unknowns]
    return project, solve
