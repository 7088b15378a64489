"""Find both bones in all slices of a range from one rough seed each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM
from ifspace.landmarks.borders.lines import closest, nearest_values
from ifspace.landmarks.borders.rays import (
    COARSE,
    FINE,
    OTHER,
    THICKEST_MM,
    Contour,
    RayCosts,
    cast,
    contours_of,
    paths_in,
)
from ifspace.landmarks.borders.signal import TissueSignal, levels_between
from ifspace.landmarks.borders.stack import SliceStack
from ifspace.landmarks.borders.surfaces import Path, best_path
from ifspace.landmarks.outline.corrections import Guides
from ifspace.landmarks.outline.tip import with_tips
from ifspace.landmarks.values import Bone

FACING_DEG = 70.0
# From the shaft's centre the lesser trochanter hides behind its own flank; it is seen from a
# centre moved towards it. The ischium may be a thin plate: its starts lie all around. As (mm,
# degrees from the direction of the other bone).
COARSE_STARTS = {
    Bone.FEMUR: ((0.0, 0.0), (7.0, -35.0), (7.0, 0.0), (7.0, 35.0), (11.0, 0.0)),
    Bone.ISCHIUM: ((0.0, 0.0), *((4.0, angle) for angle in range(0, 360, 60))),
}
FINE_STARTS_MM = 1.7 * np.array([[0.0, 0.0], [0.7, 0.7], [-0.7, -0.7]])
# The trochanter starts and ends between slices, which only its neighbours show; the ischium may be
# a thin plate whose neighbours mislead.
SWEEPS = {Bone.FEMUR: 1, Bone.ISCHIUM: 0}
# A start is believed to lie in the same marrow if its signal differs by less than this share.
MARROW_LIKE = 0.3
# A bone's centre moves between slices; a jump has to be worth it.
JUMP_PER_MM = 0.02
# Where a correction moves the centre of a slice by less, it is not about that slice.
STAYS_MM = 1.0
UNGUIDED = Guides()


@dataclass(frozen=True, eq=False)
class BoneSearch:
    """Outlines of one bone from several starts: `contours[start][slice]`, `merit` likewise."""

    contours: tuple[tuple[Contour, ...], ...]
    merit: Floats

    def best(self) -> tuple[Contour, ...]:
        """Give the clearest outline of every slice."""
        return tuple(self.contours[s][k] for k, s in enumerate(self.merit.argmax(0)))


def _merit(ray_costs: RayCosts, path: Path, facing: Floats) -> Floats:
    """Mean reward on the facing side, (outlines,)."""
    cosine = ray_costs.directions @ (facing / np.linalg.norm(facing))
    seen = cosine > np.cos(np.radians(FACING_DEG))
    return np.asarray(path.reward[:, seen].mean(1))


def search_bone(
    stack: SliceStack,
    levels: Sequence[TissueSignal],
    centres: Mapping[Bone, Floats],
    bone: Bone,
    *,
    guides: Guides = UNGUIDED,
    facing: Floats | None = None,
    drawn: Callable[[RayCosts], RayCosts] | None = None,
) -> BoneSearch:
    """Outline one bone in all slices from several starts around its centres, finely.

    `facing` is where the other bone lies, (2,), if that is not to be told from the centres. `drawn`
    adds to the rewards what else is known of the outline; the slices are repeated for every start.
    """
    count, starts = len(stack.patches), len(FINE_STARTS_MM)
    if facing is None:
        facing = np.mean(centres[OTHER[bone]] - centres[bone], axis=0)
    ray_costs = cast(
        stack.patches * starts,
        np.concatenate([centres[bone] + start for start in FINE_STARTS_MM]),
        np.tile(centres[OTHER[bone]], (starts, 1)),
        tuple(levels) * starts,
        THICKEST_MM[bone],
        rays=FINE,
        facing=facing,
        expected_marrow=stack.marrow[bone],
    )
    guided = guides.apply(
        ray_costs if drawn is None else drawn(ray_costs), bone, [*range(count)] * starts
    )
    path = paths_in(guided.ray_costs, count, SWEEPS[bone])
    found = contours_of(ray_costs, guided.seen(path))
    groups = tuple(found[s * count : (s + 1) * count] for s in range(starts))
    return BoneSearch(groups, _merit(ray_costs, path, facing).reshape(starts, count))


def _candidates(stack: SliceStack, k: int, bone: Bone, around: Sequence[Floats]) -> Floats:
    """Keep the starting points whose signal is that of the bone's marrow, (n, 2)."""
    patch, marrow = stack.patches[k], stack.marrow[bone]
    smooth = ndi.gaussian_filter(patch.signal, 1.0 / RASTER_MM)
    points = np.asarray(around)
    ratio = nearest_values(smooth, points) / max(marrow, 1e-6)
    like = np.abs(ratio - 1) < MARROW_LIKE
    return points[like] if like.any() else points[:1]


def follow(
    stack: SliceStack,
    levels: Sequence[TissueSignal],
    other_mm: Floats,
    bone: Bone,
    guides: Guides = UNGUIDED,
) -> tuple[Contour, ...]:
    """Outline one bone coarsely from the slices of its seeds up and down, each from the last."""
    seed, anchor = stack.seeds_mm[bone], stack.anchor[bone]
    facing = other_mm - seed
    facing = facing / np.linalg.norm(facing)
    offsets = np.array([mm * _turned(facing, a) for mm, a in COARSE_STARTS[bone]])
    found: dict[int, Contour] = {}
    nearest = guides.nearest_seeds(bone, len(stack.patches), anchor)
    for k in sorted(range(len(nearest)), key=lambda k: abs(k - nearest[k])):
        last = None if k == nearest[k] else found[k + (1 if nearest[k] > k else -1)]
        base = seed if last is None else last.centroid_mm
        own = guides.seeds(bone, k)
        base = own[-1] if len(own) else base
        around = _candidates(stack, k, bone, [*(base + offsets), seed, *own])
        ray_costs = cast(
            (stack.patches[k],) * len(around),
            around,
            np.tile(other_mm, (len(around), 1)),
            (levels[k],) * len(around),
            THICKEST_MM[bone],
            rays=COARSE,
            facing=facing,
            # Coarsely, a slow fall would lead the rays far out of the bone.
            fading=False,
            expected_marrow=stack.marrow[bone],
        )
        guided = guides.apply(ray_costs, bone, [k] * len(around))
        path = best_path(guided.ray_costs.reward, ray_costs.thicknesses)
        contours = contours_of(ray_costs, path)
        merit = _merit(ray_costs, path, facing) + 0.5 * path.reward.mean(1)
        if last is not None:
            moved = [np.linalg.norm(c.centroid_mm - base) for c in contours]
            merit = merit - JUMP_PER_MM * np.array(moved)
        found[k] = contours[int(np.argmax(merit))]
    return tuple(found[k] for k in range(len(stack.patches)))


# ------------------------------------------------------------------------- both bones together

# Before outlines are known, the facing surfaces are assumed this far from the seeds.
ASSUMED_RADIUS_MM = 8.0


@dataclass(frozen=True, eq=False)
class HipOutlines:
    """Outlines of both bones in all slices, the levels there, and the alternatives.

    `searched` are the levels and `centres` the points that the alternatives were searched with;
    `guides` what a reader corrected, `plain` the outlines without that.
    """

    outlines: Mapping[Bone, tuple[Contour, ...]]
    levels: tuple[TissueSignal, ...]
    searches: Mapping[Bone, BoneSearch]
    searched: tuple[TissueSignal, ...]
    centres: Mapping[Bone, Floats]
    plain: Mapping[Bone, tuple[Contour, ...]]
    guides: Guides = UNGUIDED


def _turned(direction: Floats, degrees: float) -> Floats:
    """Turn a direction within the raster."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([c * direction[0] - s * direction[1], s * direction[0] + c * direction[1]])


def _facing_points(
    outlines: Mapping[Bone, tuple[Contour, ...]],
) -> tuple[list[Floats], list[Floats]]:
    """Closest points of two outlines in every slice, before any fit."""
    pairs = [
        (a.outer_mm, b.outer_mm)
        for a, b in zip(outlines[Bone.FEMUR], outlines[Bone.ISCHIUM], strict=True)
    ]
    at = [closest(a, b) for a, b in pairs]
    return (
        [a[i] for (a, _), (_, i, _) in zip(pairs, at, strict=True)],
        [b[j] for (_, b), (_, _, j) in zip(pairs, at, strict=True)],
    )


def search(stack: SliceStack) -> HipOutlines:
    """Outline both bones: a wide first round, then around the centres it found."""
    count = len(stack.patches)
    centres = {bone: np.tile(stack.seeds_mm[bone], (count, 1)) for bone in Bone}
    toward = stack.seeds_mm[Bone.ISCHIUM] - stack.seeds_mm[Bone.FEMUR]
    toward = toward / np.linalg.norm(toward)
    facing = {Bone.FEMUR: toward, Bone.ISCHIUM: -toward}
    assumed = {bone: centres[bone] + ASSUMED_RADIUS_MM * facing[bone] for bone in Bone}
    levels = levels_between(stack.patches, assumed[Bone.FEMUR], assumed[Bone.ISCHIUM], stack.cortex)
    first = {bone: follow(stack, levels, stack.seeds_mm[OTHER[bone]], bone) for bone in Bone}
    centres = {bone: np.stack([c.centroid_mm for c in first[bone]]) for bone in Bone}
    levels = levels_between(stack.patches, *_facing_points(first), stack.cortex)
    searches = {bone: search_bone(stack, levels, centres, bone) for bone in Bone}
    return _found(stack, searches, levels, centres)


def correct(stack: SliceStack, found: HipOutlines, guides: Guides) -> HipOutlines:
    """Outline the corrected bones again; what the corrections do not touch stays as it was.

    Always begins with what was found without corrections, so that the way to them does not count.
    """
    searches, centres = dict(found.searches), dict(found.centres)
    for bone in guides.bones:
        other_mm = stack.seeds_mm[OTHER[bone]]
        followed = follow(stack, found.searched, other_mm, bone, guides)
        new, old = np.stack([c.centroid_mm for c in followed]), found.centres[bone]
        stays = np.linalg.norm(new - old, axis=1, keepdims=True) < STAYS_MM
        centres[bone] = np.where(stays, old, new)
        # The same rays as before in every slice that stays.
        facing = np.mean(found.centres[OTHER[bone]] - old, axis=0)
        searches[bone] = search_bone(
            stack, found.searched, centres, bone, guides=guides, facing=facing
        )
    return replace(_found(stack, searches, found.searched, centres, guides), plain=found.plain)


def _found(
    stack: SliceStack,
    searches: Mapping[Bone, BoneSearch],
    searched: tuple[TissueSignal, ...],
    centres: Mapping[Bone, Floats],
    guides: Guides = UNGUIDED,
) -> HipOutlines:
    """Take the clearest outlines, and the levels between them."""
    outlines = {bone: searches[bone].best() for bone in Bone}
    corrected = [k for k in range(len(searched)) if len(guides.points(Bone.FEMUR, k))]
    marrow = stack.marrow[Bone.FEMUR]
    outlines[Bone.FEMUR] = with_tips(stack.patches, searched, outlines, marrow, leave=corrected)
    levels = levels_between(stack.patches, *_facing_points(outlines), stack.cortex)
    return HipOutlines(outlines, levels, searches, searched, centres, outlines, guides)


def same_slice(one: HipOutlines, other: HipOutlines, k: int) -> bool:
    """Tell whether two searches outlined one slice and its neighbours alike."""
    if one.levels[k] != other.levels[k]:
        return False
    near = range(max(k - 1, 0), min(k + 2, len(one.levels)))
    for bone in Bone:
        if not np.array_equal(one.guides.points(bone, k), other.guides.points(bone, k)):
            return False
        if not all(_same_outline(one.outlines[bone][n], other.outlines[bone][n]) for n in near):
            return False
    return True


def _same_outline(one: Contour, other: Contour) -> bool:
    return one is other or all(
        np.array_equal(getattr(one, item.name), getattr(other, item.name)) for item in fields(one)
    )
