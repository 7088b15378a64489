"""The quadratus femoris space: the gap between the bones with the dark tendons that cap them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM, Patch
from ifspace.landmarks.borders.lines import closest
from ifspace.landmarks.borders.signal import TissueSignal
from ifspace.landmarks.values import Bone
from ifspace.model import Reason, Refusal

# A tendon belongs to the bone it touches and reaches at most this far from it.
REACH_MM = 14.0
TOUCH_MM = 0.8
# It comes down on its bone over some centimetres: a slice above or below shows it beside the bone,
# with fat or a few fibres between. Anything this far off and this thick is a tendon, strands and
# fasciae are thinner, or larger than so many of the circles that fit into them. On 120 analytic
# hips with the tendon on the path this, with the rule below, took the shown rooms that were wrong
# by more than 2 mm from 3.3 to 0.5 %.
BESIDE_MM = 3.0
BODY_RADIUS_MM = 1.0
ROUND_MAX = 3.0
# The border is read where noise is hardly smoothed, but only around what stays dark when it is:
# of several noisy borders the nearest counts, so that specks of noise would make the room smaller.
SMOOTH_MM = 0.5
CALM_MM = 1.3
# Dark is below the middle between cortex and muscle.
DARK_SHARE = 0.5
WINDOW_MM = 22.0
# Less than this between bone and tendon surface is the cortex itself.
CAP_MIN_MM = 0.8
# A hamstring origin and an iliopsoas tendon together take up less of the gap than this; more is
# dark tissue behind the muscle. Of 48 spaces found on real hips 9 were wrong; this rule and the one
# for the ischial side left 41, of which 2 were.
TENDONS_MAX_MM = 16.0
# Both ends of the two spaces nearer to each other than this: one distance, measured twice.
ONE_LINE_MM = 1.0
# Two halves of one dark body lie up to two steps of the raster apart, whatever the bones do.
HALVES_APART_MM = 2.5 * RASTER_MM


@dataclass(frozen=True, eq=False)
class TendonGap:
    """Smallest room for the muscle in one slice, on the raster.

    `capped` tells for each bone whether a tendon, and not the bone, limits the room; `caps_mm`
    are the borders that were used, bone and tendon together.
    """

    value_mm: float
    ischium_mm: Floats
    femur_mm: Floats
    capped: dict[Bone, bool]
    caps_mm: dict[Bone, Floats]

    def refusal(self, slice_index: int, bones_mm: Floats) -> Refusal | None:
        """Refuse a slice that does not show the tendon that the space ends at.

        `bones_mm` are the closest points of ischium and femur, (2, 2). There is no fall-back to
        the bone on the ischial side.
        """
        detail = self._doubt(bones_mm)
        return Refusal(Reason.LOW_CONFIDENCE, detail, slice_index) if detail else None

    def _doubt(self, bones_mm: Floats) -> str:
        """Say what speaks against the space; empty where nothing does."""
        if self.value_mm <= HALVES_APART_MM:
            return "dark tissue reaches from bone to bone, so the tendons cannot be told apart"
        if not self.capped[Bone.ISCHIUM]:
            return (
                "no hamstring tendon is seen on the ischial side, where the space ends; place its "
                "marks by hand"
            )
        taken_mm = float(np.linalg.norm(bones_mm[1] - bones_mm[0])) - self.value_mm
        if taken_mm > TENDONS_MAX_MM:
            return (
                f"the tendons would take up {taken_mm:.0f} mm of the gap, at most "
                f"{TENDONS_MAX_MM:.0f} mm are believed: dark tissue behind the muscle"
            )
        apart_mm = np.linalg.norm(np.stack([self.ischium_mm, self.femur_mm]) - bones_mm, axis=1)
        if apart_mm.max() < ONE_LINE_MM:
            return "the quadratus femoris space lies on the line between the bones"
        return ""


def _window(patch: Patch, points_mm: Floats) -> tuple[slice, slice]:
    """Rows and columns around some points."""
    low = np.floor((points_mm.min(0) - WINDOW_MM) / RASTER_MM).astype(int)
    high = np.ceil((points_mm.max(0) + WINDOW_MM) / RASTER_MM).astype(int)
    rows, columns = patch.signal.shape
    x0, y0 = np.clip(low, 0, [columns - 2, rows - 2])
    x1, y1 = np.clip(high, [x0 + 2, y0 + 2], [columns, rows])
    return slice(y0, y1), slice(x0, x1)


def _dark(patch: Patch, level: TissueSignal, threshold: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Smooth a patch for its borders; tell also what of it is dark and not only noise."""
    smooth = ndi.gaussian_filter(patch.signal, SMOOTH_MM / RASTER_MM)
    # How bright fat is says nothing here: it would only swallow a thin tendon.
    muscle = np.minimum(patch.signal, level.muscle)
    calm = ndi.gaussian_filter(muscle, CALM_MM / RASTER_MM) < threshold
    return smooth, (smooth < threshold) & ndi.binary_dilation(calm)


def _tendons(region: NDArray[np.bool_], own_mm: Floats) -> NDArray[np.bool_]:
    """Choose of a dark region what grows out of a bone, and compact bodies close beside it."""
    touching = own_mm < TOUCH_MM
    grown, _ = ndi.label(region | touching)
    wanted = np.unique(grown[touching])
    chosen = np.isin(grown, wanted[wanted > 0])
    bodies, count = ndi.label(region)
    if count:
        every = np.arange(1, count + 1)
        depth_mm = ndi.distance_transform_edt(region) * RASTER_MM
        radius_mm = np.asarray(ndi.maximum(depth_mm, bodies, every))
        off_mm = np.asarray(ndi.minimum(own_mm, bodies, every))
        area_mm2 = np.bincount(bodies.ravel())[1:] * RASTER_MM**2
        compact = (radius_mm >= BODY_RADIUS_MM) & (area_mm2 < ROUND_MAX * np.pi * radius_mm**2)
        chosen |= np.isin(bodies, every[compact & (off_mm < BESIDE_MM)])
    return np.asarray(chosen & region)


def _cap(
    dark: NDArray[np.bool_], own_mm: Floats, other_mm: Floats, iso_index: Floats
) -> NDArray[np.bool_]:
    """Tell which points of the dark border limit a tendon of this bone."""
    cap = _tendons(dark & (own_mm < REACH_MM) & (own_mm < other_mm), own_mm)
    if not cap.any():
        return np.zeros(len(iso_index), bool)
    away = ndi.distance_transform_edt(~cap)
    at = np.clip(np.rint(iso_index).astype(int), 0, np.array(dark.shape) - 1)
    near = away[at[:, 0], at[:, 1]] <= 1.0
    return np.asarray(near & (own_mm[at[:, 0], at[:, 1]] < REACH_MM))


def tendon_gap(
    patch: Patch, level: TissueSignal, bones_mm: dict[Bone, Floats], ends_mm: Floats
) -> TendonGap:
    """Measure between the two bones, each with the dark tendons that come down on it.

    Parameters
    ----------
    patch
        The slice.
    level
        Signal of cortex and muscle.
    bones_mm
        Dense outer outline of both bones, (n, 2) each.
    ends_mm
        The closest points of the bones, (2, 2): where to look.
    """
    window = _window(patch, ends_mm)
    threshold = level.cortex + DARK_SHARE * (level.muscle - level.cortex)
    smooth, dark = _dark(patch, level, threshold)
    smooth, dark = smooth[window], dark[window]
    lines = find_contours(smooth, threshold)
    iso_index = np.vstack(lines) if lines else np.zeros((0, 2))
    corner = np.array([window[1].start, window[0].start]) * RASTER_MM
    iso_mm = iso_index[:, ::-1] * RASTER_MM + corner
    raster = (
        np.stack(np.meshgrid(np.arange(dark.shape[1]), np.arange(dark.shape[0])), axis=-1)
        * RASTER_MM
        + corner
    )
    gaps = {
        bone: cKDTree(points).query(raster, distance_upper_bound=2 * REACH_MM)[0]
        for bone, points in bones_mm.items()
    }
    other = {Bone.FEMUR: Bone.ISCHIUM, Bone.ISCHIUM: Bone.FEMUR}
    caps = {
        bone: np.vstack(
            [bones_mm[bone], iso_mm[_cap(dark, gaps[bone], gaps[other[bone]], iso_index)]]
        )
        for bone in bones_mm
    }
    value, i, j = closest(caps[Bone.ISCHIUM], caps[Bone.FEMUR])
    ends = {Bone.ISCHIUM: caps[Bone.ISCHIUM][i], Bone.FEMUR: caps[Bone.FEMUR][j]}
    capped = {
        bone: float(np.linalg.norm(bones_mm[bone] - ends[bone], axis=1).min()) > CAP_MIN_MM
        for bone in bones_mm
    }
    return TendonGap(value, ends[Bone.ISCHIUM], ends[Bone.FEMUR], capped, caps)
