"""The numbered list of published values that a report refers to."""

from __future__ import annotations

from dataclasses import dataclass

from ifspace.model import Kind, PublishedValue, StudyResult


@dataclass(frozen=True)
class References:
    """Evidence ids in the order of their numbers, counted from 1."""

    evidence_ids: tuple[str, ...]

    def number(self, published: PublishedValue) -> int:
        """Give the number of one published value."""
        return self.evidence_ids.index(published.evidence_id) + 1


def published_in_use(result: StudyResult) -> tuple[PublishedValue, ...]:
    """List every published value that the result names, once, in the order of the panel."""
    named = list(result.panel)
    for space in result.spaces:
        named.extend(item.published for item in space.comparisons)
        if space.reference is not None:
            named.append(space.reference.published)
    unique = {(item.evidence_id, item.kind): item for item in named}
    return tuple(unique.values())


def number_references(result: StudyResult) -> References:
    """Give each study a number: group means first, then by IFS cut-off, then by QFS cut-off."""
    order = sorted(published_in_use(result), key=_rank)
    return References(tuple(dict.fromkeys(item.evidence_id for item in order)))


def _rank(item: PublishedValue) -> tuple[bool, bool, float, str]:
    has_cutoff = item.cutoff_mm is not None
    return has_cutoff, item.kind is not Kind.IFS, item.cutoff_mm or 0.0, item.evidence_id
