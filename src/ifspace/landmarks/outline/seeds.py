"""From one rough seed in the marrow of each bone to both spaces in every slice of a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ifspace.geometry import Floats
from ifspace.landmarks.borders.signal import blur_of
from ifspace.landmarks.borders.stack import SliceStack, cut_stack
from ifspace.landmarks.grading import exclusion
from ifspace.landmarks.grading.readings import SliceFinding, readings_of
from ifspace.landmarks.outline.memory import Memory
from ifspace.landmarks.outline.rework import SideSearch, corrected
from ifspace.landmarks.outline.search import same_slice, search
from ifspace.landmarks.outline.slices import VOID_DETAIL, examine, slice_refusal
from ifspace.landmarks.propose.femur import level_at
from ifspace.landmarks.values import Bone, FoundSide, OutlinePoint, Reading
from ifspace.model import Outline, Reason, Refusal, Seed, Side, Volume

METHOD = "seeds/1"


def from_seeds(
    volume: Volume,
    seeds: Sequence[Seed],
    side: Side,
    level_range: tuple[int, int] | None = None,
    *,
    points: Sequence[OutlinePoint] = (),
    memory: Memory | None = None,
) -> FoundSide:
    """Find both spaces on one side from a rough seed in the marrow of femur and ischium.

    What a reader corrected is found again from the same beginning: the outlines keep the dragged
    points and enclose the further seeds, and slices that a correction does not touch stay.

    Parameters
    ----------
    volume
        An axial MR series without fat suppression.
    seeds
        Seeds of the session; those of the other side are left alone. They may lie on different
        slices and outside the range. The search begins at the first of each bone; further ones
        have to lie in the same bone within the range, and correct it.
    side
        The patient's side.
    level_range
        First and last slice index that show the lesser trochanter, both included; found from the
        femur seed if absent.
    points
        Points of the outer outlines that a reader dragged, of this side or the other.
    memory
        What was found on this volume before; with it a correction takes a fraction of the first
        search. The result is the same without.

    Returns
    -------
    FoundSide
        One entry per slice and space, or one reason for the whole side. Every number is a
        proposal until a person confirms it.

    Raises
    ------
    ValueError
        If the range is not within the volume.
    """
    if level_range is not None and not 0 <= level_range[0] <= level_range[1] < len(volume.slices):
        message = f"level_range is {level_range}, the volume has {len(volume.slices)} slices"
        raise ValueError(message)
    chosen = exclusion.seeds_of(seeds, side)
    if isinstance(chosen, Refusal):
        return FoundSide(side, METHOD, refusal=chosen)
    refusal = exclusion.check_series(volume)
    refusal = (
        refusal or exclusion.check_pixels(volume) or exclusion.check_placement(volume, chosen, side)
    )
    if refusal is not None:
        return FoundSide(side, METHOD, refusal=refusal)
    memory = Memory() if memory is None else memory
    apex = None
    if level_range is None:
        key = ("level", side, *chosen[Bone.FEMUR].position_lps_mm)
        level = memory.keep(key, lambda: level_at(volume, side, chosen[Bone.FEMUR]))
        if isinstance(level, Refusal):
            return FoundSide(side, METHOD, refusal=level)
        level_range, apex = (level.first, level.last), level.apex
    started = _begin(volume, chosen, level_range, memory)
    if isinstance(started, Refusal):
        return FoundSide(side, METHOD, refusal=started)
    further = exclusion.further_seeds(seeds, side)
    dragged = [point for point in points if point.side is side]
    started = corrected(started, volume, chosen, further, dragged)
    if isinstance(started, Refusal):
        return FoundSide(side, METHOD, refusal=started)
    return replace(_measure(started, side, blur_of(volume), memory), apex_slice=apex)


def _begin(
    volume: Volume, chosen: Mapping[Bone, Seed], level_range: tuple[int, int], memory: Memory
) -> SideSearch | Refusal:
    """Outline both bones from the first seeds, or remember that."""
    positions = {bone: seed.position_lps_mm for bone, seed in chosen.items()}
    key = ("range", *level_range, *np.concatenate([positions[bone] for bone in Bone]))
    slices = range(level_range[0], level_range[1] + 1)
    stack = memory.keep((*key, "stack"), lambda: cut_stack(volume, positions, slices))
    voids = memory.keep((*key, "voids"), lambda: sum(map(exclusion.has_void, stack.patches)))
    if 2 * voids > len(stack.patches):
        return Refusal(Reason.IMPLANT_ARTIFACT, VOID_DETAIL)
    refusal = memory.keep((*key, "own"), lambda: _check_own_slices(volume, positions, stack))
    if refusal is not None:
        return refusal
    found = memory.keep((*key, "search"), lambda: search(stack))
    return SideSearch(key, stack, found, found)


def _check_own_slices(
    volume: Volume, positions: Mapping[Bone, Floats], stack: SliceStack
) -> Refusal | None:
    """Refuse a seed outside the range that lies in no bone on its own slice."""
    shown = {patch.slice_index for patch in stack.patches}
    for bone, position in positions.items():
        k, _ = volume.nearest_slice(position)
        if k in shown:
            continue
        alone = cut_stack(volume, positions, range(k, k + 1))
        hip = search(alone)
        refusal = exclusion.check_own_slice(
            alone,
            hip.outlines[bone][0],
            bone,
            muscle=hip.levels[0].muscle,
            marrow=stack.marrow[bone],
        )
        if refusal is not None:
            return refusal
    return None


# ------------------------------------------------------------------------------------- per slice


def _measure(started: SideSearch, side: Side, blur_mm: float, memory: Memory) -> FoundSide:
    """Measure both spaces in every slice; a slice that was seen alike before is remembered."""
    stack, found = started.stack, started.found
    ifs: list[Reading] = []
    qfs: list[Reading] = []
    outlines: list[Outline] = []
    for k, patch in enumerate(stack.patches):
        refusal = slice_refusal(stack, found, k)
        seen = None if refusal else _seen(started, k, blur_mm, memory)
        if seen is None:
            refusal = refusal or Refusal(
                Reason.LOW_CONFIDENCE, "no outline faces the other bone", patch.slice_index
            )
            ifs.append(refusal)
            qfs.append(refusal)
            continue
        one, other, drawn = readings_of(patch, seen, side)
        ifs.append(one)
        qfs.append(other)
        outlines += drawn
    return FoundSide(side, METHOD, tuple(ifs), tuple(qfs), tuple(outlines))


def _seen(started: SideSearch, k: int, blur_mm: float, memory: Memory) -> SliceFinding | None:
    if not same_slice(started.first, started.found, k):
        return examine(started.stack, started.found, k, blur_mm)
    key = (started.key, "slice", k)
    return memory.keep(key, lambda: examine(started.stack, started.first, k, blur_mm))
