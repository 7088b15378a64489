"""The PDF summary and the plots of a comparison of groups."""

from __future__ import annotations

from collections.abc import Iterator

from ifspace.figures import (
    Axis,
    Block,
    Chart,
    Dots,
    Level,
    Line,
    Sheet,
    axis_around,
    charts,
    facts,
    heading,
    paragraph,
    table,
)
from ifspace.figures.chart import Item
from ifspace.figures.study_page import (
    STATISTIC_HEADER,
    side_dots,
    statistic_row,
    study_sheet,
    study_warnings,
)
from ifspace.figures.wording import (
    DASH,
    given,
    interval_of,
    kind_title,
    number,
    plural,
    share,
    span,
)
from ifspace.groups.roc import Accuracy, curve
from ifspace.groups.study import GroupStudy, GroupSummary, SpaceGroups, Subgroup
from ifspace.model import Kind, Side
from ifspace.statistics import Estimate, NotEstimable

# With it a space of many cut-offs and subgroups still fits its page.
CHART_HEIGHT_MM = 58.0
# How far the points of a group are spread sideways, in units of the group axis.
SPREAD = 0.28
WIDTHS = (2.9, 0.7, 1.7, 1.3)

METHODS = (
    (
        "Difference: cases minus controls; two hips of one person are one cluster (jackknife that"
        " leaves out a person at a time, Student's t; MacKinnon et al., J Econometrics"
        " 2023;232:272-299)."
    ),
    (
        "AUC: share of pairs of a case and a control in which the case is smaller; interval of"
        " Obuchowski (Biometrics 1997;53:567-578), DeLong's where every person has one hip."
    ),
    (
        "Sensitivity: share of cases at or below the cut-off; specificity: share of controls above"
        " it; Wilson intervals with the effective number of hips (Korn & Graubard 1998)."
    ),
    (
        "Best cut-off: largest sum of both (Youden). Corrected: the mean gain of choosing anew in"
        " bootstrap samples of persons is taken off (Harrell et al., Stat Med 1996;15:361-387)."
    ),
    (
        "A published cut-off is used for the hips whose age and position it speaks of. None of"
        " these figures is a diagnosis, and a case is what the table calls one."
    ),
)


def groups_sheet(study: GroupStudy, drawn: dict[Kind, tuple[Chart, ...]]) -> Sheet:
    """Put the PDF summary together."""
    cautions = [text for space in study.spaces for text in space.cautions]
    blocks: list[Block] = [
        facts(_facts(study)),
        *study_warnings(cautions, study.table.problems, "groups.json"),
    ]
    for number_of_space, space in enumerate(study.spaces):
        blocks += _space_blocks(space, drawn[space.kind], study, new_page=number_of_space > 0)
    subtitle = f"{study.table.case_name} (cases) against {study.table.control_name} (controls)"
    return study_sheet("Comparison of groups", subtitle, blocks, METHODS)


def _facts(study: GroupStudy) -> list[tuple[str, str]]:
    values = study.table.values
    return [
        ("Persons", str(len({item.hip.person for item in values}))),
        ("Hips", str(len({item.hip for item in values}))),
        ("Averaged over readings", str(study.table.averaged)),
        ("Not measured", str(study.table.missing)),
    ]


def _space_blocks(
    space: SpaceGroups, drawn: tuple[Chart, ...], study: GroupStudy, *, new_page: bool
) -> Iterator[Block]:
    yield heading(kind_title(space.kind), new_page=new_page)
    yield table(
        ("group", "hips", "persons", "mean ± SD (mm)", "median (mm)"),
        [
            _summary_row(study.table.case_name, space.cases),
            _summary_row(study.table.control_name, space.controls),
        ],
        bold_first=True,
    )
    difference = statistic_row(
        "difference, cases minus controls (mm)", space.difference_mm, with_p=True
    )
    yield table(
        STATISTIC_HEADER,
        [difference, statistic_row("area under the ROC curve", space.auc, with_p=True)],
        widths=WIDTHS,
        bold_first=True,
    )
    if drawn:
        yield charts(drawn)
    yield heading("Cut-offs on these hips", level=3)
    yield from _cutoff_blocks(space)
    yield heading("By sex and age", level=3)
    yield from _subgroup_blocks(space)
    yield heading("Adjusted for age and sex", level=3)
    yield from _adjusted_blocks(space)


def _summary_row(name: str, group: GroupSummary) -> list[str]:
    if group.mean_mm is None or group.median_mm is None:
        return [name, "0", "0", DASH, DASH]
    spread = DASH if group.sd_mm is None else number(group.sd_mm, 1)
    mean = f"{number(group.mean_mm, 1)} ± {spread}"
    return [name, str(group.hips), str(group.persons), mean, number(group.median_mm, 1)]


def _cutoff_blocks(space: SpaceGroups) -> Iterator[Block]:
    rows, notes = [], []
    for published in space.published:
        source = ", ".join(published.evidence_ids)
        if isinstance(published.accuracy, NotEstimable):
            rows.append([DASH, source, "not given", published.accuracy.detail, DASH])
        else:
            rows.append(_accuracy_row(published.accuracy, source))
    if isinstance(space.optimal, NotEstimable):
        notes.append(f"Best cut-off on these data: not given; {space.optimal.detail}.")
    else:
        optimal = space.optimal
        rows.append(_accuracy_row(optimal.apparent, "best on these data, NOT validated"))
        corrected = (100 * optimal.corrected_sensitivity, 100 * optimal.corrected_specificity)
        notes.append(
            f"The best cut-off of {number(optimal.apparent.cutoff_mm, 1)} mm"
            f" (95 % {span(optimal.cutoff_interval_mm, 1)} mm) is {optimal.statement}."
            f" Corrected for the choice: sensitivity {corrected[0]:.0f} %,"
            f" specificity {corrected[1]:.0f} %."
        )
    if isinstance(space.earlier, NotEstimable):
        notes.append(f"Earlier cut-off: refused; {space.earlier.detail}.")
    elif space.earlier is not None:
        rows.append(_accuracy_row(space.earlier.accuracy, "earlier comparison, other persons"))
        notes.append(f"Earlier cut-off: {space.earlier.statement}.")
    header = ("cut-off", "source", "cases, controls", "sensitivity (95 %)", "specificity (95 %)")
    yield table(header, rows, widths=(0.8, 2.6, 1.1, 1.5, 1.5), bold_first=True)
    for note in notes:
        yield paragraph(note)


def _accuracy_row(accuracy: Accuracy, source: str) -> list[str]:
    counts = f"{accuracy.cases}, {accuracy.controls}"
    length = f"{number(accuracy.cutoff_mm, 1)} mm"
    return [length, source, counts, share(accuracy.sensitivity), share(accuracy.specificity)]


def _subgroup_blocks(space: SpaceGroups) -> Iterator[Block]:
    if not space.subgroups:
        yield paragraph("Not given: the table holds neither sex nor age.")
        return
    header = ("hips", "cases, controls", "difference (mm), 95 %", "AUC, 95 %")
    rows = [_subgroup_row(item) for item in space.subgroups]
    yield table(header, rows, widths=(1.2, 0.9, 2.2, 2.2), bold_first=True)


def _subgroup_row(subgroup: Subgroup) -> list[str]:
    if isinstance(subgroup.difference_mm, NotEstimable) and isinstance(subgroup.auc, NotEstimable):
        return [
            subgroup.name,
            f"{subgroup.cases}, {subgroup.controls}",
            subgroup.difference_mm.detail,
            "not given",
        ]
    return [
        subgroup.name,
        f"{subgroup.cases}, {subgroup.controls}",
        f"{given(subgroup.difference_mm, 2)} ({interval_of(subgroup.difference_mm, 2)})",
        f"{given(subgroup.auc, 2)} ({interval_of(subgroup.auc, 2)})",
    ]


def _adjusted_blocks(space: SpaceGroups) -> Iterator[Block]:
    model = space.adjusted
    if isinstance(model, NotEstimable):
        yield paragraph(f"Not given: {model.detail}.")
        return
    rows = [
        statistic_row(f"{name} (mm)", result, with_p=True)
        for name, result in model.coefficients.items()
    ]
    yield table(STATISTIC_HEADER, rows, widths=WIDTHS, bold_first=True)
    left_out = f"; {model.left_out} hips without age or sex left out" if model.left_out else ""
    note = f". {model.note}" if model.note else ""
    yield paragraph(f"Linear model of {plural(model.hips, 'hip')}{left_out}{note}.", small=True)


# -------------------------------------------------------------------------------------- charts


def space_charts(space: SpaceGroups, study: GroupStudy) -> tuple[Chart, ...]:
    """Draw the values of both groups, and the ROC curve where there is one."""
    drawn = [_values_chart(space, study)]
    if isinstance(space.auc, Estimate):
        drawn.append(_roc_chart(space))
    return tuple(drawn)


def _values_chart(space: SpaceGroups, study: GroupStudy) -> Chart:
    names = (study.table.case_name, study.table.control_name)
    values_mm = space.hips.values_mm.tolist()
    means = [
        Line(((x - 0.35, mean_mm), (x + 0.35, mean_mm)), "ink", "solid", label)
        for x, mean_mm, label in (
            (1.0, space.cases.mean_mm, "mean"),
            (2.0, space.controls.mean_mm, ""),
        )
        if mean_mm is not None
    ]
    lengths = [
        item.accuracy.cutoff_mm for item in space.published if isinstance(item.accuracy, Accuracy)
    ]
    levels = [
        Level(length, "", "muted", "dotted", label="" if number_of_cutoff else "published cut-offs")
        for number_of_cutoff, length in enumerate(lengths)
    ]
    return Chart(
        name=f"values_{space.kind.value}",
        title=f"{space.kind.name} of every hip",
        alt=f"Distances of {names[0]} and {names[1]}, one point per hip, with means and cut-offs.",
        x=Axis("", 0.5, 2.5, ((1.0, names[0]), (2.0, names[1]))),
        y=axis_around("distance, mm", [*values_mm, *lengths]),
        items=(*levels, *side_dots(space.kind, _points(space)), *means),
        height_mm=CHART_HEIGHT_MM,
    )


def _points(space: SpaceGroups) -> Iterator[tuple[Side, tuple[float, float]]]:
    """Spread the points of each group sideways by their order, never at random."""
    for group, is_case in ((1.0, True), (2.0, False)):
        own = [value for value in space.hips.items if value.is_case is is_case]
        for number_of_hip, value in enumerate(own):
            # Multiples of the golden section fill a range evenly in any order.
            offset = ((number_of_hip * 0.618034) % 1.0 - 0.5) * 2.0 * SPREAD
            yield value.hip.side, (group + offset, value.value_mm)


def _roc_chart(space: SpaceGroups) -> Chart:
    steps = curve(space.hips.values_mm, space.hips.is_case)
    shares = tuple((tick / 100, f"{tick}") for tick in (0, 25, 50, 75, 100))
    published = tuple(
        point
        for item in space.published
        if isinstance(item.accuracy, Accuracy)
        for point in _roc_point(item.accuracy)
    )
    found: list[Item] = [
        Line(((0.0, 0.0), (1.0, 1.0)), "muted", "dotted", "chance"),
        Line(steps, "ink", "solid", f"AUC {given(space.auc, 2)}"),
        Dots(published, "caution", "square", filled=True, label="published cut-offs"),
    ]
    if not isinstance(space.optimal, NotEstimable):
        best = _roc_point(space.optimal.apparent)
        found.append(Dots(best, "ink", "diamond", filled=False, label="best here, not validated"))
    return Chart(
        name=f"roc_{space.kind.value}",
        title=f"{space.kind.name}: ROC curve",
        alt=f"ROC curve with an area of {given(space.auc, 2)}, the published cut-offs and the best"
        " one on these data.",
        x=Axis("100 − specificity, %", -0.02, 1.02, shares),
        y=Axis("sensitivity, %", -0.02, 1.02, shares),
        items=tuple(found),
        height_mm=CHART_HEIGHT_MM,
    )


def _roc_point(accuracy: Accuracy) -> tuple[tuple[float, float], ...]:
    both = (accuracy.sensitivity, accuracy.specificity)
    if not all(isinstance(result, Estimate) for result in both):
        return ()
    sensitivity, specificity = (result.value for result in both if isinstance(result, Estimate))
    return ((1.0 - specificity, sensitivity),)
