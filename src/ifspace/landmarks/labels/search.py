"""Search both bones in the grey levels, starting from a label map and drawn towards it.

A network's label is coarse, but it never mistakes the bone: it gives the starting points inside the
marrow and a soft prior for the outer surface. The search itself is that from seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks.borders.lines import closest, signed_depth_mm
from ifspace.landmarks.borders.rays import RayCosts, with_prior
from ifspace.landmarks.borders.signal import TissueSignal, blur_of, levels_between
from ifspace.landmarks.borders.stack import SliceStack, cut_stack
from ifspace.landmarks.grading import exclusion
from ifspace.landmarks.grading.readings import SliceFinding
from ifspace.landmarks.labels.shapes import Shapes
from ifspace.landmarks.outline.search import HipOutlines, search_bone
from ifspace.landmarks.outline.slices import examine
from ifspace.landmarks.values import Bone
from ifspace.model import Reason, Refusal, Volume

# A start lies this deep inside the label, and as near to the other bone as that allows.
DEPTH_MM = 8.0
NEARNESS = 0.15
# Marrow is read where the label is deeper than its border may be wrong and a cortex thick.
MARROW_DEPTH_MM = 6.0
# Within a label, clear of its border and of the cortex, lies one tissue, of about the signal of its
# middle: 0.78 to 0.94 of what the femur's encloses and 0.93 to 1 of the ischium's, in maps that lie
# on their bones, on six analytic hips in three contrasts and on a real one. Maps moved by 8 to
# 44 mm enclose 0.2 to 0.9.
WITHIN_MM = 2.5
ALIKE = (0.6, 1.4)
ALIKE_SHARE_MIN = 0.6
# Where marrow is not brighter than muscle either, the ischium has to be as uniform as it is.
DARK_ISCHIUM_SHARE_MIN = 0.85
PRIOR_WEIGHT = 0.15
PRIOR_SIGMA_MM = 1.5
PRIOR_CAP = 4.0


@dataclass(frozen=True, eq=False)
class Label:
    """The label of one bone in one slice: closed outline on the raster (n, 2), depth inside."""

    line_mm: Floats
    depth_mm: Floats

    def depth_at(self, points_mm: Floats) -> Floats:
        """Read the depth (positive inside) at raster points (..., 2)."""
        flat = np.asarray(points_mm).reshape(-1, 2)[:, ::-1].T / RASTER_MM
        values = ndi.map_coordinates(self.depth_mm, flat, order=1, mode="nearest")
        return np.asarray(values).reshape(np.shape(points_mm)[:-1])


def label_in(patch: Patch, line_mm: Floats) -> Label:
    """Prepare a closed outline on the raster of a patch."""
    return Label(line_mm, signed_depth_mm(line_mm, patch.signal.shape))


def start_in(label: Label, end_mm: Floats) -> Floats:
    """Find a point deep inside the label and near its closest point to the other bone."""
    rows, columns = np.nonzero(label.depth_mm > 0)
    points = np.stack([columns, rows], axis=1) * RASTER_MM
    depth = label.depth_mm[rows, columns]
    value = np.minimum(depth, DEPTH_MM) - NEARNESS * np.linalg.norm(points - end_mm, axis=1)
    return np.asarray(points[int(np.argmax(value))])


def search_labels(stack: SliceStack, labels: Sequence[Mapping[Bone, Label]]) -> HipOutlines:
    """Outline both bones in all slices of a stack, near their labels.

    Parameters
    ----------
    stack
        The slices; its seeds are not used.
    labels
        Both labels for every slice of the stack.
    """
    ends = []
    for both in labels:
        _, i, j = closest(both[Bone.ISCHIUM].line_mm, both[Bone.FEMUR].line_mm)
        ends.append(
            {Bone.ISCHIUM: both[Bone.ISCHIUM].line_mm[i], Bone.FEMUR: both[Bone.FEMUR].line_mm[j]}
        )
    centres = {
        bone: np.stack([start_in(b[bone], e[bone]) for b, e in zip(labels, ends, strict=True)])
        for bone in Bone
    }
    marrow = {
        bone: _marrow(stack.patches, [b[bone] for b in labels], centres[bone]) for bone in Bone
    }
    levels = levels_between(
        stack.patches,
        [e[Bone.FEMUR] for e in ends],
        [e[Bone.ISCHIUM] for e in ends],
        stack.cortex,
    )
    seen = replace(stack, marrow=marrow)
    searches = {
        bone: search_bone(
            seen, levels, centres, bone, drawn=_towards([both[bone] for both in labels])
        )
        for bone in Bone
    }
    outlines = {bone: searches[bone].best() for bone in Bone}
    return HipOutlines(outlines, levels, searches, levels, centres, outlines)


def _marrow(patches: Sequence[Patch], labels: Sequence[Label], centres: Floats) -> float:
    """Level of the marrow deep inside a label, over all slices."""
    values = []
    for patch, label, centre in zip(patches, labels, centres, strict=True):
        deep = min(MARROW_DEPTH_MM, 0.7 * float(label.depth_mm.max()))
        rows, columns = np.nonzero(label.depth_mm >= deep)
        near = np.hypot(columns * RASTER_MM - centre[0], rows * RASTER_MM - centre[1]) < 12.0
        values.append(patch.signal[rows[near], columns[near]])
    return float(np.median(np.concatenate(values)))


def _towards(labels: Sequence[Label]) -> Callable[[RayCosts], RayCosts]:
    """Draw outlines towards the label of their slice."""

    def drawn(ray_costs: RayCosts) -> RayCosts:
        starts = len(ray_costs.centres_mm) // len(labels)
        prior = _prior(ray_costs, tuple(labels) * starts)
        return replace(ray_costs, reward=with_prior(ray_costs.reward, prior, ray_costs.thicknesses))

    return drawn


def _prior(ray_costs: RayCosts, labels: Sequence[Label]) -> Floats:
    """Reward for an outer surface near the label, (outlines, rays, samples)."""
    radii = np.arange(ray_costs.reward.shape[2]) * ray_costs.rays.sample_mm
    steps = radii[None, :, None] * ray_costs.directions[:, None, :]
    off = np.stack(
        [
            label.depth_at(centre + steps)
            for label, centre in zip(labels, ray_costs.centres_mm, strict=True)
        ]
    )
    return -PRIOR_WEIGHT * np.minimum(0.5 * (off / PRIOR_SIGMA_MM) ** 2, PRIOR_CAP)


@dataclass(frozen=True, eq=False)
class LabelledSlice:
    """One slice: both labels on the raster of a patch, and what the grey levels show near them."""

    patch: Patch
    labels: Mapping[Bone, Label]
    level: TissueSignal
    examined: SliceFinding


def examine_labels(
    volume: Volume, shapes: Mapping[int, Shapes]
) -> dict[int, LabelledSlice] | Refusal:
    """Measure in the grey levels of neighbouring slices, near the labels.

    Parameters
    ----------
    volume
        The series.
    shapes
        Both labels for every slice index, without a gap between the first and the last.

    Returns
    -------
    dict or Refusal
        What was seen per slice; without those in which no outline faces the other bone, and empty
        where marrow is not bright: fat-suppressed images, or replaced marrow. Refused where the
        labels do not lie on bones.
    """
    first, last = min(shapes), max(shapes)
    middle = shapes[(first + last) // 2]
    stack = cut_stack(volume, _starts_lps_mm(middle), range(first, last + 1))
    labels = [
        {bone: label_in(patch, patch.to_xy_mm(line)) for bone, line in _lines_lps_mm(shapes[k])}
        for k, patch in zip(range(first, last + 1), stack.patches, strict=True)
    ]
    found = search_labels(stack, labels)
    muscle = float(np.median([level.muscle for level in found.levels]))
    dark = exclusion.check_signal(stack, muscle) is not None
    refusal = _check_tissue(stack.patches, labels, dark=dark)
    if refusal is not None or dark:
        return refusal or {}
    blur_mm = blur_of(volume)
    out = {}
    for n, (patch, both) in enumerate(zip(stack.patches, labels, strict=True)):
        examined = None if exclusion.has_void(patch) else examine(stack, found, n, blur_mm)
        if examined is not None:
            out[first + n] = LabelledSlice(patch, both, found.levels[n], examined)
    return out


def _check_tissue(
    patches: Sequence[Patch], labels: Sequence[Mapping[Bone, Label]], *, dark: bool
) -> Refusal | None:
    """Refuse labels that enclose several tissues: they do not lie on the bones of these images."""
    least = dict.fromkeys(Bone, ALIKE_SHARE_MIN)
    if dark:
        least[Bone.ISCHIUM] = DARK_ISCHIUM_SHARE_MIN
    for bone, limit in least.items():
        share = _alike(patches, [both[bone] for both in labels])
        if share < limit:
            return Refusal(
                Reason.GEOMETRY_UNTRUSTED,
                f"only {100 * share:.0f} % of what the label of the {bone} encloses looks like one "
                "tissue: the label map does not lie on the bones of these images, or the bone is "
                "not normal; check the map over the images, or measure by hand",
            )
    return None


def _alike(patches: Sequence[Patch], labels: Sequence[Label]) -> float:
    """Share of the signals within a label, over all slices, that are like their middle."""
    within = np.concatenate(
        [
            patch.signal[label.depth_mm > WITHIN_MM]
            for patch, label in zip(patches, labels, strict=True)
        ]
    )
    if within.size == 0:
        return 1.0
    level = within / max(float(np.median(within)), 1e-6)
    return float(np.mean((level > ALIKE[0]) & (level < ALIKE[1])))


def _lines_lps_mm(shapes: Shapes) -> list[tuple[Bone, Floats]]:
    """Give both outlines of a slice as patient points."""
    if shapes.femur_mm is None or shapes.ischium_mm is None:
        message = "a slice without one of the labels cannot be searched"
        raise ValueError(message)
    pair = ((Bone.FEMUR, shapes.femur_mm), (Bone.ISCHIUM, shapes.ischium_mm))
    return [(bone, shapes.patch.to_lps_mm(line)) for bone, line in pair]


def _starts_lps_mm(shapes: Shapes) -> dict[Bone, Floats]:
    """Give a point deep inside each label of a slice, near the other one."""
    lines = {bone: shapes.patch.to_xy_mm(line) for bone, line in _lines_lps_mm(shapes)}
    _, i, j = closest(lines[Bone.ISCHIUM], lines[Bone.FEMUR])
    ends = {Bone.ISCHIUM: lines[Bone.ISCHIUM][i], Bone.FEMUR: lines[Bone.FEMUR][j]}
    return {
        bone: shapes.patch.to_lps_mm(start_in(label_in(shapes.patch, lines[bone]), ends[bone]))
        for bone in Bone
    }
