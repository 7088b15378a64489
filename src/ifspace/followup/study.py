"""The same person over time: what changed by more than measuring again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ifspace.followup.detectable import AgreementFigures, Detectable, detectable
from ifspace.followup.diary import Diary
from ifspace.followup.protocol import Difference, differences, space_differences
from ifspace.followup.visits import Visit
from ifspace.model import SIDES_AS_SEEN, Kind, NotMeasured, Side
from ifspace.notice import NOTICE
from ifspace.statistics import NotEstimable, to_json
from ifspace.version import __version__

FOLLOW_UP_SCHEMA = "ifspace-follow-up/1"


class Verdict(StrEnum):
    """How a change lies to the smallest detectable one. Never better or worse."""

    WIDER = "wider"
    NARROWER = "narrower"
    NOT_DETECTABLE = "not_detectable"


@dataclass(frozen=True)
class Change:
    """A change that may be looked at, later minus earlier."""

    change_mm: float
    detectable: Detectable
    verdict: Verdict


@dataclass(frozen=True)
class SpaceChange:
    """One space between two examinations: a change, or why it may not be given."""

    kind: Kind
    side: Side
    earlier: int
    later: int
    result: Change | NotEstimable
    cautions: tuple[Difference, ...]


@dataclass(frozen=True)
class Step:
    """Two examinations: what differs between them, and the change of every space."""

    earlier: int
    later: int
    differences: tuple[Difference, ...]
    changes: tuple[SpaceChange, ...]

    @property
    def forbidden(self) -> bool:
        """Whether no space may be compared."""
        return any(item.forbids for item in self.differences)


@dataclass(frozen=True, eq=False)
class FollowUp:
    """What `follow-up` found: every later examination against the first and the one before."""

    visits: tuple[Visit, ...]
    steps: tuple[Step, ...]
    diary: Diary | None

    def step(self, earlier: int, later: int) -> Step:
        """Give the comparison of two examinations by their numbers."""
        return next(one for one in self.steps if (one.earlier, one.later) == (earlier, later))

    @property
    def is_complete(self) -> bool:
        """Whether every change could be given and every entry of the diary was used."""
        given = all(isinstance(one.result, Change) for step in self.steps for one in step.changes)
        return given and not (self.diary and self.diary.problems)


def follow_up(
    visits: Sequence[Visit],
    figures: AgreementFigures | None = None,
    diary: Diary | None = None,
) -> FollowUp:
    """Compare every examination with the first one and with the one before it."""
    numbers = range(1, len(visits))
    pairs = sorted({(0, later) for later in numbers} | {(later - 1, later) for later in numbers})
    steps = tuple(_step(visits[one], visits[two], figures) for one, two in pairs)
    return FollowUp(tuple(visits), steps, diary)


def _step(one: Visit, two: Visit, figures: AgreementFigures | None) -> Step:
    found = differences(one, two)
    changes = tuple(
        _change(one, two, kind, side, found, figures)
        for kind in Kind
        for side in SIDES_AS_SEEN
        if one.outcome(kind, side) is not None or two.outcome(kind, side) is not None
    )
    return Step(one.number, two.number, found, changes)


def _change(
    one: Visit,
    two: Visit,
    kind: Kind,
    side: Side,
    found: tuple[Difference, ...],
    figures: AgreementFigures | None,
) -> SpaceChange:
    own = space_differences(one, two, kind, side)
    result = _result(one, two, kind, side, (*found, *own), figures)
    cautions = tuple(item for item in (*own, *_of_size(result)) if not item.forbids)
    return SpaceChange(kind, side, one.number, two.number, result, cautions)


def _of_size(result: Change | NotEstimable) -> Iterator[Difference]:
    """Say where reading again would not explain a change, but the images would."""
    if isinstance(result, NotEstimable):
        return
    least = result.detectable
    if least.value_mm < abs(result.change_mm) <= least.uncertainty_mm:
        detail = (
            "The change is larger than that of the agreement study, whose readers read the same"
            " images again, but not than what both 95 % uncertainties give together"
            f" ({least.uncertainty_mm:.1f} mm)."
        )
        yield Difference("within_uncertainty", False, detail)


def _result(
    one: Visit,
    two: Visit,
    kind: Kind,
    side: Side,
    found: tuple[Difference, ...],
    figures: AgreementFigures | None,
) -> Change | NotEstimable:
    for visit in (one, two):
        outcome = visit.outcome(kind, side)
        if outcome is None:
            return NotEstimable("not_asked_for", f"not asked for in {visit.label}")
        if isinstance(outcome, NotMeasured):
            detail = f"not measured in {visit.label}: {outcome.detail}"
            return NotEstimable(outcome.reason.value, detail)
    forbidding = [item for item in found if item.forbids]
    if forbidding:
        return NotEstimable(forbidding[0].code, " ".join(item.detail for item in forbidding))
    first, second = one.measured(kind, side), two.measured(kind, side)
    assert first is not None  # every outcome above was a measurement
    assert second is not None
    change_mm = second.value_mm - first.value_mm
    least = detectable(one, two, (first, second), figures)
    return Change(change_mm, least, _verdict(change_mm, least.value_mm))


def _verdict(change_mm: float, least_mm: float) -> Verdict:
    if abs(change_mm) <= least_mm:
        return Verdict.NOT_DETECTABLE
    return Verdict.WIDER if change_mm > 0.0 else Verdict.NARROWER


# ------------------------------------------------------------------------------------- to JSON


def follow_up_to_json(found: FollowUp) -> dict[str, Any]:
    """Give the follow-up as the content of follow_up.json; unrounded, what is missing said."""
    return {
        "schema": FOLLOW_UP_SCHEMA,
        "software": {"name": "ifspace", "version": __version__},
        "notice": NOTICE,
        "examinations": [_visit_json(visit) for visit in found.visits],
        "comparisons": [_step_json(step) for step in found.steps],
        **({} if found.diary is None else {"diary": _diary_json(found.diary)}),
    }


def _visit_json(visit: Visit) -> dict[str, Any]:
    data: dict[str, Any] = {"number": visit.number, "result_sha256": visit.sha256}
    if visit.day is not None:
        data["date"] = visit.day.isoformat()
    data["values"] = [
        {
            "kind": held.kind.value,
            "side": held.side.value,
            "value_mm": held.value_mm,
            "u95_mm": held.u95_mm,
            "state": held.state.value,
        }
        for held in visit.result.measurements
    ]
    return data


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "earlier": step.earlier,
        "later": step.later,
        "differences": to_json(step.differences),
        "changes": [_change_json(one) for one in step.changes],
    }


def _change_json(one: SpaceChange) -> dict[str, Any]:
    named = {"kind": one.kind.value, "side": one.side.value, "cautions": to_json(one.cautions)}
    if isinstance(one.result, NotEstimable):
        return {**named, **to_json(one.result)}
    return {
        **named,
        "status": "given",
        "change_mm": one.result.change_mm,
        "smallest_detectable_change_mm": one.result.detectable.value_mm,
        "smallest_detectable_change_source": one.result.detectable.source,
        "verdict": one.result.verdict.value,
    }


def _diary_json(diary: Diary) -> dict[str, Any]:
    return {
        "records": {
            record.name: [
                {"date": day.isoformat(), "value": value} for day, value in record.entries
            ]
            for record in diary.records
        },
        "not_used": to_json(diary.problems),
    }
