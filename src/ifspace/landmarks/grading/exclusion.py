"""Reasons not to measure: what seeds, contrast and outlines must satisfy before a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats, Plane
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks.borders.rays import Contour
from ifspace.landmarks.borders.stack import SliceStack
from ifspace.landmarks.values import Bone
from ifspace.model import Reason, Refusal, Seed, SeedName, Side, Volume

BONE_OF_SEED: Mapping[SeedName, Bone] = {
    SeedName.FEMUR_MARROW: Bone.FEMUR,
    SeedName.ISCHIUM_MARROW: Bone.ISCHIUM,
}
# Centres of femur and ischium at this level, over all hips we have seen: 35 to 85 mm apart.
SEED_GAP_MM = (20.0, 110.0)
# Fatty marrow is 1.2 (ischium, T1 of a young adult) to 3 times as bright as muscle without fat
# suppression, and 0.3 times with it.
MARROW_OVER_MUSCLE_MIN = 1.15
# The middle of a femoral shaft is at least 11 mm from its surface; a rough seed may miss by 3 mm.
FEMUR_TO_BORDER_MM = 8.0
# Marrow of the two bones of one hip differs by less; subcutaneous fat is brighter than both.
MARROW_RATIO_MAX = 1.6
# Marrow with a tenth of the signal of the other one does not occur; air and voids have less.
NO_SIGNAL = 0.1
# Twice as dark as the other marrow is the signal of muscle.
MUSCLE_LIKE = 2.0
# The brightest tissue of a series without fat suppression is fat, well above muscle.
FAT_OVER_MUSCLE_MIN = 1.5
FAT_PERCENTILE = 97.0
# A femoral shaft's cortex is at most 7 mm thick; a void wider than this is not bone.
VOID_RADIUS_MM = 8.0
VOID_LEVEL_OF_MUSCLE = 0.3
# About half of a window around the hip is muscle, little is darker.
TISSUE_PERCENTILE = 40.0
# Share of rays that must show a cortex for the seed to lie inside a bone.
RING_SHARE_MIN = 0.2
BORDER_MM = 3.0
# Cortex at the lesser trochanter and the tuberosity is 0.8 to 2.6 mm thick; with larger pixels
# found distances fell short by up to 4 mm on phantoms.
COARSEST_PIXEL_MM = 1.5


def seeds_of(seeds: Iterable[Seed], side: Side) -> Mapping[Bone, Seed] | Refusal:
    """Pick the first seed of each bone of a side: where the search begins."""
    found: dict[Bone, Seed] = {}
    for seed in seeds:
        if seed.side is side:
            found.setdefault(BONE_OF_SEED[seed.name], seed)
    missing = [bone for bone in Bone if bone not in found]
    if missing:
        return Refusal(Reason.MARK_MISSING, f"no seed in the marrow of the {missing[0]} is placed")
    return found


def further_seeds(seeds: Iterable[Seed], side: Side) -> tuple[tuple[Bone, Seed], ...]:
    """Give the seeds of a side after the first one of each bone: they correct the search."""
    first: set[Bone] = set()
    further = []
    for seed in seeds:
        bone = BONE_OF_SEED[seed.name]
        if seed.side is side and bone in first:
            further.append((bone, seed))
        elif seed.side is side:
            first.add(bone)
    return tuple(further)


def check_series(volume: Volume) -> Refusal | None:
    """Refuse what the header already says cannot be measured."""
    series = volume.series
    if series.modality not in ("MR", "unknown", ""):
        return Refusal(
            Reason.LOW_CONFIDENCE,
            f"outlines can only be found on MR images, this series is {series.modality}",
        )
    if series.contrast.fat_suppressed:
        return Refusal(
            Reason.FAT_SUPPRESSED,
            "marrow and fat are dark on fat-suppressed images, which shifts the outline by about "
            "1 mm; use a series without fat suppression",
        )
    return None


def check_pixels(volume: Volume) -> Refusal | None:
    """Refuse pixels in which cortex cannot be seen."""
    coarsest_mm = max(
        max(item.plane.row_spacing_mm, item.plane.column_spacing_mm) for item in volume.slices
    )
    if coarsest_mm > COARSEST_PIXEL_MM:
        return Refusal(
            Reason.LOW_CONFIDENCE,
            f"pixels of {coarsest_mm:.1f} mm are too coarse to find cortex of 1 to 2 mm, at most "
            f"{COARSEST_PIXEL_MM} mm are accepted; place the marks by hand",
        )
    return None


def check_placement(volume: Volume, seeds: Mapping[Bone, Seed], side: Side) -> Refusal | None:
    """Refuse seeds outside the image, too far apart, or on the wrong side of each other."""
    for bone, seed in seeds.items():
        index, gap_mm = volume.nearest_slice(seed.position_lps_mm)
        step_mm = volume.slice_step_mm or 10.0
        plane = volume.slices[index].plane
        if gap_mm > step_mm or not plane.shows(seed.position_lps_mm):
            return Refusal(Reason.MARKS_OUTSIDE_IMAGE, f"the {bone} seed lies outside the images")
        border_mm = _to_border_mm(plane, seed)
        if bone is Bone.FEMUR and border_mm < FEMUR_TO_BORDER_MM:
            return Refusal(
                Reason.FEMUR_NOT_COVERED,
                f"the femur seed lies {border_mm:.0f} mm from the border of the image, which cuts "
                "the femur off; use a series with a larger field of view",
            )
    gap = seeds[Bone.FEMUR].position_lps_mm - seeds[Bone.ISCHIUM].position_lps_mm
    apart_mm = float(np.linalg.norm(gap))
    if not SEED_GAP_MM[0] <= apart_mm <= SEED_GAP_MM[1]:
        return Refusal(
            Reason.SEED_NOT_IN_MARROW,
            f"the two seeds are {apart_mm:.0f} mm apart, expected {SEED_GAP_MM[0]:.0f} to "
            f"{SEED_GAP_MM[1]:.0f} mm within one hip; put one into the femur, one into the ischium",
        )
    outward = 1.0 if side is Side.LEFT else -1.0
    if outward * gap[0] <= 0:
        return Refusal(
            Reason.SIDE_CONTRADICTED,
            f"the femur seed lies towards the midline from the ischium seed; on the {side} side "
            "it must lie outwards",
        )
    raw = {bone: _raw_signal(volume, seed) for bone, seed in seeds.items()}
    empty = min(Bone, key=lambda item: raw[item])
    if raw[empty] < NO_SIGNAL * max(raw.values()):
        return Refusal(
            Reason.SEED_NOT_IN_MARROW,
            f"there is next to no signal at the {empty} seed, as in air, cortex or metal; move the "
            "seed into bright marrow",
        )
    return None


def _raw_signal(volume: Volume, seed: Seed) -> float:
    """Median of 5 x 5 stored pixels above the least: flattening would lift noise to tissue."""
    k, _ = volume.nearest_slice(seed.position_lps_mm)
    j, i = np.rint(volume.slices[k].plane.to_index_ji(seed.position_lps_mm)).astype(int)
    spot = volume.voxels[k, max(j - 2, 0) : j + 3, max(i - 2, 0) : i + 3]
    return float(np.median(spot)) - float(volume.voxels.min())


def _to_border_mm(plane: Plane, seed: Seed) -> float:
    """Distance of a seed from the nearest border of its slice."""
    shape = np.array(plane.shape_ji)
    at = np.clip(plane.to_index_ji(seed.position_lps_mm), -0.5, shape - 0.5)
    ends = [[-0.5, at[1]], [shape[0] - 0.5, at[1]], [at[0], -0.5], [at[0], shape[1] - 0.5]]
    gaps = plane.to_lps_mm(np.array(ends)) - plane.to_lps_mm(at)
    return float(np.linalg.norm(gaps, axis=1).min())


def check_signal(stack: SliceStack, muscle: float) -> Refusal | None:
    """Refuse marrow that is not bright, and fat that is not bright either."""
    signal = np.concatenate([patch.signal[patch.seen] for patch in stack.patches])
    fat = float(np.percentile(signal, FAT_PERCENTILE))
    ratios = {bone: stack.marrow[bone] / max(muscle, 1e-6) for bone in Bone}
    dark = [bone for bone in Bone if ratios[bone] < MARROW_OVER_MUSCLE_MIN]
    if len(dark) == 2 and fat < FAT_OVER_MUSCLE_MIN * muscle:
        return Refusal(
            Reason.FAT_SUPPRESSED,
            "neither marrow nor fat is brighter than muscle: the images look fat-suppressed",
        )
    if len(dark) == 2:
        return Refusal(
            Reason.MARROW_ABNORMAL,
            "at both seeds the signal is that of muscle while fat is bright: the marrow is "
            "replaced, or neither seed lies in marrow; measure by hand",
        )
    if dark:
        bone = min(dark, key=lambda item: ratios[item])
        return Refusal(
            Reason.SEED_NOT_IN_MARROW,
            f"signal at the {bone} seed is {ratios[bone]:.2f} times that of muscle, expected at "
            f"least {MARROW_OVER_MUSCLE_MIN} in fatty marrow; move the seed into bright marrow, "
            "or measure by hand if the marrow is replaced",
        )
    brighter, darker = max(stack.marrow.values()), min(stack.marrow.values())
    if brighter > MARROW_RATIO_MAX * darker:
        bone = min(stack.marrow, key=lambda item: stack.marrow[item])
        muscle_like = brighter > MUSCLE_LIKE * darker
        return Refusal(
            Reason.SEED_NOT_IN_MARROW if muscle_like else Reason.MARROW_ABNORMAL,
            f"signal at the two seeds differs by a factor of {brighter / darker:.1f}: the "
            f"{bone} seed is not in normal marrow, or the other one lies in fat",
        )
    return None


def check_own_slice(
    stack: SliceStack, outline: Contour, bone: Bone, *, muscle: float, marrow: float
) -> Refusal | None:
    """Refuse a seed that lies in no bone on its own slice, outside the range.

    Parameters
    ----------
    stack, outline
        The seed's slice alone, and what was outlined around the seed there.
    bone
        The bone of the seed.
    muscle, marrow
        Signal of muscle on that slice, and at the seed's place within the range.
    """
    signal = stack.marrow[bone]
    alike = 1 / MARROW_RATIO_MAX < signal / max(marrow, 1e-6) < MARROW_RATIO_MAX
    bright = signal >= MARROW_OVER_MUSCLE_MIN * muscle
    if alike and bright and outline.ring_share >= RING_SHARE_MIN:
        return None
    return Refusal(
        Reason.SEED_NOT_IN_MARROW,
        f"the {bone} seed lies on slice {stack.patches[0].slice_index + 1}, outside the range, and "
        "not in marrow there; put it into the marrow on a slice of the range",
    )


def has_void(patch: Patch) -> bool:
    """Tell whether a signal void wider than any cortex lies within the window."""
    muscle = float(np.percentile(patch.signal[patch.seen], TISSUE_PERCENTILE))
    smooth = ndi.gaussian_filter(patch.signal, 1.0 / RASTER_MM)
    dark = (smooth < VOID_LEVEL_OF_MUSCLE * muscle) & patch.seen
    labels, count = ndi.label(dark)
    if count == 0:
        return False
    # Air around the body and cut-off corners reach the border of what is seen; a void does not.
    rim = ~ndi.binary_erosion(patch.seen, iterations=3, border_value=0)
    outside = np.unique(labels[rim])
    enclosed = dark & ~np.isin(labels, outside)
    radius_mm = ndi.distance_transform_edt(enclosed).max() * RASTER_MM
    return bool(radius_mm > VOID_RADIUS_MM)


def check_outlines(stack: SliceStack, outlines: Mapping[Bone, Sequence[Contour]]) -> Refusal | None:
    """Refuse a seed around which no ring of cortex closes."""
    for bone in Bone:
        contour = outlines[bone][stack.anchor[bone]]
        share = contour.ring_share
        if share < RING_SHARE_MIN:
            return Refusal(
                Reason.SEED_NOT_IN_MARROW,
                f"no ring of cortex is seen around the {bone} seed ({100 * share:.0f} % of it); "
                "it may lie in fat, in muscle or outside the bone",
            )
    return None


def inside_view(patch: Patch, points_mm: Floats) -> bool:
    """Tell whether an outline stays clear of where the image ends."""
    clear = ndi.binary_erosion(patch.seen, iterations=int(BORDER_MM / RASTER_MM), border_value=0)
    index = np.rint(points_mm / RASTER_MM).astype(int)
    size = np.array(patch.signal.shape)[::-1]
    ok = np.all((index >= 0) & (index < size), axis=1)
    return bool(ok.all() and clear[index[:, 1], index[:, 0]].all())
