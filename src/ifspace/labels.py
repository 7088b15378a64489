"""Label maps: which number is which bone, by name before number.

The numbers of one network mean other organs in another task, so a name in the file always wins,
then what the user says, and a preset only where neither says anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ifspace.errors import SessionError
from ifspace.geometry import Grid

REQUIRED = ("hip_left", "hip_right", "femur_left", "femur_right")
# What some maps know besides: the muscle, as a second estimate of its room.
OPTIONAL = ("quadratus_femoris_left", "quadratus_femoris_right")

# Class numbers as the projects publish them; a map with names in it needs none of these.
PRESETS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "total_mr": {"femur_left": 36, "femur_right": 37, "hip_left": 38, "hip_right": 39},
        "vibe": {"femur_left": 48, "femur_right": 49, "hip_left": 50, "hip_right": 51},
        "mrsegmentator": {"hip_left": 27, "hip_right": 28, "femur_left": 29, "femur_right": 30},
        "musclemap": {
            "hip_left": 6151,
            "hip_right": 6152,
            "femur_left": 6171,
            "femur_right": 6172,
            "quadratus_femoris_left": 6221,
            "quadratus_femoris_right": 6222,
        },
    }
)
DEFAULT_PRESET = "total_mr"

_BONES = {"hip": "hip", "ilium": "hip", "innominate": "hip", "hip bone": "hip", "femur": "femur"}
_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Bones as numbers on a voxel grid of their own.

    Attributes
    ----------
    grid
        Where the voxels lie; any grid in the frame of reference of the images.
    voxels
        (k, j, i), whole numbers, write-protected.
    values
        Number of every structure that is known, by our own names (``femur_left`` ...).
    frame_of_reference_uid
        Absent for files that are not DICOM.
    """

    grid: Grid
    voxels: NDArray[np.integer]
    values: Mapping[str, int]
    frame_of_reference_uid: str | None = None

    def __post_init__(self) -> None:
        """Refuse voxels that do not fit the grid."""
        if self.voxels.shape != self.grid.shape_kji:
            message = f"labels have shape {self.voxels.shape}, the grid says {self.grid.shape_kji}"
            raise ValueError(message)
        self.voxels.flags.writeable = False

    def mask(self, name: str) -> NDArray[np.bool_] | None:
        """Give the voxels of one structure, or nothing where it is absent or empty."""
        if name not in self.values:
            return None
        found = self.voxels == self.values[name]
        return found if found.any() else None


def canonical_name(name: str) -> str | None:
    """Turn a name such as ``Left Femur``, ``femur_left`` or ``hip bone R`` into ours."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    sides = {_SIDES[word] for word in words if word in _SIDES}
    structures = {_BONES[word] for word in words if word in _BONES}
    if {"quadratus", "femoris"} <= set(words):
        structures.add("quadratus_femoris")
    if len(sides) != 1 or len(structures) != 1:
        return None
    return f"{structures.pop()}_{sides.pop()}"


def parse_labels(text: str) -> dict[str, int]:
    """Read ``hip_left=1,femur_left=3``.

    Raises
    ------
    SessionError
        If a part is not NAME=NUMBER with a name we know, or a number is given twice.
    """
    values: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if (
            name.strip() not in (*REQUIRED, *OPTIONAL)
            or not number.strip().isdigit()
            or int(number) == 0
        ):
            message = (
                f"--labels: {part.strip()!r} is not NAME=NUMBER with a name out of "
                f"{', '.join((*REQUIRED, *OPTIONAL))} and a number above zero"
            )
            raise SessionError(message)
        values[name.strip()] = int(number)
    if len(set(values.values())) != len(values):
        raise SessionError("--labels: two structures have the same number")
    return values


def choose_values(
    named: Mapping[int, str], labels: Mapping[str, int] | None, preset: str | None
) -> dict[str, int]:
    """Decide which number is which bone.

    Parameters
    ----------
    named
        Names found in the file, by number.
    labels
        What the user says; wins.
    preset
        A key of :data:`PRESETS`, for files without names.

    Raises
    ------
    SessionError
        If the preset is unknown.
    """
    if labels:
        return dict(labels)
    found = {name: number for number, text in named.items() if (name := canonical_name(text))}
    if found:
        return found
    chosen = preset or DEFAULT_PRESET
    if chosen not in PRESETS:
        message = f"no preset {chosen!r}; known are {', '.join(sorted(PRESETS))}"
        raise SessionError(message)
    return dict(PRESETS[chosen])
