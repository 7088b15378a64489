"""Tell whether what was outlined is the bone that was meant.

A seed in fat or between muscles finds some outline too, with edges as sharp as those of bone. What
it encloses tells: bone has a cortex nearly all around, the size of that bone, and marrow inside.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from skimage.measure import points_in_poly

from ifspace.geometry import Floats
from ifspace.image import Patch
from ifspace.landmarks.borders.rays import MARROW_HIGH, MARROW_LOW, Contour
from ifspace.landmarks.grading.exclusion import TISSUE_PERCENTILE
from ifspace.landmarks.values import Bone

# Right outlines of 30 analytic hips in three contrasts show a cortex on 0.76 to 1 of their rays.
RING_SHARE_MIN = 0.75
# Area within the cortex at the level of the lesser trochanter: the ischium has 120 to 870 mm2 and
# the femur 250 to 1180 mm2 in real and analytic hips.
AREA_MM2: Mapping[Bone, tuple[float, float]] = {
    Bone.FEMUR: (200.0, 1500.0),
    Bone.ISCHIUM: (60.0, 1000.0),
}
# Signal from cortex (0) to marrow (1). Right outlines enclose less than a fifth of anything else,
# fat with its strands and vessels 0.3 to 0.7.
MARROW_LIKE = (0.55, 1.35)
ODD_SHARE_MAX = 0.3
GRID_MM = 0.5
# Between the bones lies muscle with strands of fat. Tissue as bright as marrow over this length is
# a bone, or all that is left is fat: then the outline is that of something else. As bright as
# marrow is what is at least so far from cortex (0) to marrow (1), and nearer to marrow than to what
# the slice shows most: on proton density images muscle is bright as well.
BETWEEN_MAX_MM = 10.0
BETWEEN_LEVEL = 0.7
BETWEEN_STEP_MM = 0.25
BETWEEN_HALF_WIDTH_MM = 1.5
# The cortex of the lesser trochanter is thin, that of the shaft up to 7 mm thick, and a tendon is
# as dark as either. Of 1229 shown distances of 154 analytic hips in three contrasts six ended on a
# thicker layer: 1 to 4 mm too small, where it was tendon, or 3 to 6 mm too large, where the
# trochanter was missed.
THICKEST_TROCHANTER_MM = 3.5


def doubt_about(
    patch: Patch, contours: Mapping[Bone, Contour], marrow: Mapping[Bone, float], cortex: float
) -> str:
    """Say why an outline may not be that of its bone; empty where there is no such doubt.

    Parameters
    ----------
    patch
        The slice.
    contours
        The outline of each bone.
    marrow
        Signal at the seed of each bone.
    cortex
        Signal of cortex in this slice.
    """
    for bone, contour in contours.items():
        share = contour.ring_share
        if share < RING_SHARE_MIN:
            return (
                f"a cortex is seen on {100 * share:.0f} % of the outline of the {bone} only: the "
                "outline may have left the bone"
            )
        inside = enclosed(patch, contour.inner_mm)
        area_mm2, (low, high) = len(inside) * GRID_MM**2, AREA_MM2[bone]
        if not low <= area_mm2 <= high:
            return (
                f"what was outlined as {bone} has {area_mm2:.0f} mm2, {low:.0f} to {high:.0f} mm2 "
                "are usual at this level"
            )
        odd = _odd_share(inside - cortex, marrow[bone] - cortex)
        if odd > ODD_SHARE_MAX:
            return (
                f"{100 * odd:.0f} % of what was outlined as {bone} does not have the signal of its "
                "marrow"
            )
    return ""


def _odd_share(inside: Floats, marrow: float) -> float:
    """Share of signals that are not marrow, whose level may differ somewhat from the seed's."""
    usual = np.clip(np.median(inside), MARROW_LOW * marrow, MARROW_HIGH * marrow)
    level = inside / max(usual, 1e-6)
    return float(np.mean((level < MARROW_LIKE[0]) | (level > MARROW_LIKE[1])))


def enclosed(patch: Patch, line_mm: Floats) -> Floats:
    """Read the signal within a closed outline on an even grid."""
    axes = [
        np.arange(low, high, GRID_MM)
        for low, high in zip(line_mm.min(0), line_mm.max(0), strict=True)
    ]
    grid_mm = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    return patch.sample(grid_mm[points_in_poly(grid_mm, line_mm)])


def doubt_between(
    patch: Patch, ends_mm: Floats, marrow: Mapping[Bone, float], cortex: float
) -> str:
    """Say whether another bone, or nothing but fat, lies between two closest points (2, 2).

    Parameters
    ----------
    patch
        The slice.
    ends_mm
        Closest points of both outlines, (2, 2).
    marrow, cortex
        Signal at the seed of each bone, and of cortex. The darker marrow decides, on the scale of
        the brighter one, which tells how much darker muscle is in this kind of image.
    """
    start, end = ends_mm
    length_mm = max(float(np.linalg.norm(end - start)), 1e-6)
    along = (end - start) / length_mm
    steps = np.arange(0.0, length_mm, BETWEEN_STEP_MM)[:, None, None] * along
    aside = np.linspace(-BETWEEN_HALF_WIDTH_MM, BETWEEN_HALF_WIDTH_MM, 5)[None, :, None]
    signal = patch.sample(start + steps + aside * np.array([-along[1], along[0]])).mean(axis=1)
    darker, brighter = (pick(marrow.values()) - cortex for pick in (min, max))
    tissue = float(np.percentile(patch.signal[patch.seen], TISSUE_PERCENTILE)) - cortex
    level = max(BETWEEN_LEVEL, 0.5 * (1 + tissue / max(brighter, 1e-6)))
    bright = np.concatenate([[0], signal > cortex + level * darker, [0]])
    turns = np.flatnonzero(np.diff(bright))
    runs_mm = (turns[1::2] - turns[::2]) * BETWEEN_STEP_MM
    longest_mm = float(runs_mm.max(initial=0.0))
    if longest_mm <= BETWEEN_MAX_MM:
        return ""
    return (
        f"{longest_mm:.0f} mm of tissue as bright as marrow lie between the two outlines: another "
        "bone, or fat only; one of the outlines may not be that of its bone"
    )


def doubt_about_layer(thickness_mm: float) -> str:
    """Say whether the dark layer (mm) that ends a distance on the femur is no cortex of its own."""
    if thickness_mm <= THICKEST_TROCHANTER_MM:
        return ""
    return (
        f"the dark layer on the femur is {thickness_mm:.0f} mm thick at the closest point: the "
        "iliopsoas tendon cannot be told from the cortex, or the lesser trochanter was missed"
    )
