"""Move a mark that a person placed roughly onto the outer edge that it stands for, on one line.

The line runs through the mark to its partner, or squarely across the edge where there is none
yet. Only this line and the tissue around it are looked at, so that the answer takes milliseconds
and the reader can check it on the profile of the signal. A mark never leaves its slice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats, Plane, finite
from ifspace.image import RASTER_MM, Patch, cut_patches, flatten
from ifspace.landmarks.borders.signal import TissueSignal, blur_of, estimate_cortex, estimate_muscle
from ifspace.landmarks.grading import exclusion
from ifspace.landmarks.grading.readings import INSEPARABLE_MM
from ifspace.landmarks.snap.crossing import bone_crossing, tendon_crossing
from ifspace.landmarks.snap.line import Crossing, ProfileBand, not_clear
from ifspace.model import (
    AXIAL_TILT_LIMIT_DEG,
    MARKS_OF_KIND,
    Kind,
    Mark,
    MarkName,
    Reason,
    Refusal,
    Side,
    Volume,
)

# A careful reader's mark lies within 2 mm of the edge (standard error of measurement 0.96 mm,
# docs/measurements/uncertainty.md); farther away another edge begins to be nearer.
REACH_MM = 4.0
AROUND = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
# Tissue that is looked at on all sides: wider than the shading filter, see `flatten`.
WINDOW_MM = 30.0
# Nearer to its partner than this a mark has no line.
SHORTEST_LINE_MM = 3.0
PARTNER_MM = 1.0
# Without a partner, muscle is looked for as far ahead as the two bones commonly are apart.
AHEAD_MM = 20.0
# The profile shown to the reader reaches this far inwards and outwards of the click.
SHOWN_MM = (-10.0, 8.0)
SHOWN_STEP_MM = 0.25
# Where the signal rises and falls is read off gradients within this distance of the mark.
ORIENTATION_MM = 3.0
ORIENTATION_BLUR_MM = 0.8
# Gradients that agree less than this point nowhere, and an edge turned farther from where the
# bone must face is another edge.
COHERENCE_MIN = 0.3
FACING_MIN = 0.35
# From the shaft the lesser trochanter points medially and 30 degrees backwards, on average.
TROCHANTER_BACK_DEG = 30.0


@dataclass(frozen=True, eq=False)
class EdgeProfile:
    """Signal along the line of a mark, as stored in the image, for the reader's eyes.

    Attributes
    ----------
    position_mm
        (n,), 0 at the mark as it was placed, growing outwards, away from its bone.
    signal
        (n,), linearly interpolated in the slice.
    """

    position_mm: Floats
    signal: Floats

    def __post_init__(self) -> None:
        """Refuse lists that do not belong together."""
        position = np.array(self.position_mm, dtype=np.float64)
        for name in ("position_mm", "signal"):
            value = finite(getattr(self, name), position.shape, name)
            object.__setattr__(self, name, value)


@dataclass(frozen=True, eq=False)
class Snapped:
    """Where the edge is on the line of a mark, and how clearly it was seen.

    Attributes
    ----------
    point_lps_mm
        The edge, (3,), in the plane of the slice.
    moved_mm
        From the mark to the edge, positive outwards.
    profile
        Signal along the line; the mark lies at 0, the edge at `moved_mm`.
    u95_mm
        Half-width of the 95 % interval of the edge along the line.
    clearness
        How convincing the edge is: about 0 (not at all) to 1.7.
    note
        A sentence for the reader, where something has to be said.
    """

    point_lps_mm: Floats
    moved_mm: float
    profile: EdgeProfile
    u95_mm: float
    clearness: float
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a point that is not finite."""
        object.__setattr__(self, "point_lps_mm", finite(self.point_lps_mm, (3,), "point_lps_mm"))


def snap_to_edge(
    volume: Volume, slice_index: int, mark: Mark, *, toward_lps_mm: Floats | None = None
) -> Snapped | Refusal:
    """Find the outer edge of cortex or tendon on the line through a mark.

    Parameters
    ----------
    volume
        An axial MR series without fat suppression.
    slice_index
        The slice to look at; the mark is dropped onto it.
    mark
        Where a person put it. Name and side say which way the edge faces.
    toward_lps_mm
        The partner mark, (3,); the edge is then searched on the line between the two. Without
        one, the edge of a bone is searched squarely across it, that of a tendon not at all.

    Returns
    -------
    Snapped or Refusal
        Marks of the ischiofemoral space go to the outer edge of the cortex, those of the
        quadratus femoris space to the outer edge of the dark tendon or, where no tendon can be
        told apart, of the cortex. Where there is no clear edge, or two equally good ones, why.

    Raises
    ------
    ValueError
        If there is no such slice.
    """
    if not 0 <= slice_index < len(volume.slices):
        message = f"slice_index is {slice_index}, the volume has {len(volume.slices)} slices"
        raise ValueError(message)
    stored = volume.slices[slice_index].plane
    start_lps_mm = stored.foot_lps_mm(mark.position_lps_mm)
    refusal = (
        exclusion.check_series(volume) or exclusion.check_pixels(volume) or check_plane(stored)
    )
    if refusal is not None:
        return refusal
    raw = cut_patches(
        volume, range(slice_index, slice_index + 1), start_lps_mm, (WINDOW_MM, WINDOW_MM)
    )[0]
    start_mm = raw.to_xy_mm(start_lps_mm)
    if not exclusion.inside_view(raw, start_mm + REACH_MM * AROUND):
        return Refusal(Reason.MARKS_OUTSIDE_IMAGE, "the mark is too near to where the image ends")
    patch = flatten(raw)
    toward_mm = None if toward_lps_mm is None else raw.to_xy_mm(stored.foot_lps_mm(toward_lps_mm))
    band = _band_of(patch, start_mm, mark, toward_mm)
    if isinstance(band, Refusal):
        return band
    if band.kind is Kind.IFS:
        found = bone_crossing(band, blur_of(volume), femur=_on_femur(mark.name))
    else:
        found = tendon_crossing(band)
    if isinstance(found, Refusal):
        return found
    if abs(found.offset_mm) > band.reach_mm:
        return not_clear(band)
    outward = band.outward
    return Snapped(
        raw.to_lps_mm(start_mm + found.offset_mm * outward),
        found.offset_mm,
        _profile(raw, start_mm, outward),
        found.u95_mm,
        found.clearness,
        _note(mark.name, found),
    )


def check_plane(stored: Plane) -> Refusal | None:
    """Refuse slices on which nothing is measured."""
    tilt_deg = stored.tilt_from_axial_deg
    if tilt_deg <= AXIAL_TILT_LIMIT_DEG:
        return None
    return Refusal(
        Reason.NOT_AXIAL,
        f"the slice is tilted by {tilt_deg:.0f} degrees from axial, at most "
        f"{AXIAL_TILT_LIMIT_DEG:.0f} are accepted",
    )


def _on_femur(name: MarkName) -> bool:
    """Tell whether a mark is the femoral one of its pair."""
    return any(name is pair[1] for pair in MARKS_OF_KIND.values())


def _band_of(
    patch: Patch, start_mm: Floats, mark: Mark, toward_mm: Floats | None
) -> ProfileBand | Refusal:
    """Choose the line, and say how far it is free and what the tissues around it are."""
    kind = Kind.IFS if mark.name in MARKS_OF_KIND[Kind.IFS] else Kind.QFS
    gap_mm = np.zeros(2) if toward_mm is None else toward_mm - start_mm
    length_mm = float(np.linalg.norm(gap_mm))
    if length_mm >= SHORTEST_LINE_MM:
        # The edge of the partner is none of this mark's.
        outward, room_mm = gap_mm / length_mm, length_mm - PARTNER_MM
    elif kind is Kind.QFS:
        # Tendons lie on other dark structures all around: on analytic hips one in fifteen marks
        # without a line went more than 1 mm astray, however clear the edge was.
        return Refusal(
            Reason.MARK_MISSING,
            "the edge of a tendon is searched on the line to the other mark of the space; "
            "place that one first",
        )
    else:
        outward, room_mm = _across_edge(patch, start_mm, facing(mark)), np.inf
    ahead_mm = min(room_mm, AHEAD_MM)
    levels = TissueSignal(
        estimate_cortex(patch),
        estimate_muscle(patch, start_mm, start_mm + ahead_mm * outward),
    )
    return ProfileBand(patch, kind, start_mm, outward, levels, min(REACH_MM, room_mm))


def facing(mark: Mark) -> Floats:
    """Say where the surface of a mark looks, on the raster (left, back), (2,)."""
    lateral = 1.0 if mark.side is Side.LEFT else -1.0
    if not _on_femur(mark.name):
        return np.array([lateral, 0.0])
    back = np.radians(TROCHANTER_BACK_DEG)
    return np.array([-lateral * np.cos(back), np.sin(back)])


def _across_edge(patch: Patch, start_mm: Floats, facing: Floats) -> Floats:
    """Find the direction across the edges around a point, on the side that the bone faces.

    The main axis of the gradients, as in a structure tensor; where they do not agree, or agree on
    an edge that faces elsewhere, the facing itself.
    """
    smooth = ndi.gaussian_filter(patch.signal, ORIENTATION_BLUR_MM / RASTER_MM)
    steps = np.arange(-ORIENTATION_MM, ORIENTATION_MM + 0.1, RASTER_MM)
    disc = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    disc = disc[np.linalg.norm(disc, axis=1) <= ORIENTATION_MM]
    down, right = np.gradient(smooth)
    at = np.rint((start_mm + disc) / RASTER_MM).astype(int)
    gradients = np.stack([right[at[:, 1], at[:, 0]], down[at[:, 1], at[:, 0]]], axis=1)
    values, vectors = np.linalg.eigh(gradients.T @ gradients)
    coherence = (values[1] - values[0]) / max(values[1] + values[0], 1e-9)
    normal = vectors[:, 1] * (1.0 if vectors[:, 1] @ facing >= 0.0 else -1.0)
    if coherence < COHERENCE_MIN or normal @ facing < FACING_MIN:
        return facing
    return np.asarray(normal)


def _profile(raw: Patch, start_mm: Floats, outward: Floats) -> EdgeProfile:
    """Read the line as the image shows it."""
    position = np.arange(SHOWN_MM[0], SHOWN_MM[1] + 0.01, SHOWN_STEP_MM)
    return EdgeProfile(position, raw.sample(start_mm + position[:, None] * outward))


def _note(name: MarkName, found: Crossing) -> str:
    """Say what cannot be told apart."""
    if name is MarkName.ISCHIUM_LATERAL and found.thickness_mm > INSEPARABLE_MM:
        return "cortex and tendon of the ischium cannot be told apart here"
    return ""
