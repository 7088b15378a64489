"""Outline again what a reader corrected, and refuse what cannot be believed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ifspace.landmarks.borders.signal import marrow_at
from ifspace.landmarks.borders.stack import SliceStack
from ifspace.landmarks.grading import exclusion
from ifspace.landmarks.grading.tissue import check_gap
from ifspace.landmarks.outline import corrections
from ifspace.landmarks.outline.corrections import Guides
from ifspace.landmarks.outline.search import HipOutlines, correct
from ifspace.landmarks.values import Bone, OutlinePoint
from ifspace.model import Refusal, Seed, Volume


@dataclass(frozen=True, eq=False)
class SideSearch:
    """The slices with both outlines: before any correction, and now."""

    key: Hashable
    stack: SliceStack
    first: HipOutlines
    found: HipOutlines


def corrected(
    started: SideSearch,
    volume: Volume,
    chosen: Mapping[Bone, Seed],
    further: Sequence[tuple[Bone, Seed]],
    points: Sequence[OutlinePoint],
) -> SideSearch | Refusal:
    """Outline again what was corrected; refuse corrections, seeds and outlines that mislead.

    Parameters
    ----------
    started, volume
        What the search from the first seeds found, and the images.
    chosen, further
        The first seed of each bone, and the further ones, of one side.
    points
        The dragged points of this side.
    """
    guides = _guides(started, volume, chosen, further, points)
    if isinstance(guides, Refusal):
        return guides
    stack, found = started.stack, started.first
    if guides.bones:
        found = correct(stack, found, guides)
    refusal = exclusion.check_signal(stack, _muscle(found))
    refusal = refusal or exclusion.check_outlines(stack, found.outlines)
    refusal = refusal or check_gap(stack, found.levels, found.outlines)
    refusal = refusal or corrections.check_passed(guides, found.outlines)
    return refusal or replace(started, found=found)


def _guides(
    started: SideSearch,
    volume: Volume,
    chosen: Mapping[Bone, Seed],
    further: Sequence[tuple[Bone, Seed]],
    points: Sequence[OutlinePoint],
) -> Guides | Refusal:
    """Put the corrections on the raster, once each of them is believed."""
    stack, side = started.stack, chosen[Bone.FEMUR].side
    refusal = corrections.check_points(points, chosen[Bone.ISCHIUM].position_lps_mm, side)
    for bone, seed in further:
        refusal = refusal or exclusion.check_placement(volume, {**chosen, bone: seed}, side)
    guides = refusal or corrections.guides_of(volume, stack.patches, further, points)
    if isinstance(guides, Refusal):
        return guides
    for (bone, number), seeds_mm in guides.inside.items():
        for seed_mm in seeds_mm:
            marrow = {**stack.marrow, bone: marrow_at(stack.patches[number], seed_mm)}
            seeded = replace(stack, marrow=marrow)
            refusal = refusal or exclusion.check_signal(seeded, _muscle(started.first))
    return refusal or corrections.check_reach(guides, started.first.outlines) or guides


def _muscle(found: HipOutlines) -> float:
    return float(np.median([level.muscle for level in found.levels]))
