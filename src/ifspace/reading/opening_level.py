"""Where to begin: the level of the lesser trochanter, as the library estimates it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ifspace.geometry import Floats
from ifspace.landmarks import Proposal, ProposedSide, propose
from ifspace.model import Reason, Refusal, Side, Volume

_SIDES = (Side.RIGHT, Side.LEFT)


@dataclass(frozen=True)
class OpeningLevel:
    """The slice to begin at, if one could be estimated, and a sentence about it.

    The slice is a place to look at, and `ranges` where the program sees each lesser trochanter,
    never a level range: that is the reader's to set. `hips_lps_mm` are points to look at, between
    the femur and where the ischium is to be expected. `absent` is the side that the images do not
    show.
    """

    slice_index: int | None
    words: str
    ranges: Mapping[Side, tuple[int, int]] = field(default_factory=dict)
    hips_lps_mm: Mapping[Side, Floats] = field(default_factory=dict)
    absent: Side | None = None


def opening_level(volume: Volume) -> OpeningLevel:
    """Ask the library for the level of the lesser trochanter; takes seconds."""
    return level_of(propose(volume))


def level_of(proposal: Proposal) -> OpeningLevel:
    """Choose one slice for both sides, and say from what."""
    found = {s: item for s, item in proposal.sides.items() if isinstance(item, ProposedSide)}
    reasons = {s: item.detail for s, item in proposal.sides.items() if isinstance(item, Refusal)}
    apexes = {side: item.level.apex for side, item in found.items()}
    if not apexes:
        why = "; ".join(dict.fromkeys(reasons[side] for side in _SIDES))
        return OpeningLevel(
            None,
            f"The level of the lesser trochanter could not be estimated: {why}.",
            absent=_absent(proposal),
        )
    slice_index = _between(apexes)
    sides = [f"{side.value} apex {apexes[side] + 1}" for side in _SIDES if side in apexes]
    sides += [f"not on the {side.value}: {reasons[side]}" for side in _SIDES if side in reasons]
    return OpeningLevel(
        slice_index,
        f"Opened at the estimated level of the lesser trochanter, slice {slice_index + 1}"
        f" ({', '.join(sides)}).",
        {side: (item.level.first, item.level.last) for side, item in found.items()},
        {side: _middle_lps_mm(item) for side, item in found.items()},
        _absent(proposal),
    )


def _absent(proposal: Proposal) -> Side | None:
    """Tell which hip a view of one hip does not show."""
    for side, item in proposal.sides.items():
        if isinstance(item, Refusal) and item.reason is Reason.SIDE_NOT_SHOWN:
            return side
    return None


def _middle_lps_mm(side: ProposedSide) -> Floats:
    ischium_lps_mm = side.ischium_region_lps_mm.mean(axis=0)
    return np.asarray(0.5 * (side.femur_seed.position_lps_mm + ischium_lps_mm), dtype=np.float64)


def _between(apexes: dict[Side, int]) -> int:
    """Give the slice halfway between both sides; the nearer to the right one, which comes first."""
    middle = sum(apexes.values()) / len(apexes)
    if apexes.get(Side.RIGHT, 0) <= middle:
        return math.floor(middle)
    return math.ceil(middle)
