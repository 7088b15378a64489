"""One page and its charts: the person over time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from ifspace.figures import (
    Axis,
    Bars,
    Block,
    Chart,
    Dots,
    Line,
    Sheet,
    axis_around,
    callout,
    charts,
    facts,
    heading,
    items,
    paragraph,
    table,
)
from ifspace.figures.chart import Item
from ifspace.figures.wording import DASH, KIND_COLOURS, SIDE_SHAPES, number, plural
from ifspace.findings import FINDINGS
from ifspace.followup.diary import Record
from ifspace.followup.study import Change, FollowUp, SpaceChange, Verdict
from ifspace.followup.visits import Visit
from ifspace.model import SIDES_AS_SEEN, Kind, Side
from ifspace.report.sheet import date as day_of
from ifspace.report.sheet import person_name
from ifspace.version import __version__

# A page holds this many columns of values, and a row this many charts of the diary.
VISITS_ON_PAPER = 5
RECORDS_IN_A_ROW = 3
CAUTIONS_ON_PAPER = 7
CHART_HEIGHT_MM = 50.0
DIARY_HEIGHT_MM = 40.0
DIARY_WIDTH_MM = 56.0
# As many dates as stand beside each other below a wide and a narrow chart.
WIDE_TICKS, NARROW_TICKS = 4, 3
# Both sides at one examination stand a little apart, in shares of the time axis.
SIDE_STEP = 0.012

SEXES = {"F": "female", "M": "male", "O": "other"}
NO_IDENTITY = "not in these files"
VERDICTS = {
    Verdict.WIDER: "wider by more than the smallest detectable change",
    Verdict.NARROWER: "narrower by more than the smallest detectable change",
    Verdict.NOT_DETECTABLE: "not told apart from measuring again",
}
METHODS = (
    (
        "Change: later minus earlier. Smallest detectable change: from an agreement study where"
        " one was given, otherwise both 95 % uncertainties; the published spread between two scans"
        " of the same hip is added, as squares."
    ),
    (
        "A change is withheld where the position is not known and the same, or the protocol differs"
        " so that the difference may come from it. Wider or narrower is no judgement of the hip,"
        " and the records beside it are shown, not explained."
    ),
)


def follow_up_sheet(study: FollowUp, drawn: Sequence[Chart]) -> Sheet:
    """Put the page together; charts of spaces first, then those of the diary."""
    spaces = [chart for chart in drawn if chart.name.startswith("course_")]
    diary = [chart for chart in drawn if chart not in spaces]
    blocks: list[Block] = [
        facts(_facts(study)),
        heading("Change since the first examination"),
        *_change_table(study),
        *_cautions(study),
    ]
    if spaces:
        blocks.append(charts(spaces))
    if diary:
        blocks += [
            heading("The person's own record", level=3),
            *(
                charts(diary[first : first + RECORDS_IN_A_ROW], columns=RECORDS_IN_A_ROW)
                for first in range(0, len(diary), RECORDS_IN_A_ROW)
            ),
        ]
    blocks.append(items(METHODS, small=True))
    subtitle = "Ischiofemoral and quadratus femoris space of one person over time"
    return Sheet("Follow-up", subtitle, tuple(blocks), f"ifspace {__version__}")


def _facts(study: FollowUp) -> list[tuple[str, str]]:
    first, last = study.visits[0], study.visits[-1]
    span = DASH
    if first.day and last.day:
        span = plural((last.day - first.day).days, "day")
    readers = {visit.result.session.reader or "unknown" for visit in study.visits}
    who = next((visit.identity for visit in reversed(study.visits) if visit.identity), None)
    identity = [
        ("Patient", person_name(who.name) if who and who.name else NO_IDENTITY),
        ("Patient ID", (who.patient_id if who else "") or DASH),
        ("Born", (day_of(who.birth_date) if who else "") or DASH),
        ("Sex", SEXES.get(study.visits[-1].result.series.patient_sex or "", "unknown")),
    ]
    return [
        *identity,
        ("Examinations", str(len(study.visits))),
        ("First", first.label),
        ("Last", last.label),
        ("Time between, readers", f"{span}; {', '.join(sorted(readers))}"),
    ]


def _change_table(study: FollowUp) -> Iterator[Block]:
    shown = study.visits
    if len(shown) > VISITS_ON_PAPER:
        shown = (shown[0], *shown[-(VISITS_ON_PAPER - 1) :])
    step = study.step(1, study.visits[-1].number)
    header = (
        "space, in mm, or finding",
        *(visit.label for visit in shown),
        "change",
        "detectable",
        "reading",
    )
    rows = [
        [
            f"{one.side.value} {one.kind.name}",
            *(_value(visit, one) for visit in shown),
            *_result_cells(one, forbidden=step.forbidden),
        ]
        for one in step.changes
    ]
    rows += list(_finding_rows(study, shown))
    widths = (1.6, *(1.05 for _ in shown), 0.9, 1.0, 2.8)
    yield table(header, rows, widths=widths, bold_first=True)
    sources = {
        one.result.detectable.source for one in step.changes if isinstance(one.result, Change)
    }
    if sources:
        said = "; ".join(sorted(sources))
        yield paragraph(f"Smallest detectable change from: {said}.", small=True)


def _finding_rows(study: FollowUp, shown: Sequence[Visit]) -> Iterator[list[str]]:
    """List every companion finding that was recorded at any examination, and how it changed."""
    for key, choice in FINDINGS.items():
        for side in SIDES_AS_SEEN:
            codes = [visit.result.session.findings.get(side, {}).get(key) for visit in study.visits]
            if not any(codes):
                continue
            said = {
                visit.number: "not assessed" if code is None else choice.codes.get(code, code)
                for visit, code in zip(study.visits, codes, strict=True)
            }
            if None in (codes[0], codes[-1]):
                change = "not assessed at both"
            else:
                change = "unchanged" if codes[0] == codes[-1] else f"{said[1]} to {said[len(said)]}"
            label = f"{side.value} {choice.label[0].lower()}{choice.label[1:]}"
            yield [label, *(said[visit.number] for visit in shown), DASH, DASH, change]


def _value(visit: Visit, one: SpaceChange) -> str:
    measurement = visit.measured(one.kind, one.side)
    if measurement is None:
        return "not measured"
    return f"{number(measurement.value_mm, 1)} ± {number(max(measurement.u95_mm, 0.1), 1)}"


def _result_cells(one: SpaceChange, *, forbidden: bool) -> list[str]:
    if not isinstance(one.result, Change):
        if forbidden and one.result.reason.endswith(("_differs", "_unknown")):
            # The reason is printed once below, for all spaces.
            return ["not given", DASH, f"may not be compared ({one.result.reason})"]
        return ["not given", DASH, f"{one.result.detail} ({one.result.reason})"]
    change = one.result
    sign = "+" if change.change_mm > 0 else ""
    return [
        f"{sign}{number(change.change_mm, 1)}",
        f"from {number(change.detectable.value_mm, 1)}",
        VERDICTS[change.verdict],
    ]


def _cautions(study: FollowUp) -> Iterator[Block]:
    step = study.step(1, study.visits[-1].number)
    forbidding = [item.detail for item in step.differences if item.forbids]
    if forbidding:
        yield callout("First and last examination may not be compared", forbidding)
    texts = [item.detail for item in step.differences if not item.forbids]
    named: dict[str, list[str]] = {}
    for one in step.changes:
        for item in one.cautions:
            space = f"{one.side.value} {one.kind.name}"
            named.setdefault(item.detail, []).append(space)
    texts += [f"{', '.join(spaces)}: {detail}" for detail, spaces in named.items()]
    for other in study.steps:
        if other.forbidden and other is not step:
            labels = [study.visits[visit - 1].label for visit in (other.earlier, other.later)]
            reasons = " ".join(item.detail for item in other.differences if item.forbids)
            texts.append(f"{labels[0]} and {labels[1]} may not be compared: {reasons}")
    texts = list(dict.fromkeys(texts))
    if texts[CAUTIONS_ON_PAPER:]:
        more = len(texts) - CAUTIONS_ON_PAPER
        texts = [*texts[:CAUTIONS_ON_PAPER], f"and {more} more, all in follow_up.json"]
    if texts:
        yield callout("Keep in mind", texts)
    diary = study.diary
    if diary and diary.problems:
        count = plural(len(diary.problems), "entry", "entries")
        yield paragraph(f"{count} of the diary not used; they are in follow_up.json.", small=True)


# -------------------------------------------------------------------------------------- charts


def follow_up_charts(study: FollowUp) -> tuple[Chart, ...]:
    """Draw both spaces over time, and every record of the diary on the same time axis."""
    axis, xs = _time_axis(study)
    drawn = [
        _space_chart(study, kind, axis, xs)
        for kind in Kind
        if any(visit.measured(kind, side) for visit in study.visits for side in Side)
    ]
    records = study.diary.records if study.diary else ()
    if records:
        narrow = _dates_axis(_days(study), NARROW_TICKS)
        drawn += [
            _record_chart(record, narrow, number) for number, record in enumerate(records, start=1)
        ]
    return tuple(drawn)


def _days(study: FollowUp) -> list[date]:
    """List every day of which anything is known."""
    records = study.diary.records if study.diary else ()
    entered = [day for record in records for day, _ in record.entries]
    return [*(visit.day for visit in study.visits if visit.day), *entered]


def _time_axis(study: FollowUp) -> tuple[Axis, list[float]]:
    days = [visit.day for visit in study.visits if visit.day]
    if not days:
        xs = [float(visit.number) for visit in study.visits]
        ticks = tuple((x, f"{x:.0f}") for x in xs)
        return Axis("examination", 0.6, len(xs) + 0.4, ticks), xs
    return _dates_axis(_days(study), WIDE_TICKS), [float(day.toordinal()) for day in days]


def _dates_axis(days: Sequence[date], count: int) -> Axis:
    first, last = min(days), max(days)
    span = max((last - first).days, 2)
    margin = max(1.0, 0.06 * span)
    ticks = [first + timedelta(days=round(span * k / (count - 1))) for k in range(count)]
    date_format = "%Y-%m" if span > 200 else "%Y-%m-%d"
    named = {day.strftime(date_format): float(day.toordinal()) for day in reversed(ticks)}
    return Axis(
        "date",
        first.toordinal() - margin,
        first.toordinal() + span + margin,
        tuple((x, name) for name, x in sorted(named.items())),
    )


def _space_chart(study: FollowUp, kind: Kind, axis: Axis, xs: list[float]) -> Chart:
    shapes: list[Item] = []
    values_mm: list[float] = []
    for side, shape in SIDE_SHAPES.items():
        shift = SIDE_STEP * (axis.high - axis.low) * (-1 if side is Side.RIGHT else 1)
        measured_at = [
            (x + shift, visit.number, measured)
            for x, visit in zip(xs, study.visits, strict=True)
            if (measured := visit.measured(kind, side)) is not None
        ]
        if not measured_at:
            continue
        points = tuple((x, one.value_mm) for x, _, one in measured_at)
        ends = tuple(
            (x, one.value_mm - one.u95_mm, one.value_mm + one.u95_mm) for x, _, one in measured_at
        )
        values_mm += [end for bar in ends for end in bar[1:]]
        shapes += [Bars(ends, KIND_COLOURS[kind])]
        shapes += _segments(study, [(x, n, one.value_mm) for x, n, one in measured_at], kind)
        shapes += [Dots(points, KIND_COLOURS[kind], shape, side is Side.RIGHT, f"{side.value} hip")]
    return Chart(
        name=f"course_{kind.value}",
        title=f"{kind.name} with 95 % uncertainty",
        alt=f"{kind.name} of both sides over {len(study.visits)} examinations.",
        x=axis,
        y=axis_around("distance, mm", values_mm, least_span=4.0),
        items=tuple(shapes),
        height_mm=CHART_HEIGHT_MM,
    )


def _segments(
    study: FollowUp, points: list[tuple[float, int, float]], kind: Kind
) -> Iterator[Item]:
    """Join neighbours; where they may not be compared the line is dotted."""
    for (x1, n1, y1), (x2, n2, y2) in itertools.pairwise(points):
        allowed = n2 - n1 == 1 and not study.step(n1, n2).forbidden
        yield Line(((x1, y1), (x2, y2)), KIND_COLOURS[kind], "solid" if allowed else "dotted")


def _record_chart(record: Record, axis: Axis, number_of_record: int) -> Chart:
    points = tuple((float(day.toordinal()), value) for day, value in record.entries)
    name = record.name.replace("_", " ")
    return Chart(
        name=f"diary_{number_of_record:02d}",
        title=name,
        alt=f"{name}: {len(points)} entries over time.",
        x=axis,
        y=axis_around(name, [value for _, value in points], include=[0.0]),
        items=(Line(points, "muted"), Dots(points, "ink")),
        width_mm=DIARY_WIDTH_MM,
        height_mm=DIARY_HEIGHT_MM,
    )
