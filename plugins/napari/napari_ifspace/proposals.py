"""The one call into the library for proposals. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ifspace.landmarks import SliceOutline, from_seeds
from ifspace.landmarks.propose import ProposedSide, propose
from ifspace.model import Kind, Mark, Seed, SeedName, Side, Volume

SEED_ORDER = (SeedName.ISCHIUM_MARROW, SeedName.FEMUR_MARROW)
SEED_WORDS = {
    SeedName.ISCHIUM_MARROW: "inside the marrow of the ischium",
    SeedName.FEMUR_MARROW: "inside the marrow of the femur, at the lesser trochanter",
}


@dataclass(frozen=True, eq=False)
class Proposed:
    """What the program proposes for one side: marks, the outlines they rest on, a word."""

    marks: tuple[Mark, ...]
    outlines: tuple[SliceOutline, ...]
    words: str


def propose_from_seeds(
    volume: Volume, seeds: tuple[Seed, ...], side: Side, level_range: tuple[int, int] | None
) -> Proposed:
    """Ask the library for the marks of one side from two rough points in the marrow.

    Without a level range of the reader the library's own estimate is used, and without one only
    the slice of the first seed.
    """
    found = from_seeds(volume, seeds, side, level_range or _level(volume, seeds, side))
    marks = tuple(mark for kind in Kind for mark in found.marks(kind))
    if found.refusal is not None:
        words = f"No proposal: {found.refusal.detail}."
    elif not marks:
        words = "No proposal: the cortex is not clear enough; place the marks by hand."
    else:
        words = (
            f"{len(marks)} proposal(s), shown dashed with the outlines they rest on: "
            "confirm (C), drag, or remove (Del) each."
        )
    return Proposed(marks, found.outlines, words)


def _level(volume: Volume, seeds: tuple[Seed, ...], side: Side) -> tuple[int, int]:
    proposal = propose(volume).sides[side]
    if isinstance(proposal, ProposedSide):
        return proposal.level.first, proposal.level.last
    at = volume.nearest_slice(seeds[0].position_lps_mm)[0]
    return at, at
