"""The slices of a range with both seeds, on one raster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import Patch, cut_patches, flatten, patient_axes_in
from ifspace.landmarks.borders.signal import brightest_near, estimate_cortex, marrow_at
from ifspace.landmarks.values import Bone
from ifspace.model import Volume

# Window around the two seeds: the larger bone reaches 35 mm from its middle.
MARGIN_MM = 40.0


@dataclass(frozen=True, eq=False)
class SliceStack:
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


def cut_stack(volume: Volume, positions_lps_mm: Mapping[Bone, Floats], slices: range) -> SliceStack:
    """Put the slices of a range and both seeds on one raster."""
    femur, ischium = positions_lps_mm[Bone.FEMUR], positions_lps_mm[Bone.ISCHIUM]
    left, back = patient_axes_in(volume.slices[slices.start].plane)
    half = tuple(abs(float((femur - ischium) @ axis)) / 2 + MARGIN_MM for axis in (left, back))
    middle = 0.5 * (femur + ischium)
    patches = tuple(flatten(p) for p in cut_patches(volume, slices, middle, (half[0], half[1])))
    anchor = {
        bone: int(np.clip(volume.nearest_slice(p)[0], slices.start, slices.stop - 1)) - slices.start
        for bone, p in positions_lps_mm.items()
    }
    seeds_mm = {
        bone: brightest_near(patches[anchor[bone]], patches[anchor[bone]].to_xy_mm(p))
        for bone, p in positions_lps_mm.items()
    }
    reference = volume.slices[slices.start].plane
    heights = [float(reference.height_mm(volume.slices[k].plane.origin_lps_mm)) for k in slices]
    return SliceStack(
        patches,
        np.array(heights),
        seeds_mm,
        anchor,
        {bone: marrow_at(patches[anchor[bone]], seeds_mm[bone]) for bone in Bone},
        tuple(estimate_cortex(patch) for patch in patches),
    )


def heights_of(volume: Volume, slice_indices: Iterable[int]) -> dict[int, float]:
    """Give the height of slices along their normal in mm, growing towards the head."""
    reference = volume.slices[0].plane
    upward = 1.0 if reference.normal_lps[2] >= 0 else -1.0
    return {
        k: upward * float(reference.height_mm(volume.slices[k].plane.origin_lps_mm))
        for k in slice_indices
    }
