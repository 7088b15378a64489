"""What a report says in five seconds: both spaces, the findings, and what a narrow space means."""

from __future__ import annotations

from math import hypot

from ifspace.findings import FINDINGS
from ifspace.model import (
    SIDES_AS_SEEN,
    AssessedSpace,
    FlagCode,
    Kind,
    Measurement,
    NotMeasured,
    Relation,
    Side,
    StudyResult,
)
from ifspace.report import wording
from ifspace.report.references import References
from ifspace.report.texts import Texts

# What a narrow space without symptoms is known from, see `caveats.narrow_spaces`.
NARROW_SOURCES = {True: ("ajr_2016_paediatric",), False: ("schroder_2015_asymptomatic",)}
# A finding with one of these codes is none.
UNREMARKABLE = frozenset({"none", "normal", "absent", "0"})


def conclusion(result: StudyResult, references: References, texts: Texts) -> list[str]:
    """Give at most four lines; no diagnosis."""
    if not result.spaces:
        return [texts["conclusion.nothing"]]
    lines = [line for kind in Kind if (line := _space_line(kind, result, texts))]
    lines.append(findings_line(result, texts))
    if is_narrow(result):
        sources = NARROW_SOURCES[wording.is_child(result)]
        lines.append(texts["conclusion.narrow"].format(cited=references.cite(sources)))
    return lines


def is_narrow(result: StudyResult) -> bool:
    """Tell whether a space is narrow by any published value in use."""
    return any(flag.code == FlagCode.NARROW_WITHOUT_SYMPTOMS for flag in result.flags)


def _space_line(kind: Kind, result: StudyResult, texts: Texts) -> str:
    spaces = [wording.find_space(result, kind, side) for side in SIDES_AS_SEEN]
    known = [space for space in spaces if space is not None]
    said = [_side_words(space, texts, first=number == 0) for number, space in enumerate(known)]
    if not said:
        return ""
    line = f"{texts[f'kind.short.{kind.value}']} {'; '.join(said)}."
    values = [
        space.outcome
        for space in spaces
        if space is not None and isinstance(space.outcome, Measurement)
    ]
    return line if len(values) < 2 else f"{line} {_difference(values, texts)}"


def _side_words(space: AssessedSpace, texts: Texts, *, first: bool) -> str:
    side = texts[f"side.{space.outcome.side.value}"].lower()
    if isinstance(space.outcome, NotMeasured):
        reason = wording.not_measured(space.outcome, texts)
        if wording.is_not_shown(space.outcome):
            return f"{side} {reason}"
        return f"{side} {texts['not_measured']} ({reason})"
    return texts["conclusion.side"].format(
        side=side,
        value=wording.value(space.outcome, texts),
        comparison=_comparison(space, texts, first=first),
    )


def _comparison(space: AssessedSpace, texts: Texts, *, first: bool) -> str:
    """Say in how many of the compared cut-offs a value lies below, above or undecided."""
    count = len(space.comparisons)
    if not count:
        return texts["conclusion.no_cutoffs"]
    of = {
        relation: sum(item.relation is relation for item in space.comparisons)
        for relation in Relation
    }
    for relation, number in of.items():
        if number == count:
            many = texts["conclusion.many" if first else "conclusion.many.again"]
            cutoffs = texts["conclusion.one"] if count == 1 else many
            words = texts[f"conclusion.all.{relation.value}"]
            return words.format(cutoffs=cutoffs.format(count=count))
    parts = [
        texts[f"conclusion.some.{relation.value}"].format(number=number)
        for relation, number in of.items()
        if number
    ]
    return texts["conclusion.of"].format(parts=wording.enumerate_words(parts, texts), count=count)


def _difference(values: list[Measurement], texts: Texts) -> str:
    difference_mm = abs(values[0].value_mm - values[1].value_mm)
    within = difference_mm < hypot(values[0].u95_mm, values[1].u95_mm)
    key = "conclusion.difference.within" if within else "conclusion.difference"
    return texts[key].format(value=wording.millimetres(difference_mm))


def findings_line(result: StudyResult, texts: Texts) -> str:
    """Say every companion finding that was recorded; the unremarkable ones in few words."""
    parts = []
    for side in SIDES_AS_SEEN:
        said = side_findings(result, side, texts)
        if said:
            parts.append(f"{texts[f'side.{side.value}']}: {said}.")
    return " ".join(parts) if parts else texts["conclusion.findings.none"]


def side_findings(result: StudyResult, side: Side, texts: Texts) -> str:
    """Say what was recorded of one side: what is there, then what was looked for and is not."""
    recorded = result.session.findings.get(side, {})
    known = [(key, code) for key, code in recorded.items() if key in FINDINGS]
    present = [
        f"{_label(key)} {FINDINGS[key].codes.get(code, code)}"
        for key, code in known
        if code not in UNREMARKABLE
    ]
    absent = [_label(key) for key, code in known if code in UNREMARKABLE]
    if absent:
        names = wording.enumerate_words(absent, texts)
        present.append(texts["conclusion.findings.unremarkable"].format(names=names))
    return ", ".join(present)


def _label(key: str) -> str:
    label = FINDINGS[key].label
    return f"{label[0].lower()}{label[1:]}"
