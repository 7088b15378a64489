"""Outline again what a reader corrected, and refuse what cannot be believed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ifspace.landmarks import corrections, exclusion
from ifspace.landmarks.corrections import Guides
from ifspace.landmarks.search import Found, Scene, correct, marrow_at
from ifspace.landmarks.tissue import check_gap
from ifspace.landmarks.values import Bone, OutlinePoint
from ifspace.model import Refusal, Seed, Volume


@dataclass(frozen=True, eq=False)
class Begun:
    """The slices with both outlines: before any correction, and now."""

    key: Hashable
    scene: Scene
    first: Found
    found: Found


def corrected(
    begun: Begun,
    volume: Volume,
    chosen: Mapping[Bone, Seed],
    further: Sequence[tuple[Bone, Seed]],
    points: Sequence[OutlinePoint],
) -> Begun | Refusal:
    """Outline again what was corrected; refuse corrections, seeds and outlines that mislead.

    Parameters
    ----------
    begun, volume
        What the search from the first seeds found, and the images.
    chosen, further
        The first seed of each bone, and the further ones, of one side.
    points
        The dragged points of this side.
    """
    guides = _guides(begun, volume, chosen, further, points)
    if isinstance(guides, Refusal):
        return guides
    scene, found = begun.scene, begun.first
    if guides.bones:
        found = correct(scene, found, guides)
    refusal = exclusion.check_signal(scene, _muscle(found))
    refusal = refusal or exclusion.check_outlines(scene, found.outlines)
    refusal = refusal or check_gap(scene, found.levels, found.outlines)
    refusal = refusal or corrections.check_passed(guides, found.outlines)
    return refusal or replace(begun, found=found)


def _guides(
    begun: Begun,
    volume: Volume,
    chosen: Mapping[Bone, Seed],
    further: Sequence[tuple[Bone, Seed]],
    points: Sequence[OutlinePoint],
) -> Guides | Refusal:
    """Put the corrections on the raster, once each of them is believed."""
    scene, side = begun.scene, chosen[Bone.FEMUR].side
    refusal = corrections.check_points(points, chosen[Bone.ISCHIUM].position_lps_mm, side)
    for bone, seed in further:
        refusal = refusal or exclusion.check_placement(volume, {**chosen, bone: seed}, side)
    guides = refusal or corrections.guides_of(volume, scene.patches, further, points)
    if isinstance(guides, Refusal):
        return guides
    for (bone, number), seeds_mm in guides.inside.items():
        for seed_mm in seeds_mm:
            marrow = {**scene.marrow, bone: marrow_at(scene.patches[number], seed_mm)}
            seeded = replace(scene, marrow=marrow)
            refusal = refusal or exclusion.check_signal(seeded, _muscle(begun.first))
    return refusal or corrections.check_reach(guides, begun.first.outlines) or guides


def _muscle(found: Found) -> float:
    return float(np.median([level.muscle for level in found.levels]))
