"""Find both bones in all slices of a range from one rough seed each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks.gap import closest
from ifspace.landmarks.outline import (
    SAMPLE_MM,
    THICKEST_FEMUR_MM,
    THICKEST_ISCHIUM_MM,
    Contour,
    Levels,
    cast,
    contours_of,
    coupled_paths,
    ray_directions,
)
from ifspace.landmarks.surfaces import thickness_samples
from ifspace.landmarks.values import Bone

CORTEX_PERCENTILE = 0.7
CORTEX_SMOOTH_MM = 0.6
MUSCLE_PERCENTILE = 40.0
THICKEST_MM = {Bone.FEMUR: THICKEST_FEMUR_MM, Bone.ISCHIUM: THICKEST_ISCHIUM_MM}
OTHER = {Bone.FEMUR: Bone.ISCHIUM, Bone.ISCHIUM: Bone.FEMUR}

SNAP_MM = 2.0
FACING_DEG = 70.0
# A bone's axis leans by up to this much per millimetre of level; the track is shrunk to upright.
TRACK_SLOPE_SD = 0.3
TRACK_POINT_SD_MM = 2.0


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


def track(contours: Sequence[Contour], heights_mm: Floats, anchor: int) -> Floats:
    """Fit a straight, nearly upright axis through the centres of a bone, (slices, 2)."""
    points = np.stack([c.centroid_mm for c in contours])
    weight = np.clip([float(np.mean(c.reward)) for c in contours], 0.05, None) ** 2
    weight[anchor] *= 2
    h = heights_mm - heights_mm[anchor]
    design = np.stack([np.ones_like(h), h], axis=1)
    precision = design.T @ (design * weight[:, None]) / TRACK_POINT_SD_MM**2
    precision[1, 1] += 1 / TRACK_SLOPE_SD**2
    right = design.T @ (points * weight[:, None]) / TRACK_POINT_SD_MM**2
    return np.asarray(design @ np.linalg.solve(precision, right))


@dataclass(frozen=True, eq=False)
class BoneSearch:
    """Outlines of one bone from several starts: `contours[start][slice]`, `merit` likewise."""

    contours: tuple[tuple[Contour, ...], ...]
    merit: Floats

    def best(self) -> tuple[Contour, ...]:
        """Give the clearest outline of every slice."""
        return tuple(self.contours[s][k] for k, s in enumerate(self.merit.argmax(0)))


def search_bone(
    patches: tuple[Patch, ...],
    levels: tuple[Levels, ...],
    centres_mm: Floats,
    others_mm: Floats,
    bone: Bone,
    *,
    starts: Floats,
    expected_marrow: float,
    sweeps: int = 1,
) -> BoneSearch:
    """Outline one bone in all slices from several starts (starts, 2) around its centres."""
    count = len(patches)
    facing = np.mean(others_mm - centres_mm, axis=0)
    directions = ray_directions(facing)
    thicknesses = thickness_samples(SAMPLE_MM, THICKEST_MM[bone])
    moved = np.concatenate([centres_mm + start for start in starts])
    reward, marrow = cast(
        patches * len(starts),
        moved,
        np.tile(others_mm, (len(starts), 1)),
        directions,
        levels * len(starts),
        THICKEST_MM[bone],
        expected_marrow,
    )
    path = coupled_paths(reward, thicknesses, moved, directions, count, sweeps)
    found = contours_of(path, moved, directions, marrow)
    cosine = directions @ (facing / np.linalg.norm(facing))
    seen = cosine > np.cos(np.radians(FACING_DEG))
    merit = path.reward[:, seen].mean(1).reshape(len(starts), count)
    groups = [found[s * count : (s + 1) * count] for s in range(len(starts))]
    return BoneSearch(tuple(groups), merit)


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
    starts_mm: Sequence[Floats],
    ends_mm: Sequence[Floats],
    cortex: Sequence[float],
) -> tuple[Levels, ...]:
    """Estimate the levels of all slices from the corridor between two bones."""
    return tuple(
        Levels(level, estimate_muscle(patch, start, end))
        for patch, start, end, level in zip(patches, starts_mm, ends_mm, cortex, strict=True)
    )


# ------------------------------------------------------------------------------- both bones together

# From the shaft's centre the lesser trochanter hides behind its own flank; it is seen from a
# centre moved towards it. First starts, as (mm towards the other bone, degrees aside).
FIRST_STARTS = {
    Bone.FEMUR: ((0.0, 0.0), (7.0, -35.0), (7.0, 0.0), (7.0, 35.0), (11.0, 0.0)),
    Bone.ISCHIUM: ((0.0, 0.0), (5.0, -60.0), (5.0, 60.0)),
}
SECOND_STARTS_MM = 1.5 * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
# Before outlines are known, the facing surfaces are assumed this far from the seeds.
ASSUMED_RADIUS_MM = 8.0
MARROW_SPOT_MM = 2.5


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
class Found:
    """Outlines of both bones in all slices, the levels there, and the alternatives."""

    outlines: Mapping[Bone, tuple[Contour, ...]]
    levels: tuple[Levels, ...]
    searches: Mapping[Bone, BoneSearch]


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


def _facing_points(outlines: Mapping[Bone, tuple[Contour, ...]]) -> tuple[list, list]:
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
    first = {
        bone: search_bone(
            scene.patches,
            levels,
            centres[bone],
            centres[OTHER[bone]],
            bone,
            starts=np.array([mm * _turned(facing[bone], a) for mm, a in FIRST_STARTS[bone]]),
            expected_marrow=scene.marrow[bone],
            sweeps=0,
        ).best()
        for bone in Bone
    }
    centres[Bone.FEMUR] = np.stack([c.centroid_mm for c in first[Bone.FEMUR]])
    centres[Bone.ISCHIUM] = track(first[Bone.ISCHIUM], scene.heights_mm, scene.anchor[Bone.ISCHIUM])
    levels = levels_between(scene.patches, *_facing_points(first), scene.cortex)
    searches = {
        bone: search_bone(
            scene.patches,
            levels,
            centres[bone],
            centres[OTHER[bone]],
            bone,
            starts=SECOND_STARTS_MM,
            expected_marrow=scene.marrow[bone],
        )
        for bone in Bone
    }
    outlines = {bone: searches[bone].best() for bone in Bone}
    levels = levels_between(scene.patches, *_facing_points(outlines), scene.cortex)
    return Found(outlines, levels, searches)
