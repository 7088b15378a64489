"""From the network's maps to hips: which femur is which, its ischium, and the level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from ifspace.finder.network import FEMUR, HAMSTRING, HIP, ISCHIUM, TROCHANTER, Maps, maps_of
from ifspace.finder.raster import RASTER_MM, Stack, stack_of
from ifspace.geometry import Floats
from ifspace.labels import LabelMap
from ifspace.model import Reason, Refusal, Side, Volume

# A femur through three slices of 3 mm has this volume; less is a false one.
FEMUR_MIN_MM3 = 4000.0
# An ischium is thinner and tapers; less than this cannot be told from a speck.
ISCHIUM_MIN_MM3 = 900.0
# Hip bone farther than this from a femur's middle belongs to the other hip.
REACH_MM = 100.0
# The network was taught heights up to 60 mm; those near the apex are the sharper ones.
HEIGHT_TRUSTED_MM = 40.0
# The apex is also marked where it is seen. On real pelves the votes lie some mm too high and the
# marks too low; their mean lies within a slice of the labels.
HEAT_MIN = 0.3
# A tendon is small and faint: half as sure as a bone is enough to say that one is there.
HAMSTRING_MIN = 0.25
# A femur is looked around this far for its marked apex, in pixels of the raster.
HEAT_AROUND = 5
# Doubt about the level, mm, at which it is a guess.
LEVEL_DOUBT_MAX_MM = 12.0
# The lesser trochanter around its apex, mm along the slice normal.
RANGE_MM = (-9.0, 14.0)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FoundHip:
    """One hip as the network sees it.

    Attributes
    ----------
    femur, ischium, hamstring
        (slices, rows, columns) on the raster of `stack`; the hamstring origins of both sides.
    stack
        The raster; `stack.slice_indices` names the slices of the volume.
    apex_height_mm
        Height of the apex of the lesser trochanter, on the scale of `stack.heights_mm`.
    first, last, apex
        Slices of the volume that show the lesser trochanter, in index order, and the one nearest
        to its apex.
    confidence
        0 to 1: how sure the network is of its pixels, and how well the slices agree on the level.
    """

    side: Side
    femur: Mask
    ischium: Mask
    hamstring: Mask
    stack: Stack
    apex_height_mm: float
    first: int
    last: int
    apex: int
    confidence: float

    def has_hamstring_at(self, point_lps_mm: Floats, within_mm: float) -> bool:
        """Tell whether a hamstring origin is seen near a point (3,), in its slice."""
        k, j, i = self.stack.grid.to_index_kji(point_lps_mm)
        number = int(np.clip(round(float(k)), 0, len(self.hamstring) - 1))
        there = np.argwhere(self.hamstring[number])
        away_mm = np.hypot(*(there - (j, i)).T) * RASTER_MM
        return bool((away_mm <= within_mm).any())

    def seed_lps_mm(self, bone: Mask, slice_index: int) -> Floats | None:
        """Give the point deepest inside a bone in one slice of the volume, (3,), if it is there."""
        number = self.stack.slice_indices.index(slice_index)
        if not bone[number].any():
            return None
        depth = ndi.distance_transform_edt(np.pad(bone[number], 1))[1:-1, 1:-1]
        place = np.unravel_index(int(np.argmax(depth)), depth.shape)
        return np.asarray(self.stack.grid.to_lps_mm([number, *map(int, place)]))


def find_hips(volume: Volume) -> dict[Side, FoundHip | Refusal]:
    """Find both hips of an axial series, whatever its contrast.

    Raises
    ------
    MissingNetworkError
        If onnxruntime is not installed.
    """
    stack = stack_of(volume)
    return hips_in(stack, maps_of(stack))


def hips_in(stack: Stack, maps: Maps) -> dict[Side, FoundHip | Refusal]:
    """Sort the network's pixels into hips."""
    shown = maps.probabilities
    femora = _parts(shown[:, FEMUR] + shown[:, TROCHANTER] > 0.5, stack, FEMUR_MIN_MM3)
    hip = shown[:, ISCHIUM] + shown[:, HIP] > 0.5
    ischium = shown[:, ISCHIUM] > 0.5
    by_side: dict[Side, Mask] = {}
    for femur in femora:
        side = _side_of(femur, hip)
        if side is not None and side not in by_side:
            by_side[side] = femur
    if len(by_side) == 2 and _across_mm(by_side[Side.LEFT], stack) <= _across_mm(
        by_side[Side.RIGHT], stack
    ):
        crossed = Refusal(Reason.SIDE_CONTRADICTED, "the two femora found lie on exchanged sides")
        return dict.fromkeys(Side, crossed)
    return {
        side: _hip(stack, maps, side, by_side[side], ischium)
        if side in by_side
        else Refusal(Reason.SIDE_NOT_SHOWN, f"no {side} femur beside a {side} hip bone was found")
        for side in Side
    }


def _parts(mask: Mask, stack: Stack, smallest_mm3: float) -> list[Mask]:
    """Give the connected parts of a mask that are large enough, largest first."""
    numbered, count = ndi.label(mask, np.ones((3, 3, 3)))
    voxel_mm3 = float(np.prod(stack.grid.spacing_kji_mm))
    sizes = np.bincount(numbered.ravel(), minlength=count + 1) * voxel_mm3
    sizes[0] = 0
    order = [n for n in np.argsort(-sizes) if sizes[n] >= smallest_mm3]
    return [numbered == n for n in order]


def _across_mm(mask: Mask, stack: Stack) -> float:
    """Mean position towards the patient's left."""
    return float(stack.grid.to_lps_mm(np.argwhere(mask).mean(axis=0))[0])


def _side_of(femur: Mask, hip: Mask) -> Side | None:
    """Tell the side from where the hip bone lies: always towards the midline of its femur."""
    offsets = []
    for number in np.flatnonzero(femur.any(axis=(1, 2))):
        middle = np.argwhere(femur[number]).mean(axis=0)
        there = (np.argwhere(hip[number]) - middle) * RASTER_MM
        near = there[np.hypot(there[:, 0], there[:, 1]) < REACH_MM]
        offsets.append(near[:, 1])
    columns = np.concatenate(offsets) if offsets else np.array([])
    if len(columns) * RASTER_MM**2 < 100.0:
        return None
    # Columns of the stack run to the patient's left.
    return Side.LEFT if float(np.median(columns)) < 0 else Side.RIGHT


def _hip(stack: Stack, maps: Maps, side: Side, femur: Mask, ischium: Mask) -> FoundHip | Refusal:
    """Add the level and the ischium to a femur."""
    voted_mm, doubt_mm = _voted(stack, maps, femur)
    marked_mm = _marked(stack, maps, femur)
    apex_mm = voted_mm
    if voted_mm is not None and marked_mm is not None:
        apex_mm = (voted_mm + marked_mm) / 2
        doubt_mm = abs(voted_mm - marked_mm) / 2
    if apex_mm is None:
        return Refusal(Reason.LEVEL_NOT_COVERED, f"the level of the {side} femur is not clear")
    low, high = stack.heights_mm[0], stack.heights_mm[-1]
    step_mm = float(stack.grid.spacing_kji_mm[0])
    if not low - step_mm / 2 <= apex_mm <= high + step_mm / 2:
        return Refusal(
            Reason.LEVEL_NOT_COVERED,
            f"the lesser trochanter of the {side} femur lies outside the slices",
        )
    own = _ischium_of(femur, ischium, side, stack)
    if own is None:
        return Refusal(Reason.SIDE_NOT_SHOWN, f"no ischium was found beside the {side} femur")
    inside = (stack.heights_mm >= apex_mm + RANGE_MM[0]) & (
        stack.heights_mm <= apex_mm + RANGE_MM[1]
    )
    apex_number = int(np.argmin(np.abs(stack.heights_mm - apex_mm)))
    inside[apex_number] = True
    indices = [stack.slice_indices[n] for n in np.flatnonzero(inside)]
    sure = _sureness(maps, femur, own, inside)
    agreed = float(np.clip(1.0 - doubt_mm / LEVEL_DOUBT_MAX_MM, 0.0, 1.0))
    return FoundHip(
        side,
        femur,
        own,
        maps.probabilities[:, HAMSTRING] > HAMSTRING_MIN,
        stack,
        apex_mm,
        min(indices),
        max(indices),
        stack.slice_indices[apex_number],
        sure * agreed,
    )


def _marked(stack: Stack, maps: Maps, femur: Mask) -> float | None:
    """Height at which the apex is marked on a femur, if it is."""
    around = ndi.binary_dilation(femur, np.ones((1, HEAT_AROUND, HEAT_AROUND)))
    heat = np.where(around, maps.heat, 0.0).max(axis=(1, 2))
    if float(heat.max()) < HEAT_MIN:
        return None
    return float(np.average(stack.heights_mm, weights=heat**2))


def _voted(stack: Stack, maps: Maps, femur: Mask) -> tuple[float | None, float]:
    """Height of the apex on which the slices of a femur agree, and how far they disagree."""
    votes, weights = [], []
    for number in np.flatnonzero(femur.any(axis=(1, 2))):
        height = float(np.median(maps.height_mm[number][femur[number]]))
        if abs(height) < HEIGHT_TRUSTED_MM:
            votes.append(float(stack.heights_mm[number]) - height)
            weights.append(1.0 / (5.0 + abs(height)))
    if len(votes) < 2:
        return None, np.inf
    order = np.argsort(votes)
    share = np.cumsum(np.array(weights)[order])
    middle = float(np.array(votes)[order][np.searchsorted(share, share[-1] / 2)])
    spread = float(np.average(np.abs(np.array(votes) - middle), weights=weights))
    return middle, spread


def _ischium_of(femur: Mask, ischium: Mask, side: Side, stack: Stack) -> Mask | None:
    """Keep the ischial pixels on the medial side of a femur, in their largest connected part."""
    own = np.zeros_like(ischium)
    medial = -1.0 if side is Side.LEFT else 1.0
    known = np.flatnonzero(femur.any(axis=(1, 2)))
    middles = np.array([np.argwhere(femur[n]).mean(axis=0) for n in known])
    for number in np.flatnonzero(ischium.any(axis=(1, 2))):
        middle = middles[np.argmin(np.abs(known - number))]
        rows, columns = np.nonzero(ischium[number])
        away = medial * (columns - middle[1]) * RASTER_MM
        chosen = (away > 0) & (away < REACH_MM)
        own[number, rows[chosen], columns[chosen]] = True
    parts = _parts(own, stack, ISCHIUM_MIN_MM3)
    return parts[0] if parts else None


def _sureness(maps: Maps, femur: Mask, ischium: Mask, inside: Mask) -> float:
    """Mean probability inside both bones over the range, the weaker of the two."""
    shown = maps.probabilities
    both = (
        (shown[:, FEMUR] + shown[:, TROCHANTER], femur),
        (shown[:, ISCHIUM] + shown[:, HIP], ischium),
    )
    means = []
    for probability, bone in both:
        there = bone & inside[:, None, None]
        means.append(float(probability[there].mean()) if there.any() else 0.0)
    return min(means)


def bone_labels(hips: Mapping[Side, FoundHip | Refusal]) -> LabelMap | None:
    """Write the found bones as a label map on the network's raster, if there are any."""
    found = [hip for hip in hips.values() if isinstance(hip, FoundHip)]
    if not found:
        return None
    voxels = np.zeros(found[0].femur.shape, np.uint8)
    values: dict[str, int] = {}
    for hip in found:
        for name, bone in (("hip", hip.ischium), ("femur", hip.femur)):
            number = len(values) + 1
            values[f"{name}_{hip.side}"] = number
            voxels[bone] = number
    return LabelMap(found[0].stack.grid, voxels, values)
