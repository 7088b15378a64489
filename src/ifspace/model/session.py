"""Marks, seeds and sessions: everything a person decided about one series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ifspace.geometry import Floats, finite
from ifspace.model.fingerprint import ImageFingerprint
from ifspace.model.vocabulary import Kind, MarkName, MarkState, SeedName, Side, Source


@dataclass(frozen=True, eq=False)
class Mark:
    """One landmark in the patient."""

    name: MarkName
    side: Side
    position_lps_mm: Floats
    state: MarkState = MarkState.PLACED
    source: Source = Source.HUMAN
    confidence: float | None = None
    sop_instance_uid: str | None = None

    def __post_init__(self) -> None:
        """Refuse a position that is not finite and a confidence outside 0 to 1."""
        position = finite(self.position_lps_mm, (3,), "position_lps_mm")
        object.__setattr__(self, "position_lps_mm", position)
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0:
            message = f"confidence is {self.confidence}, expected 0 to 1"
            raise ValueError(message)
        if self.source is Source.PROGRAM and self.state is MarkState.PLACED:
            message = "a program's mark is proposed until a person moves or confirms it"
            raise ValueError(message)


@dataclass(frozen=True, eq=False)
class Seed:
    """One rough point inside the marrow of a bone."""

    name: SeedName
    side: Side
    position_lps_mm: Floats
    sop_instance_uid: str | None = None

    def __post_init__(self) -> None:
        """Refuse a position that is not finite."""
        position = finite(self.position_lps_mm, (3,), "position_lps_mm")
        object.__setattr__(self, "position_lps_mm", position)


@dataclass(frozen=True, eq=False)
class Outline:
    """The border of a structure that the program found, (n, 3) patient mm, to be drawn.

    `structure` is ``femur``, ``ischium`` or ``ischium_region`` (where to place the ischial seed).
    `slice_index` is absent where the outline comes from a session: the points tell the slice.
    `kind` tells which space it limits; the quadratus femoris space ends at bone and tendon.
    """

    structure: str
    side: Side
    points_lps_mm: Floats
    slice_index: int | None = None
    kind: Kind = Kind.IFS

    def __post_init__(self) -> None:
        """Refuse anything but a list of finite points."""
        points = np.array(self.points_lps_mm, dtype=np.float64)
        points = finite(points, (len(points), 3), "points_lps_mm")
        object.__setattr__(self, "points_lps_mm", points)


@dataclass(frozen=True)
class Signature:
    """A reader signed: every mark in the session was looked at and is right.

    `sha256` is the hash of everything signed (:mod:`ifspace.signing`); a signature of a file of
    version 1 has none.
    """

    reader: str
    signed_at: str
    role: str = ""
    sha256: str | None = None


@dataclass(frozen=True)
class SignedWith:
    """What made the numbers that were signed, and what stood beside them.

    `evidence` is the hash of the published values in use.
    """

    software_version: str
    evidence: str


@dataclass(frozen=True)
class HistoryEntry:
    """One act on a session; `hash` covers the entry, `previous` is that of the entry before."""

    at: str
    reader: str
    act: str
    what: str
    previous: str
    hash: str


@dataclass(frozen=True, eq=False)
class Session:
    """Everything a person decided about one series.

    `acquisition` holds what the reader knows of the position (``hip_rotation``,
    ``knee_bolster``), `findings` the coded companion findings per side, `level_range` the first
    and the last slice (SOP Instance UID, or for enhanced objects UID#frame) that show the lesser
    trochanter. `image` tells which images the marks are on; a session made by hand may lack it.
    `history` tells who did what, each entry chained to the one before.
    `indication`, `comparison` (earlier examinations) and `impression` are the reader's own words,
    `painful_side` one of `PAINFUL_SIDES`.
    """

    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    frame_of_reference_uid: str | None = None
    reader: str | None = None
    marks: tuple[Mark, ...] = ()
    seeds: tuple[Seed, ...] = ()
    level_range: Mapping[Side, tuple[str, str]] = field(default_factory=dict)
    acquisition: Mapping[str, str] = field(default_factory=dict)
    findings: Mapping[Side, Mapping[str, str]] = field(default_factory=dict)
    signature: Signature | None = None
    outlines: tuple[Outline, ...] = ()
    image: ImageFingerprint | None = None
    signed_with: SignedWith | None = None
    history: tuple[HistoryEntry, ...] = ()
    indication: str | None = None
    painful_side: str | None = None
    comparison: str | None = None
    impression: str | None = None
