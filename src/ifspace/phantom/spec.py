"""What a phantom study is asked to be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from ifspace.model import Kind, Side


class Size(StrEnum):
    """How many pixels: like a clinical scan, small enough to keep, or just enough for a test."""

    FULL = "full"
    SMALL = "small"
    TINY = "tiny"


class Layout(StrEnum):
    """How the files lie in the folder."""

    FOLDER = "folder"
    NO_EXTENSION = "no_extension"
    IMA = "ima"
    ZIPPED = "zipped"
    DICOMDIR = "dicomdir"


class View(StrEnum):
    """What the field of view covers."""

    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"


CONTRASTS = ("T1", "PD", "T2", "PD-FS", "STIR")
FLIPS = ("rows", "columns", "slices", "transpose")
TRANSFER_SYNTAXES = (
    "explicit",
    "implicit",
    "big-endian",
    "deflated",
    "rle",
    "jpeg-ls",
    "jpeg-2000",
    "jpeg-lossless",
    "jpeg-lossless-sv1",
    "jpeg-12bit",
)
# The hamstring origin is a tendon of some millimetres on the ischium: it can narrow the room for
# the muscle by this much, and is too thick to leave the whole space between the bones.
LEAST_TENDON_MM, MOST_TENDON_MM = 2.0, 16.0
SMALLEST_SPACE_MM, LARGEST_SPACE_MM = 3.0, 45.0
LARGEST_TILT_DEG = 35.0


@dataclass(frozen=True)
class PhantomSpec:
    """One synthetic study; the same values give the same bytes.

    Attributes
    ----------
    ifs_mm, qfs_mm
        True spaces of both sides, the smallest over the slices that show the lesser trochanter.
    ifs_left_mm, ifs_right_mm, qfs_left_mm, qfs_right_mm
        The same for one side; where absent the value for both sides holds.
    contrast
        One of `CONTRASTS`.
    extra_contrasts
        Further series of the same slices in the same frame of reference.
    tilt_deg, in_plane_deg
        Angle between slices and the patient's axial plane, and turn of the image in its plane.
    flips
        Stored orders that are turned round, of `FLIPS`; the planes stay where they are.
    row_spacing_mm, column_spacing_mm, slice_step_mm
        Sampling; where absent the one of `size`.
    missing_slice, repeated_slice
        Leave out, or store twice, the slice in the middle of the stack.
    above_level
        Scan too high: no slice shows a lesser trochanter, nothing is true and nothing is marked.
    every_level_marked
        Give the session the true marks of all lesser trochanter slices, not of the smallest only.
    """

    ifs_mm: float = 20.0
    qfs_mm: float = 12.0
    ifs_left_mm: float | None = None
    ifs_right_mm: float | None = None
    qfs_left_mm: float | None = None
    qfs_right_mm: float | None = None
    contrast: str = "T1"
    extra_contrasts: tuple[str, ...] = ()
    size: Size = Size.FULL
    seed: int = 1
    snr: float = 30.0
    tilt_deg: float = 0.0
    in_plane_deg: float = 0.0
    row_spacing_mm: float | None = None
    column_spacing_mm: float | None = None
    slice_step_mm: float | None = None
    patient_position: str = "HFS"
    flips: tuple[str, ...] = ()
    view: View = View.BOTH
    enhanced: bool = False
    transfer_syntax: str = "explicit"
    layout: Layout = Layout.FOLDER
    shuffled: bool = False
    missing_slice: bool = False
    repeated_slice: bool = False
    sheared: bool = False
    two_echoes: bool = False
    mixed_orientation: bool = False
    no_pixel_spacing: bool = False
    above_level: bool = False
    age_years: int | None = 47
    sex: str = "F"
    patient_name: str = "PHANTOM^HIP"
    character_set: str = "ISO_IR 100"
    every_level_marked: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        _one_of("contrast", self.contrast, CONTRASTS)
        _one_of("transfer_syntax", self.transfer_syntax, TRANSFER_SYNTAXES)
        for name in self.extra_contrasts:
            _one_of("extra_contrasts", name, CONTRASTS)
        for name in self.flips:
            _one_of("flips", name, FLIPS)
        if not 0.0 <= self.tilt_deg <= LARGEST_TILT_DEG:
            message = f"tilt_deg is {self.tilt_deg}, expected 0 to {LARGEST_TILT_DEG:g}"
            raise ValueError(message)
        for side in Side:
            self._check_spaces(side)

    def _check_spaces(self, side: Side) -> None:
        ifs_mm, qfs_mm = self.space_mm(Kind.IFS, side), self.space_mm(Kind.QFS, side)
        for name, value_mm in (("IFS", ifs_mm), ("QFS", qfs_mm)):
            if not (math.isfinite(value_mm) and SMALLEST_SPACE_MM <= value_mm <= LARGEST_SPACE_MM):
                message = (
                    f"{name} {side} is {value_mm} mm, expected "
                    f"{SMALLEST_SPACE_MM:g} to {LARGEST_SPACE_MM:g}"
                )
                raise ValueError(message)
        if not ifs_mm - MOST_TENDON_MM <= qfs_mm <= ifs_mm - LEAST_TENDON_MM:
            message = (
                f"QFS {side} is {qfs_mm} mm with an IFS of {ifs_mm} mm; the hamstring tendon "
                f"lies between, so expected {ifs_mm - MOST_TENDON_MM:g} to "
                f"{ifs_mm - LEAST_TENDON_MM:g}"
            )
            raise ValueError(message)

    def space_mm(self, kind: Kind, side: Side) -> float:
        """Give the true space that one side is asked to have."""
        own = getattr(self, f"{kind}_{side}_mm")
        return float(getattr(self, f"{kind}_mm") if own is None else own)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides inside the field of view."""
        if self.view is View.BOTH:
            return (Side.RIGHT, Side.LEFT)
        return (Side(self.view.value),)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        message = f"{name} is {value!r}, expected one of {', '.join(allowed)}"
        raise ValueError(message)
