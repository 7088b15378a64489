"""The table of published cut-offs: one row for each study, beside both spaces of both sides."""

from __future__ import annotations

import re
from typing import Any

from ifspace.model import (
    SIDES_AS_SEEN,
    Comparison,
    Kind,
    PublishedValue,
    Relation,
    Side,
    StudyResult,
)
from ifspace.report import wording
from ifspace.report.references import References
from ifspace.report.texts import Texts


def cutoff_table(result: StudyResult, references: References, texts: Texts) -> dict[str, Any]:
    """Lay every study beside both spaces of both sides: one row for each study."""
    studies: dict[str, dict[Kind, PublishedValue]] = {}
    for kind in Kind:
        for published in _compared(result, kind):
            studies.setdefault(published.evidence_id, {})[kind] = published
    kinds = [kind for kind in Kind if any(kind in study for study in studies.values())]
    return {
        "columns": [heading for kind in kinds for heading in _headings(kind, texts)],
        "rows": [_study_row(study, kinds, result, references, texts) for study in studies.values()],
        "statements": [sentence for kind in Kind for sentence in _agreement(result, kind, texts)],
    }


def _compared(result: StudyResult, kind: Kind) -> list[PublishedValue]:
    """List the published values that were laid beside a value of one kind, by rising cut-off."""
    unique = {
        item.published.evidence_id: item
        for space in result.spaces
        if space.outcome.kind is kind
        for item in space.comparisons
    }
    by_cutoff = sorted(unique.values(), key=lambda item: item.cutoff_mm)
    return [item.published for item in by_cutoff]


def _headings(kind: Kind, texts: Texts) -> list[str]:
    short = texts[f"kind.short.{kind.value}"]
    sides = [texts[f"side.{side.value}"].lower() for side in SIDES_AS_SEEN]
    return [
        texts["cutoffs.cutoff"].format(kind=short),
        *(texts["cutoffs.side"].format(kind=short, side=side) for side in sides),
    ]


def _study_row(
    study: dict[Kind, PublishedValue],
    kinds: list[Kind],
    result: StudyResult,
    references: References,
    texts: Texts,
) -> dict[str, Any]:
    published = next(iter(study.values()))
    population = [published.population] if published.population else []
    if published.position:
        population.append(texts["cutoffs.position"].format(position=published.position))
    notes = ["; ".join(population) + "."] if population else []
    notes += [
        texts["cutoffs.rule"].format(kind=texts[f"kind.short.{kind.value}"], rule=value.rule)
        for kind, value in study.items()
        if value.rule and not _says_the_cutoff_only(value)
    ]
    notes.append(texts["cutoffs.level"].format(level=published.evidence_level))
    return {
        "number": references.number(published),
        "notes": " ".join(notes),
        "cells": [
            cell for kind in kinds for cell in _study_cells(study.get(kind), kind, result, texts)
        ],
    }


def _says_the_cutoff_only(published: PublishedValue) -> bool:
    """Tell whether the wording of the source adds nothing to "at or below the cut-off"."""
    plain = re.fullmatch(r"<=\s*([0-9]+(?:\.[0-9]+)?)\s*mm", published.rule or "")
    return plain is not None and float(plain.group(1)) == published.cutoff_mm


def _study_cells(
    published: PublishedValue | None, kind: Kind, result: StudyResult, texts: Texts
) -> list[dict[str, str]]:
    """Give cut-off, right and left of one study and one kind."""
    dash = texts["dash"]
    if published is None:
        return [{"text": dash, "note": ""}] * 3
    found = [_comparison(result, kind, side, published) for side in SIDES_AS_SEEN]
    cutoff_mm = next(item.cutoff_mm for item in found if item is not None)
    figures = [
        texts[f"cutoffs.{name}"].format(figure=wording.plain(figure))
        for name in ("sensitivity", "specificity", "auc")
        if (figure := getattr(published, name)) is not None
    ]
    return [
        {"text": texts["mm"].format(value=wording.plain(cutoff_mm)), "note": ", ".join(figures)},
        *(
            {
                "text": dash if item is None else texts[f"relation.cell.{item.relation.value}"],
                "note": "",
            }
            for item in found
        ),
    ]


def _comparison(
    result: StudyResult, kind: Kind, side: Side, published: PublishedValue
) -> Comparison | None:
    space = wording.find_space(result, kind, side)
    for item in space.comparisons if space is not None else ():
        if item.published.evidence_id == published.evidence_id:
            return item
    return None


def _agreement(result: StudyResult, kind: Kind, texts: Texts) -> list[str]:
    """Say for each side whether the studies would tell the same story."""
    sentences = []
    for side in SIDES_AS_SEEN:
        space = wording.find_space(result, kind, side)
        if space is None or not space.comparisons:
            continue
        groups = wording.cutoffs_by_relation(space.comparisons)
        name = texts[f"side.{side.value}"], texts[f"kind.short.{kind.value}"]
        sentences.append(
            texts[_agreement_key(groups)].format(
                side=name[0], kind=name[1], relations=wording.relations(space, texts)
            )
        )
    return sentences


def _agreement_key(groups: dict[Relation, list[float]]) -> str:
    if len(groups) > 1:
        return "disagree"
    return "agree" if len(next(iter(groups.values()))) > 1 else "single"
