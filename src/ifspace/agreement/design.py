"""A blinded reading list: who reads what in which order, without showing what is read again.

Every reader gets an order of their own. A repeat looks like any other entry; only the key, which
the organiser of the study keeps, maps codes to hips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ifspace.errors import UnreadableInputError
from ifspace.hips import CASE_NAMES, PERSON_NAMES, SIDE_OF_NAME
from ifspace.model import SIDES_AS_SEEN
from ifspace.tables import Table, plain_text

# A repeat that follows its first reading closely is read from memory.
FEWEST_BETWEEN_SHARE = 0.25

LIST_PATTERN = "list_*.csv"


def list_name(number: int) -> str:
    """Name the list of the reader with this number, from 1."""
    return LIST_PATTERN.replace("*", f"{number:02d}")


@dataclass(frozen=True)
class Entry:
    """One line of a reader's list, with the hip behind its code."""

    reader: str
    position: int
    code: str
    person: str
    case: str
    side: str
    reading: int


@dataclass(frozen=True)
class Plan:
    """The reading list of a study and the seed that makes it again."""

    entries: tuple[Entry, ...]
    seed: int
    repeats: int
    readers: tuple[str, ...]


def hips_from_table(table: Table) -> tuple[tuple[str, str, str], ...]:
    """Read person, case and side of every hip to be read; without a side, both.

    Raises
    ------
    UnreadableInputError
        If there is no column of cases, or a side is neither left nor right.
    """
    table.require((CASE_NAMES,))
    table.require_every_row("the list of hips")
    hips: dict[tuple[str, str, str], None] = {}
    for row in table.rows:
        case, side = plain_text(row.text(*CASE_NAMES)), row.text("side").lower()
        if not case or (side and side not in SIDE_OF_NAME):
            message = f"row {row.number} needs a case, and left, right or nothing as its side"
            raise UnreadableInputError(message)
        for one in (SIDE_OF_NAME[side],) if side else SIDES_AS_SEEN:
            hips[plain_text(row.text(*PERSON_NAMES)) or case, case, one.value] = None
    return tuple(hips)


def plan_readings(
    hips: Sequence[tuple[str, str, str]], readers: Sequence[str], *, repeats: int, seed: int
) -> Plan:
    """Shuffle every hip for every reader, each as often as it is read.

    Between two readings of the same hip by one reader lie at least a quarter of all hips.

    Raises
    ------
    ValueError
        If there are no hips, no readers, a reader twice, or fewer than one reading.
    """
    if not hips or not readers or repeats < 1 or len(set(readers)) != len(readers):
        message = "a plan needs hips, different readers and at least one reading"
        raise ValueError(message)
    random = np.random.default_rng(seed)
    entries: list[Entry] = []
    for reader in readers:
        order = _rounds(len(hips), repeats, random)
        codes = random.permutation(len(order)) + 1
        seen = [0] * len(hips)
        for position, (hip, code) in enumerate(zip(order, codes, strict=True), start=1):
            seen[hip] += 1
            person, case, side = hips[hip]
            name = f"{reader}-{code:0{len(str(len(order)))}d}"
            entries.append(Entry(reader, position, name, person, case, side, seen[hip]))
    return Plan(tuple(entries), seed, repeats, tuple(readers))


def _rounds(count: int, repeats: int, random: np.random.Generator) -> list[int]:
    """Shuffle in rounds; the last hips of one round do not begin the next."""
    order = [int(hip) for hip in random.permutation(count)]
    gap = int(np.ceil(count * FEWEST_BETWEEN_SHARE))
    for _ in range(repeats - 1):
        recent = order[-gap:] if gap < count else []
        early = [hip for hip in order[-count:] if hip not in recent]
        keep = max(1, gap)
        shuffled = [early[index] for index in random.permutation(len(early))]
        first, rest = shuffled[:keep], [*shuffled[keep:], *recent]
        order += first + [rest[index] for index in random.permutation(len(rest))]
    return order
