"""The coded companion findings and position facts that a session may hold.

What a radiologist notes next to the two distances. Everything is optional, nothing of it changes
a number. Ids and codes are stable: they stand in session files and in DICOM reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Choice:
    """One thing to note: its label and the codes it may take, each with its label."""

    label: str
    codes: Mapping[str, str]


_GRADE = {"none": "none", "mild": "mild", "moderate": "moderate", "severe": "severe"}
_TENDON = {
    "normal": "normal",
    "tendinopathy": "tendinopathy",
    "partial_tear": "partial tear",
    "complete_tear": "complete tear",
}
_PRESENCE = {"absent": "absent", "present": "present"}

FINDINGS: Mapping[str, Choice] = MappingProxyType(
    {
        "qf_oedema": Choice("Quadratus femoris oedema", _GRADE),
        "qf_oedema_place": Choice(
            "Place of the oedema",
            {
                "ischial": "ischial part",
                "central": "between ischium and femur",
                "femoral": "femoral part",
                "diffuse": "whole muscle",
            },
        ),
        "qf_fat": Choice(
            "Quadratus femoris fat (Goutallier)",
            {
                "0": "0, no fat",
                "1": "1, fatty streaks",
                "2": "2, less fat than muscle",
                "3": "3, as much fat as muscle",
                "4": "4, more fat than muscle",
            },
        ),
        "qf_atrophy": Choice("Quadratus femoris atrophy", _GRADE),
        "qf_tear": Choice(
            "Quadratus femoris tear",
            {"none": "none", "partial": "partial", "complete": "complete"},
        ),
        "hamstring_origin": Choice("Hamstring origin", _TENDON),
        "iliopsoas_tendon": Choice("Iliopsoas tendon", _TENDON),
        "bursa_like_fluid": Choice("Bursa-like fluid", _PRESENCE),
        "sciatic_nerve": Choice(
            "Sciatic nerve",
            {
                "normal": "normal",
                "signal_increased": "signal increased",
                "displaced": "displaced or flattened",
            },
        ),
        "marrow_oedema_ischium": Choice("Marrow oedema of the ischium", _PRESENCE),
        "marrow_oedema_lesser_trochanter": Choice(
            "Marrow oedema of the lesser trochanter", _PRESENCE
        ),
        "implant": Choice("Implant or its artefact", _PRESENCE),
    }
)

# Which hip hurts, by the code in a session file.
PAINFUL_SIDES: Mapping[str, str] = MappingProxyType(
    {"right": "right", "left": "left", "both": "both sides", "none": "no pain"}
)

UNKNOWN = "unknown"

ACQUISITION: Mapping[str, Choice] = MappingProxyType(
    {
        "hip_rotation": Choice(
            "Hip rotation",
            {
                UNKNOWN: "unknown",
                "neutral": "neutral",
                "internal": "internal rotation",
                "external": "external rotation",
            },
        ),
        "knee_bolster": Choice(
            "Knee bolster", {UNKNOWN: "unknown", "yes": "used", "no": "not used"}
        ),
        "patient_position": Choice(
            "Patient position", {UNKNOWN: "unknown", "supine": "supine", "prone": "prone"}
        ),
    }
)
