"""How far a label's border lies off the true one: seen where the cortex is clear, smooth between.

A network errs smoothly: where its border is too far inside at one place, it is so a few millimetres
on, and in the next slice. What the grey levels say about the border is therefore evidence for the
whole neighbourhood, weighted by how clearly the cortex was seen (Gaussian process regression,
Rasmussen and Williams 2006, chapter 2). Where the cortex is clear the grey levels decide; where it
is not, the neighbours do. How wrong the label is at all is chosen by what makes the seen edges most
likely (the same, chapter 5): a careful label is left alone, that of a network is moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from ifspace.geometry import Floats

# Over how many millimetres the error of a label stays alike.
LENGTH_MM = 7.0
# How wrong labels are: from a border drawn by hand on the images themselves to a coarse network's.
SCALES_MM = (0.1, 0.2, 0.35, 0.6, 0.9)
# The part of it that is the same all over a bone, relative to the part that varies.
MEAN_SHARE = 0.7
# Standard error of a seen edge by how clearly the cortex is seen there, and how much of it
# neighbouring edges share: they are seen every 0.75 mm and err together over some millimetres.
SIGMA_MM, SIGMA_PER_CLEARNESS, CLEARNESS_MIN = 2.3, 1.2, 0.6
TOGETHER = 3.0
# An edge this many standard errors away from its neighbourhood loses half of its say.
ROBUST = 2.5
ROUNDS = 3
# Which edges are outliers is decided once, for a label of a usual network.
USUAL_MM = 0.6


def edge_sigma_mm(clearness: Floats) -> Floats:
    """Tell how wrong a seen edge may be, from how clearly it is seen, (n,)."""
    return np.asarray(
        SIGMA_MM * np.exp(-SIGMA_PER_CLEARNESS * np.maximum(clearness, CLEARNESS_MIN))
    )


@dataclass(frozen=True, eq=False)
class SeenBorder:
    """Where the border of one bone was seen.

    Attributes
    ----------
    points_mm
        Places, (n, 3): on the raster, and the height of the slice.
    offsets_mm
        How far outside the label the border was seen there, (n,).
    clearness
        How clearly it was seen there, (n,).
    """

    points_mm: Floats
    offsets_mm: Floats
    clearness: Floats


@dataclass(frozen=True, eq=False)
class Field:
    """Error of a label's border around the places (n, 3) where it was seen."""

    points_mm: Floats
    weights: Floats
    root: tuple[Floats, bool]
    scale_mm: float

    def at(self, points_mm: Floats) -> tuple[Floats, Floats]:
        """Give how far the true border lies outside the label's, and its standard error; (n,)."""
        cross = _covariance(points_mm, self.points_mm, self.scale_mm)
        explained = np.sum(cross * cho_solve(self.root, cross.T).T, axis=1)
        variance = self.scale_mm**2 * (1 + MEAN_SHARE**2) - explained
        return cross @ self.weights, np.sqrt(np.maximum(variance, 1e-6))


def _covariance(a_mm: Floats, b_mm: Floats, scale_mm: float) -> Floats:
    """Covariance of the border's error between two sets of places."""
    near = np.exp(-0.5 * (cdist(a_mm, b_mm) / LENGTH_MM) ** 2)
    return np.asarray(scale_mm**2 * (near + MEAN_SHARE**2))


def fit_fields(seen: Sequence[SeenBorder]) -> tuple[Field, ...]:
    """Fit the error of the labels of several bones, drawn by the same hand."""
    noises = [_noise(item) for item in seen]
    likely = [
        sum(_log_likelihood(item, noise, scale) for item, noise in zip(seen, noises, strict=True))
        for scale in SCALES_MM
    ]
    scale_mm = SCALES_MM[int(np.argmax(likely))]
    return tuple(_field(item, noise, scale_mm) for item, noise in zip(seen, noises, strict=True))


def _noise(seen: SeenBorder) -> Floats:
    """Variance of every sighting; more for those that contradict their neighbourhood."""
    sigma = edge_sigma_mm(seen.clearness)
    own = _covariance(seen.points_mm, seen.points_mm, USUAL_MM)
    noise = (TOGETHER * sigma) ** 2
    for _ in range(ROUNDS):
        weights = cho_solve(cho_factor(own + np.diag(noise)), seen.offsets_mm)
        off = (seen.offsets_mm - own @ weights) / sigma
        noise = (TOGETHER * sigma) ** 2 * (1 + (off / ROBUST) ** 2)
    return np.asarray(noise)


def _log_likelihood(seen: SeenBorder, noise: Floats, scale_mm: float) -> float:
    """Log probability of the borders, up to a constant (Rasmussen and Williams, 5.8)."""
    own = _covariance(seen.points_mm, seen.points_mm, scale_mm)
    root = cho_factor(own + np.diag(noise))
    misfit = float(seen.offsets_mm @ cho_solve(root, seen.offsets_mm))
    return -0.5 * misfit - float(np.log(np.diag(root[0])).sum())


def _field(seen: SeenBorder, noise: Floats, scale_mm: float) -> Field:
    """Solve the regression for one scale."""
    root = cho_factor(_covariance(seen.points_mm, seen.points_mm, scale_mm) + np.diag(noise))
    return Field(seen.points_mm, cho_solve(root, seen.offsets_mm), root, scale_mm)
