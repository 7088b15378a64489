"""Named phantoms: good ones that must measure right, and faulty ones that must be refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ifspace.phantom.spec import Layout, PhantomSpec, View


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
        Whether no millimetre may be taken from it, or not from some slices.
    expected_reason
        The reason code of a faulty one, as in :class:`ifspace.model.Reason`.
    """

    spec: PhantomSpec
    says: str
    faulty: bool = False
    expected_reason: str | None = None


def _good(says: str, **changes: object) -> Variant:
    return Variant(PhantomSpec(**changes), says)  # type: ignore[arg-type]


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "plain": _good("classic MR, axial, head first supine"),
        "t2": _good("T2-weighted", contrast="T2"),
        "pd": _good("proton density", contrast="PD"),
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
        "unknown-age": _good("no age in the header", age_years=None),
    }
)
