"""The one numbered list of published sources that a report refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ifspace.evidence import published_rows
from ifspace.model import Kind, PublishedValue, StudyResult


@dataclass(frozen=True)
class References:
    """Citations in the order of their numbers, counted from 1, and the number of each source.

    Rows of one publication share a number.
    """

    citations: tuple[str, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)

    def number(self, published: PublishedValue) -> int:
        """Give the number of one published value."""
        return self.numbers[published.evidence_id]

    def cited(self, numbers: Iterable[int]) -> str:
        """Print numbers as they stand behind a statement: [1,3]."""
        return f"[{','.join(str(number) for number in sorted(numbers))}]"

    def cite(self, evidence_ids: Iterable[str]) -> str:
        """Print the numbers of sources after a space; nothing where none has a number."""
        numbers = {self.numbers[name] for name in evidence_ids if name in self.numbers}
        return f" {self.cited(numbers)}" if numbers else ""

    def short(self, words: Iterable[str]) -> str:
        """Name in a word or two every source that `words` cite, for a page that stands alone."""
        cited = {
            int(number)
            for group in re.findall(r"\[([0-9,]+)\]", " ".join(words))
            for number in group.split(",")
        }
        return " · ".join(
            f"[{number}] {_short(citation)}"
            for number, citation in enumerate(self.citations, start=1)
            if number in cited
        )


def _short(citation: str) -> str:
    """Shorten a citation to its first author, or what stands there, and the year."""
    year = re.search(r"\b(?:19|20)\d\d\b", citation)
    first = re.split(r"[,.;:(]| et al", citation)[0].strip()
    first = re.sub(r" [A-Z]{1,3}$", "", first)
    dated = year is None or year[0] in first
    unverified = " (unverified)" if "(unverified" in citation else ""
    return f"{first[:40]}{'' if dated or year is None else ' ' + year[0]}{unverified}"


def published_in_use(result: StudyResult) -> tuple[PublishedValue, ...]:
    """List every published value that the result names, once, in the order of the panel."""
    named = list(result.panel)
    for space in result.spaces:
        named.extend(item.published for item in space.comparisons)
        if space.reference is not None:
            named.append(space.reference.published)
    unique = {(item.evidence_id, item.kind): item for item in named}
    return tuple(unique.values())


def number_references(result: StudyResult, further: Iterable[str] = ()) -> References:
    """Give each source a number: group means first, then by cut-off, then `further` ids."""
    order = sorted(published_in_use(result), key=_rank)
    sources = {item.evidence_id: item.citation for item in order}
    known = {row.id: row.reference for row in published_rows()}
    sources |= {name: known[name] for name in further if name not in sources}
    citations = tuple(dict.fromkeys(sources.values()))
    return References(citations, {name: citations.index(one) + 1 for name, one in sources.items()})


def _rank(item: PublishedValue) -> tuple[bool, bool, float, str]:
    has_cutoff = item.cutoff_mm is not None
    return has_cutoff, item.kind is not Kind.IFS, item.cutoff_mm or 0.0, item.evidence_id
