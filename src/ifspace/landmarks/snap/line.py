"""A line on a patch with parallel rays on both sides, and the edge that runs across all of them.

One edge is searched on all rays together, because an edge continues beside the line and noise
does not. It has to be clear, and clearly better than every other edge within reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import Patch
from ifspace.landmarks.borders.lines import outward_normals, resample_arc, smooth_outline
from ifspace.landmarks.borders.rays import with_prior
from ifspace.landmarks.borders.signal import TissueSignal
from ifspace.landmarks.borders.surfaces import IMPOSSIBLE, Single, best_path
from ifspace.model import Kind, Reason, Refusal

STEP_MM = 0.3
# Rays on both sides of the line: a trochanter is some 10 mm wide, and an edge is nearly straight
# over half of that.
BESIDE_STEP_MM = 0.6
BESIDE_MM = np.arange(-4.2, 4.21, BESIDE_STEP_MM)
CENTRAL_MM = 1.6
CENTRAL = np.abs(BESIDE_MM) <= CENTRAL_MM
# Inwards the thickest cortex with marrow behind it, outwards what tells muscle from fat.
INWARD_MM, OUTWARD_MM = 14.0, 4.5

# Reward lost by an edge 1 mm from the mark, and the most that is lost: of two edges that are
# equally clear the nearer one is meant.
PULL_PER_MM2 = 0.06
PULL_CAP_MM2 = 9.0
# An edge this far from another is another edge; the better one must lead by so much reward.
APART_MM = 1.6
LEAD_MIN = 0.12
# Found on analytic hips in three contrasts: of bone edges less clear than 0.6 a third was wrong by
# more than 1 mm, of tendon edges less clear than 0.5 up to a tenth; of clearer ones about 1 %.
CLEAR_MIN: Mapping[Kind, float] = MappingProxyType({Kind.IFS: 0.6, Kind.QFS: 0.5})
# Where the fitted edge jumps along itself by more, it follows several structures.
ROUGHEST_MM = 0.8

NORMAL_STEP_MM = 0.75
NEAR_LINE_MM = 3.4


@dataclass(frozen=True, eq=False)
class ProfileBand:
    """A line along which an edge is searched, (2,) each, on the raster.

    `kind` tells whether the edge is one of bone (ischiofemoral space) or of tendon (quadratus
    femoris space); `reach_mm` limits how far from `start_mm` it may lie, both ways.
    """

    patch: Patch
    kind: Kind
    start_mm: Floats
    outward: Floats
    levels: TissueSignal
    reach_mm: float

    @property
    def beside(self) -> Floats:
        """Unit vector across the line, (2,)."""
        return np.array([-self.outward[1], self.outward[0]])

    @property
    def steps_mm(self) -> Floats:
        """Places of the samples along every ray, 0 at the start, (samples,)."""
        return np.arange(-INWARD_MM, self.reach_mm + OUTWARD_MM, STEP_MM)

    def signal(self) -> Floats:
        """Read the patch on all rays, (rays, samples)."""
        beside = self.start_mm + BESIDE_MM[:, None, None] * self.beside
        return self.patch.sample(beside + self.steps_mm[None, :, None] * self.outward)

    def crossing_mm(self, edge_mm: Floats) -> float:
        """Read off how far out an edge (n, 2) crosses the line."""
        offset = edge_mm - self.start_mm
        beside, out = offset @ self.beside, offset @ self.outward
        order = np.argsort(beside)
        return float(np.interp(0.0, beside[order], out[order]))


@dataclass(frozen=True)
class Crossing:
    """An edge on a line: how far out it lies, its half-width, and how it was seen."""

    offset_mm: float
    u95_mm: float
    clearness: float
    thickness_mm: float = 0.0


@dataclass(frozen=True, eq=False)
class RayEdge:
    """The edge on all rays: outer place and thickness of the dark band, (rays,) each."""

    outer_mm: Floats
    thickness_mm: Floats
    clearness: float

    def near_line(self, band: ProfileBand) -> tuple[Floats, Floats, Floats]:
        """Give the edge near the line at even steps: points, outward normals, thickness."""
        points = (
            band.start_mm + BESIDE_MM[:, None] * band.beside + self.outer_mm[:, None] * band.outward
        )
        points, thickness = resample_arc(smooth_outline(points), NORMAL_STEP_MM, self.thickness_mm)
        normals = outward_normals(points, band.start_mm - 2 * INWARD_MM * band.outward)
        near = np.abs((points - band.start_mm) @ band.beside) <= NEAR_LINE_MM
        return points[near], normals[near], thickness[near]


def follow_edge(band: ProfileBand, reward: Single, thicknesses: range) -> RayEdge | Refusal:
    """Follow the best edge over all rays.

    Parameters
    ----------
    band
        The line.
    reward
        (1, rays, samples, thicknesses), as :func:`ifspace.landmarks.surfaces.rewards` gives it.
    thicknesses
        What the last axis stands for, in samples.

    Returns
    -------
    RayEdge or Refusal
        A refusal where the best edge is not clear, or another one is about as good.
    """
    steps, pull = band.steps_mm, _pull(band)
    best = best_path(with_prior(reward, pull[None], thicknesses), thicknesses)
    outer = np.minimum(best.outer[0], len(steps) - 1)
    clearness = float((best.reward[0] - pull[np.arange(len(outer)), outer])[CENTRAL].mean())
    if clearness < CLEAR_MIN[band.kind]:
        return not_clear(band)
    taken = np.abs(steps[None] - steps[outer][:, None]) < APART_MM
    elsewhere = np.where(taken, float(IMPOSSIBLE), pull)
    other = best_path(with_prior(reward, elsewhere[None], thicknesses), thicknesses)
    if float((best.reward[0] - other.reward[0])[CENTRAL].mean()) < LEAD_MIN:
        return Refusal(
            Reason.LOW_CONFIDENCE,
            f"two edges within {band.reach_mm:.0f} mm of the mark are equally clear; place the "
            "mark nearer to the one that is meant",
        )
    return RayEdge(steps[outer], STEP_MM * (best.outer[0] - best.inner[0]), clearness)


def not_clear(band: ProfileBand) -> Refusal:
    """Say that there is no edge to go to."""
    return Refusal(
        Reason.LOW_CONFIDENCE,
        f"no clear edge lies within {band.reach_mm:.0f} mm of the mark on this line",
    )


def _pull(band: ProfileBand) -> Floats:
    """Reward for an outer edge at every sample of every ray, (rays, samples).

    Beside the line an edge may lie farther off, because it may run obliquely to it.
    """
    steps = band.steps_mm
    reach_mm = band.reach_mm + np.abs(BESIDE_MM)[:, None]
    pull = -PULL_PER_MM2 * np.minimum(steps**2, PULL_CAP_MM2)
    return np.where(np.abs(steps)[None] <= reach_mm, pull[None], float(IMPOSSIBLE))
