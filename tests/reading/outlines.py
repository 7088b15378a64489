"""Point into the bones, and look up what was outlined."""

from __future__ import annotations

from tests.reading.conftest import SIDE

from ifspace.geometry import Floats
from ifspace.landmarks import Bone
from ifspace.model import Kind, Volume
from ifspace.reading.controller import ReadingController, SlicePoint


def spot_of(volume: Volume, point_lps_mm: Floats) -> SlicePoint:
    k, _ = volume.nearest_slice(point_lps_mm)
    return SlicePoint(k, volume.slices[k].plane.foot_lps_mm(point_lps_mm))


def two_clicks(controller: ReadingController, seeds_lps_mm: dict[str, Floats]) -> None:
    controller.proposer.ask_seeds(SIDE)
    for name in ("ischium_marrow", "femur_marrow"):
        controller.place(spot_of(controller.volume, seeds_lps_mm[name]))


def outline(controller: ReadingController, bone: Bone, k: int) -> Floats:
    return next(
        item.points_lps_mm
        for item in controller.proposer.found[SIDE].outlines
        if (item.structure, item.slice_index, item.kind) == (bone, k, Kind.IFS)
    )
