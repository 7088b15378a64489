"""Named phantoms: good ones that must measure right, and faulty ones that must be refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ifspace.phantom.spec import TRANSFER_SYNTAXES, Layout, PhantomSpec, View


@dataclass(frozen=True)
class Variant:
    """One named phantom.

    Attributes
    ----------
    spec
        What is written; spaces, size and seed may be replaced, the rest is the variant.
    says
        One line for the person who chooses.
    faulty
        Whether something is wrong with the stack that has to be found and named.
    expected_reason
        The reason, as in :class:`ifspace.model.Reason`, for which every space is refused. None
        for a faulty one whose single slices are sound: the marks still give the true distances.
    """

    spec: PhantomSpec
    says: str
    faulty: bool = False
    expected_reason: str | None = None


KOREAN_NAME = "Hong^Gildong=\u6d2a^\u5409\u6d1e=\ud64d^\uae38\ub3d9"


def _good(says: str, **changes: Any) -> Variant:
    return Variant(PhantomSpec(**changes), says)


def _faulty(says: str, reason: str | None, **changes: Any) -> Variant:
    return Variant(PhantomSpec(**changes), says, faulty=True, expected_reason=reason)


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "plain": _good("classic MR, axial, head first supine"),
        "t2": _good("T2-weighted", contrast="T2"),
        "pd": _good("proton density", contrast="PD"),
        "with-fat-suppressed": _good(
            "T1 with T2 and STIR in the same frame of reference", extra_contrasts=("T2", "STIR")
        ),
        "asymmetric": _good(
            "narrow on the left, wide on the right",
            ifs_left_mm=11.0,
            qfs_left_mm=6.5,
            ifs_right_mm=24.0,
            qfs_right_mm=17.0,
        ),
        "enhanced": _good("Enhanced MR, one multi-frame object", enhanced=True),
        "enhanced-oblique": _good("Enhanced MR, tilted", enhanced=True, tilt_deg=12.0),
        "enhanced-shuffled": _good("Enhanced MR, frames shuffled", enhanced=True, shuffled=True),
        "oblique-10": _good("slices tilted by 10 degrees", tilt_deg=10.0),
        "oblique-20": _good("slices tilted by 20 degrees", tilt_deg=20.0, in_plane_deg=4.0),
        "oblique-30": _good("slices tilted by 30 degrees", tilt_deg=30.0, in_plane_deg=-6.0),
        "flipped-columns": _good("columns stored from left to right", flips=("columns",)),
        "flipped-rows": _good("rows stored from back to front", flips=("rows",)),
        "flipped-slices": _good("slices stored from top to bottom", flips=("slices",)),
        "transposed": _good("rows and columns exchanged", flips=("transpose",)),
        "feet-first": _good("feet first supine", patient_position="FFS"),
        "prone": _good("head first prone", patient_position="HFP"),
        "anisotropic": _good("pixels of 1.4 by 0.8 mm", row_spacing_mm=1.4, column_spacing_mm=0.8),
        "left-only": _good("field of view of the left hip", view=View.LEFT),
        "right-only": _good("field of view of the right hip", view=View.RIGHT),
        "child": _good("nine years old", age_years=9, ifs_mm=15.0, qfs_mm=10.0),
        "teen": _good("fifteen years old", age_years=15),
        "unknown-age": _good("no age in the header", age_years=None),
        "korean-name": _good(
            "Korean name in ISO 2022 IR 149",
            patient_name=KOREAN_NAME,
            character_set="\\ISO 2022 IR 149",
        ),
        "korean-name-utf8": _good(
            "Korean name in UTF-8", patient_name=KOREAN_NAME, character_set="ISO_IR 192"
        ),
        **{
            name: _good(f"transfer syntax: {name}", transfer_syntax=name)
            for name in TRANSFER_SYNTAXES
            if name != "explicit"
        },
        "enhanced-jpeg-2000": _good(
            "Enhanced MR in JPEG 2000", enhanced=True, transfer_syntax="jpeg-2000"
        ),
        "shuffled": _good("file names and instance numbers out of order", shuffled=True),
        "no-extension": _good("files without extension", layout=Layout.NO_EXTENSION),
        "ima": _good("files named .IMA in mixed case", layout=Layout.IMA),
        "zipped": _good("one ZIP archive", layout=Layout.ZIPPED),
        "dicomdir": _good("DICOMDIR", layout=Layout.DICOMDIR),
        "two-echoes": _good("two echoes under one series UID", contrast="PD", two_echoes=True),
        "mixed-orientation": _good(
            "axial and coronal slices under one series UID", mixed_orientation=True
        ),
        "missing-slice": _faulty("a slice beside the level is missing", None, missing_slice=True),
        "repeated-slice": _faulty(
            "a slice beside the level comes twice", None, repeated_slice=True
        ),
        "sheared": _faulty("each slice is shifted against the one below", None, sheared=True),
        "above-level": _faulty(
            "scanned too high: no slice shows a lesser trochanter, and nothing is marked",
            "femur_not_covered",
            above_level=True,
        ),
        "no-pixel-spacing": _faulty(
            "PixelSpacing is absent", "geometry_untrusted", no_pixel_spacing=True
        ),
    }
)
