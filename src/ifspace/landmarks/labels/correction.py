"""Move the border of a label to where the grey levels show the bone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats
from ifspace.landmarks.borders.lines import closest, densify
from ifspace.landmarks.labels.field import Field, SeenBorder, fit_fields
from ifspace.landmarks.labels.search import Label, LabelledSlice
from ifspace.landmarks.values import Bone

# A label this right is better than any single edge in the grey levels: it stays as it is.
KEPT_MM = 0.2
# Outward direction of a label's border, from the slope of its depth over this.
SLOPE_MM = 0.7


@dataclass(frozen=True, eq=False)
class Corrected:
    """Both borders of one slice after the correction, on the raster.

    `ends_mm` are the closest points, `sigma_mm` the standard error of their distance. `kept` tells
    that the grey levels agree with the label, whose borders these are then.
    """

    lines_mm: Mapping[Bone, Floats]
    ends_mm: Mapping[Bone, Floats]
    sigma_mm: float
    kept: bool


def correct(seen: Mapping[int, LabelledSlice]) -> dict[int, Corrected]:
    """Correct both labels in all slices of a range together.

    The error of each label is one smooth field over all slices, so that a slice in which the
    cortex is unclear is corrected by its neighbours.
    """
    if not seen:
        return {}
    reference = seen[min(seen)].patch.plane
    heights = {
        k: float(reference.height_mm(item.patch.plane.origin_lps_mm)) for k, item in seen.items()
    }
    borders = [_seen_border(seen, heights, bone) for bone in Bone]
    fields = dict(zip(Bone, fit_fields(borders), strict=True))
    return {k: _corrected(item, fields, heights[k]) for k, item in seen.items()}


def _at_height(points_mm: Floats, height_mm: float) -> Floats:
    """Put raster points (n, 2) in space."""
    return np.asarray(np.c_[points_mm, np.full(len(points_mm), height_mm)])


def _seen_border(
    seen: Mapping[int, LabelledSlice], heights_mm: Mapping[int, float], bone: Bone
) -> SeenBorder:
    """Collect where the border of one bone was seen in all slices."""
    edges = {k: item.examined.gap.edges[bone] for k, item in seen.items()}
    return SeenBorder(
        np.vstack([_at_height(edge.points_mm, heights_mm[k]) for k, edge in edges.items()]),
        np.concatenate(
            [-seen[k].labels[bone].depth_at(edge.points_mm) for k, edge in edges.items()]
        ),
        np.concatenate([edge.clearness for edge in edges.values()]),
    )


def _outward(label: Label) -> Floats:
    """Outward unit normals of a label's border, (n, 2)."""
    line = label.line_mm
    slope = [
        label.depth_at(line + step) - label.depth_at(line - step) for step in SLOPE_MM * np.eye(2)
    ]
    outward = -np.stack(slope, axis=1)
    return np.asarray(outward / (np.linalg.norm(outward, axis=1, keepdims=True) + 1e-9))


def _corrected(seen: LabelledSlice, fields: Mapping[Bone, Field], height_mm: float) -> Corrected:
    """Correct both borders of one slice and find their closest points."""
    lines, sigmas, index = {}, {}, {}
    for bone, label in seen.labels.items():
        offset, sigma = fields[bone].at(_at_height(label.line_mm, height_mm))
        kept = fields[bone].scale_mm <= KEPT_MM
        moved = label.line_mm if kept else label.line_mm + offset[:, None] * _outward(label)
        lines[bone], index[bone] = densify(moved)
        sigmas[bone] = sigma
    _, i, j = closest(lines[Bone.ISCHIUM], lines[Bone.FEMUR])
    at = {Bone.ISCHIUM: i, Bone.FEMUR: j}
    at_ends = [sigmas[bone][round(float(index[bone][n]))] for bone, n in at.items()]
    return Corrected(
        lines,
        {bone: lines[bone][n] for bone, n in at.items()},
        float(np.linalg.norm(at_ends)),
        all(field.scale_mm <= KEPT_MM for field in fields.values()),
    )
