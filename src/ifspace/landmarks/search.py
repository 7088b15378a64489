"""Find both bones in all slices of a range from one rough seed each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks.corrections import Guides
from ifspace.landmarks.gap import closest
from ifspace.landmarks.outline import (
    COARSE,
    FINE,
    THICKEST_FEMUR_MM,
    THICKEST_ISCHIUM_MM,
    Contour,
    RayCosts,
    TissueSignal,
    cast,
    contours_of,
    paths_in,
)
from ifspace.landmarks.surfaces import Path, best_path
from ifspace.landmarks.tip import with_tips
from ifspace.landmarks.values import Bone

CORTEX_PERCENTILE = 0.7
CORTEX_SMOOTH_MM = 0.6
MUSCLE_PERCENTILE = 40.0
THICKEST_MM = {Bone.FEMUR: THICKEST_FEMUR_MM, Bone.ISCHIUM: THICKEST_ISCHIUM_MM}
OTHER = {Bone.FEMUR: Bone.ISCHIUM, Bone.ISCHIUM: Bone.FEMUR}

SNAP_MM = 2.0
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


def snap(patch: Patch, point_mm: Floats) -> Floats:
    """Move a rough seed to the brightest smoothed place within two millimetres."""
    smooth = ndi.gaussian_filter(patch.signal, 1.2 / RASTER_MM)
    steps = np.arange(-SNAP_MM, SNAP_MM + 0.1, 1.0)
    offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    candidates = point_mm + offsets
    rows, columns = patch.signal.shape
    at = np.clip(np.rint(candidates / RASTER_MM).astype(int), 0, [columns - 1, rows - 1])
    value = smooth[at[:, 1], at[:, 0]]
    value = value - 0.02 * np.linalg.norm(offsets, axis=1) * np.median(smooth)
    return np.asarray(candidates[int(np.argmax(value))])


@dataclass(frozen=True, eq=False)
class Scene:
    """The slices of a range with both seeds, on the raster.

    `seeds_mm` and `anchor` say where a seed lies and in which patch; `heights_mm` (slices,) is
    the level of every slice along the normal.
    """

    patches: tuple[Patch, ...]
    heights_mm: Floats
    seeds_mm: Mapping[Bone, Floats]
    anchor: Mapping[Bone, int]
    marrow: Mapping[Bone, float]
    cortex: tuple[float, ...]


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
    scene: Scene,
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
    count, starts = len(scene.patches), len(FINE_STARTS_MM)
    if facing is None:
        facing = np.mean(centres[OTHER[bone]] - centres[bone], axis=0)
    ray_costs = cast(
        scene.patches * starts,
        np.concatenate([centres[bone] + start for start in FINE_STARTS_MM]),
        np.tile(centres[OTHER[bone]], (starts, 1)),
        tuple(levels) * starts,
        THICKEST_MM[bone],
        rays=FINE,
        facing=facing,
        expected_marrow=scene.marrow[bone],
    )
    bent = guides.bend(
        ray_costs if drawn is None else drawn(ray_costs), bone, [*range(count)] * starts
    )
    path = paths_in(bent.ray_costs, count, SWEEPS[bone])
    found = contours_of(ray_costs, bent.seen(path))
    groups = tuple(found[s * count : (s + 1) * count] for s in range(starts))
    return BoneSearch(groups, _merit(ray_costs, path, facing).reshape(starts, count))


def _candidates(scene: Scene, k: int, bone: Bone, around: Sequence[Floats]) -> Floats:
    """Keep the starting points whose signal is that of the bone's marrow, (n, 2)."""
    patch, marrow = scene.patches[k], scene.marrow[bone]
    smooth = ndi.gaussian_filter(patch.signal, 1.0 / RASTER_MM)
    points = np.asarray(around)
    index = np.rint(points / RASTER_MM).astype(int)
    rows, columns = smooth.shape
    index = np.clip(index, 0, [columns - 1, rows - 1])
    ratio = smooth[index[:, 1], index[:, 0]] / max(marrow, 1e-6)
    like = np.abs(ratio - 1) < MARROW_LIKE
    return points[like] if like.any() else points[:1]


def follow(
    scene: Scene,
    levels: Sequence[TissueSignal],
    other_mm: Floats,
    bone: Bone,
    guides: Guides = UNGUIDED,
) -> tuple[Contour, ...]:
    """Outline one bone coarsely from the slices of its seeds up and down, each from the last."""
    seed, anchor = scene.seeds_mm[bone], scene.anchor[bone]
    facing = other_mm - seed
    facing = facing / np.linalg.norm(facing)
    offsets = np.array([mm * _turned(facing, a) for mm, a in COARSE_STARTS[bone]])
    found: dict[int, Contour] = {}
    nearest = guides.nearest_seeds(bone, len(scene.patches), anchor)
    for k in sorted(range(len(nearest)), key=lambda k: abs(k - nearest[k])):
        last = None if k == nearest[k] else found[k + (1 if nearest[k] > k else -1)]
        base = seed if last is None else last.centroid_mm
        own = guides.seeds(bone, k)
        base = own[-1] if len(own) else base
        around = _candidates(scene, k, bone, [*(base + offsets), seed, *own])
        ray_costs = cast(
            (scene.patches[k],) * len(around),
            around,
            np.tile(other_mm, (len(around), 1)),
            (levels[k],) * len(around),
            THICKEST_MM[bone],
            rays=COARSE,
            facing=facing,
            # Coarsely, a slow fall would lead the rays far out of the bone.
            fading=False,
            expected_marrow=scene.marrow[bone],
        )
        bent = guides.bend(ray_costs, bone, [k] * len(around))
        path = best_path(bent.ray_costs.reward, ray_costs.thicknesses)
        contours = contours_of(ray_costs, path)
        merit = _merit(ray_costs, path, facing) + 0.5 * path.reward.mean(1)
        if last is not None:
            moved = [np.linalg.norm(c.centroid_mm - base) for c in contours]
            merit = merit - JUMP_PER_MM * np.array(moved)
        found[k] = contours[int(np.argmax(merit))]
    return tuple(found[k] for k in range(len(scene.patches)))


def estimate_cortex(patch: Patch) -> float:
    """Level of the cortex: the darkest of a smoothed window, so that noise does not lower it."""
    smooth = ndi.gaussian_filter(patch.signal, CORTEX_SMOOTH_MM / RASTER_MM)
    inside = smooth[patch.seen]
    return float(np.percentile(inside, CORTEX_PERCENTILE)) if inside.size else 0.0


def estimate_muscle(patch: Patch, start_mm: Floats, end_mm: Floats) -> float:
    """Level of muscle: a low percentile of the middle of the corridor between two points."""
    along = end_mm - start_mm
    across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    share = np.linspace(0.3, 0.7, 15)[:, None, None]
    width = np.arange(-6.0, 6.1, 1.0)[None, :, None]
    points = start_mm + share * along + width * across
    return float(np.percentile(patch.sample(points), MUSCLE_PERCENTILE))


def levels_between(
    patches: Sequence[Patch],
    starts_mm: Iterable[Floats],
    ends_mm: Iterable[Floats],
    cortex: Sequence[float],
) -> tuple[TissueSignal, ...]:
    """Estimate the levels of all slices from the corridor between two bones."""
    return tuple(
        TissueSignal(level, estimate_muscle(patch, start, end))
        for patch, start, end, level in zip(patches, starts_mm, ends_mm, cortex, strict=True)
    )


# ------------------------------------------------------------------------- both bones together

# Before outlines are known, the facing surfaces are assumed this far from the seeds.
ASSUMED_RADIUS_MM = 8.0
MARROW_SPOT_MM = 2.5


@dataclass(frozen=True, eq=False)
class Found:
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


def marrow_at(patch: Patch, point_mm: Floats) -> float:
    """Median signal of a small disc."""
    steps = np.arange(-MARROW_SPOT_MM, MARROW_SPOT_MM + 0.1, 0.5)
    disc = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    disc = disc[np.linalg.norm(disc, axis=1) <= MARROW_SPOT_MM]
    return float(np.median(patch.sample(point_mm + disc)))


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


def search(scene: Scene) -> Found:
    """Outline both bones: a wide first round, then around the centres it found."""
    count = len(scene.patches)
    centres = {bone: np.tile(scene.seeds_mm[bone], (count, 1)) for bone in Bone}
    toward = scene.seeds_mm[Bone.ISCHIUM] - scene.seeds_mm[Bone.FEMUR]
    toward = toward / np.linalg.norm(toward)
    facing = {Bone.FEMUR: toward, Bone.ISCHIUM: -toward}
    assumed = {bone: centres[bone] + ASSUMED_RADIUS_MM * facing[bone] for bone in Bone}
    levels = levels_between(scene.patches, assumed[Bone.FEMUR], assumed[Bone.ISCHIUM], scene.cortex)
    first = {bone: follow(scene, levels, scene.seeds_mm[OTHER[bone]], bone) for bone in Bone}
    centres = {bone: np.stack([c.centroid_mm for c in first[bone]]) for bone in Bone}
    levels = levels_between(scene.patches, *_facing_points(first), scene.cortex)
    searches = {bone: search_bone(scene, levels, centres, bone) for bone in Bone}
    return _found(scene, searches, levels, centres)


def correct(scene: Scene, found: Found, guides: Guides) -> Found:
    """Outline the corrected bones again; what the corrections do not touch stays as it was.

    Always begins with what was found without corrections, so that the way to them does not count.
    """
    searches, centres = dict(found.searches), dict(found.centres)
    for bone in guides.bones:
        other_mm = scene.seeds_mm[OTHER[bone]]
        followed = follow(scene, found.searched, other_mm, bone, guides)
        new, old = np.stack([c.centroid_mm for c in followed]), found.centres[bone]
        stays = np.linalg.norm(new - old, axis=1, keepdims=True) < STAYS_MM
        centres[bone] = np.where(stays, old, new)
        # The same rays as before in every slice that stays.
        facing = np.mean(found.centres[OTHER[bone]] - old, axis=0)
        searches[bone] = search_bone(
            scene, found.searched, centres, bone, guides=guides, facing=facing
        )
    return replace(_found(scene, searches, found.searched, centres, guides), plain=found.plain)


def _found(
    scene: Scene,
    searches: Mapping[Bone, BoneSearch],
    searched: tuple[TissueSignal, ...],
    centres: Mapping[Bone, Floats],
    guides: Guides = UNGUIDED,
) -> Found:
    """Take the clearest outlines, and the levels between them."""
    outlines = {bone: searches[bone].best() for bone in Bone}
    corrected = [k for k in range(len(searched)) if len(guides.points(Bone.FEMUR, k))]
    marrow = scene.marrow[Bone.FEMUR]
    outlines[Bone.FEMUR] = with_tips(scene.patches, searched, outlines, marrow, leave=corrected)
    levels = levels_between(scene.patches, *_facing_points(outlines), scene.cortex)
    return Found(outlines, levels, searches, searched, centres, outlines, guides)


def same_slice(one: Found, other: Found, k: int) -> bool:
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
