"""Find the tip of the lesser trochanter where a slice only just cuts it.

There the marrow of the tip is a grey island outside the thick cortex of the shaft: rays from the
shaft stop at that cortex and miss it. The neighbouring slice shows where to look: the tip is
outlined from a centre of its own, with the marrow as bright as it is there, and joined to the
outline of the shaft.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import points_in_poly

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks.borders.lines import beside, closest, nearest_values, radii_from
from ifspace.landmarks.borders.rays import (
    FINE,
    THICKEST_FEMUR_MM,
    Contour,
    cast,
    contours_of,
    near_prior,
    with_prior,
)
from ifspace.landmarks.borders.signal import TissueSignal
from ifspace.landmarks.borders.surfaces import best_path
from ifspace.landmarks.values import Bone

# A neighbour's tip this far outside an outline may have been missed there; a bone recedes by less
# from slice to slice, and the fat around it is thinner.
PROTRUDES_MM = 6.5
# An outline as clear as this under the neighbour's tip needs no help.
CLEAR = 0.5
# Where the island's middle is sought, behind the neighbour's tip.
DEPTHS_MM = (2.0, 3.5, 5.0, 6.5, 8.0, 9.5)
ISLAND_BLUR_MM = 1.2
# The marrow shrinks towards the end of the trochanter: what lies nearer to the neighbour's inner
# surface than this, or outside it, is fat.
WITHIN_MM = 2.5
# An island may be as grey as muscle, cortex and marrow together; share of the way from muscle to
# marrow that it must reach.
ISLAND_SHARE = -0.2
# The tip ends between the island's middle and the neighbour's tip; share of that way expected.
REACH_SHARE = 0.75
# Mean reward on the side that faces the ischium.
MERIT_MIN = -0.25
FACING_DEG = 60.0
# Rays of the tip count down to this cosine: those farther back run into the shaft.
BACKWARDS = -0.35
# Shorter pieces of a tip are not worth joining.
PIECE = 5


def with_tips(
    patches: Sequence[Patch],
    levels: Sequence[TissueSignal],
    outlines: Mapping[Bone, Sequence[Contour]],
    marrow: float,
    *,
    leave: Collection[int] = (),
) -> tuple[Contour, ...]:
    """Give the outlines of the femur with tips that rays from the shaft have missed.

    Parameters
    ----------
    patches, levels
        The slices and their levels.
    outlines
        Of both bones, one per slice.
    marrow
        Level of the femur's marrow.
    leave
        Slices whose outline is not to be touched.
    """
    femur = list(outlines[Bone.FEMUR])
    clear = [float(np.mean(contour.reward)) for contour in femur]
    root = int(np.argmax(clear))
    steps = [(k, k - 1) for k in range(root + 1, len(femur))]
    steps += [(k, k + 1) for k in range(root - 1, -1, -1)]
    for k, reference in steps:
        if k in leave:
            continue
        femur[k] = _with_tip(
            patches[k], levels[k], femur[k], femur[reference], outlines[Bone.ISCHIUM][k], marrow
        )
    return tuple(femur)


def _with_tip(
    patch: Patch,
    level: TissueSignal,
    own: Contour,
    neighbour: Contour,
    ischium: Contour,
    marrow: float,
) -> Contour:
    """Join the tip to one outline, where the neighbour shows one and the slice has it."""
    _, i, j = closest(neighbour.outer_mm, ischium.outer_mm)
    tip_mm, toward = neighbour.outer_mm[i], ischium.outer_mm[j] - neighbour.outer_mm[i]
    toward = toward / max(float(np.linalg.norm(toward)), 1e-6)
    near = int(np.argmin(np.linalg.norm(own.outer_mm - tip_mm, axis=1)))
    if float(np.mean(own.reward[max(0, near - 3) : near + 4])) > CLEAR:
        return own
    from_own = tip_mm - own.centre_mm
    own_mm = radii_from(own.centre_mm, own.outer_mm, from_own[None])[0]
    if float(np.linalg.norm(from_own)) - own_mm < PROTRUDES_MM:
        return own
    centre = _island(patch, level, own, neighbour, tip_mm, toward, marrow)
    if centre is None:
        return own
    ray_costs = cast(
        (patch,),
        centre[None],
        ischium.centroid_mm[None],
        (level,),
        THICKEST_FEMUR_MM,
        rays=FINE,
        facing=toward,
    )
    expected = REACH_SHARE * radii_from(centre, neighbour.outer_mm, ray_costs.directions)
    prior = near_prior(ray_costs, expected[None])
    path = best_path(
        with_prior(ray_costs.reward, prior, ray_costs.thicknesses), ray_costs.thicknesses
    )
    seen = ray_costs.directions @ toward > np.cos(np.radians(FACING_DEG))
    if float(path.reward[0, seen].mean()) < MERIT_MIN:
        return own
    return _joined(own, contours_of(ray_costs, path)[0])


def _island(
    patch: Patch,
    level: TissueSignal,
    own: Contour,
    neighbour: Contour,
    tip_mm: Floats,
    toward: Floats,
    marrow: float,
) -> Floats | None:
    """Find the brightest place behind the neighbour's tip and outside the own marrow."""
    inward = neighbour.centroid_mm - tip_mm
    inward = inward / max(float(np.linalg.norm(inward)), 1e-6)
    directions = np.stack([-toward, inward, inward - toward])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) + 1e-9
    points = (tip_mm + np.array(DEPTHS_MM)[:, None, None] * directions[None]).reshape(-1, 2)
    offset = points - own.centre_mm
    beyond = np.linalg.norm(offset, axis=1) > radii_from(own.centre_mm, own.inner_mm, offset) + 1.0
    beyond &= points_in_poly(points + WITHIN_MM * toward, neighbour.inner_mm)
    if not beyond.any():
        return None
    points = points[beyond]
    smooth = ndi.gaussian_filter(patch.signal, ISLAND_BLUR_MM / RASTER_MM)
    signal = nearest_values(smooth, points)
    best = int(np.argmax(signal))
    if signal[best] < level.muscle + ISLAND_SHARE * (marrow - level.muscle):
        return None
    return np.asarray(points[best])


def _longest_run(wanted: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Give the indices of the longest run of a closed sequence, in its order."""
    count = len(wanted)
    if wanted.all():
        return np.arange(count)
    start = int(np.argmin(wanted))
    turned = np.roll(wanted, -start)
    edges = np.flatnonzero(np.diff(np.r_[False, turned, False].astype(int)))
    first, last = edges[::2], edges[1::2]
    if not len(first):
        return np.arange(0)
    longest = int(np.argmax(last - first))
    return (np.arange(first[longest], last[longest]) + start) % count


def _joined(own: Contour, tip: Contour) -> Contour:
    """Put the part of a tip that lies outside an outline in place of what it covers."""
    forward = tip.centre_mm - own.centre_mm
    reach = tip.outer_mm - tip.centre_mm
    cosine = reach @ forward / np.linalg.norm(reach, axis=1) / np.linalg.norm(forward)
    outside = ~points_in_poly(tip.outer_mm, own.outer_mm) & (cosine > BACKWARDS)
    run = _longest_run(outside)
    if len(run) < PIECE:
        return own
    kept = beside(own.outer_mm, tip.outer_mm[run[[0, -1]]])
    outer = np.vstack([own.outer_mm[kept], tip.outer_mm[run]])
    # Open outlines start opposite to the side that faces the other bone.
    offset = outer - own.centre_mm
    start = int(np.argmin(offset @ forward / np.linalg.norm(offset, axis=1)))
    order = np.roll(np.arange(len(outer)), -start)
    return replace(
        own,
        inner_mm=np.vstack([own.inner_mm[kept], tip.inner_mm[run]])[order],
        outer_mm=outer[order],
        reward=np.concatenate([own.reward[kept], tip.reward[run]])[order],
    )
