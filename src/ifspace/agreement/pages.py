"""The PDF summary and the plots of an agreement study."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ifspace.agreement.bland_altman import LIMIT_SDS, BlandAltman
from ifspace.agreement.categories import CategoryAgreement
from ifspace.agreement.matrix import Matrix
from ifspace.agreement.study import AgreementStudy, Comparison, Pair, SpaceAgreement
from ifspace.figures import (
    Axis,
    Bars,
    Block,
    Chart,
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
    shortened,
)
from ifspace.model import Kind
from ifspace.statistics import Estimate, NotEstimable

CUTOFF_LABEL = "published cut-offs"
LABEL_ROOM_MM = 17.0
INTERVALS_SHARE = 0.1
# Plots of more pairs than this stay in their files; the PDF would only repeat itself.
PAIRS_ON_PAPER = 3
# Two names of readers fit beside each other into the title of a chart.
MOST_LETTERS = 16
# Beside each other along an axis, each with the number of its reading.
MOST_LETTERS_OF_REPEATS = 11

METHODS = (
    (
        "Intraclass correlations: McGraw & Wong, Psychol Methods 1996;1:30-46 (in brackets Shrout &"
        " Fleiss, Psychol Bull 1979;86:420-428). ICC(1): any readers; ICC(A): these readers as a"
        " sample, systematic differences count; ICC(C): systematic differences do not count."
    ),
    (
        "SEM: standard error of measurement, with (agreement) and without (consistency) the"
        " systematic difference between readers. SDC: smallest detectable change, 1.96 × √2 × SEM"
        " (de Vet et al., J Clin Epidemiol 2006;59:1033-1039)."
    ),
    (
        "Bland-Altman: bias ± 1.96 standard deviations of the differences (Stat Methods Med Res"
        " 1999;8:135-160). Proportional bias: slope of the difference on the mean of both readings."
    ),
    (
        "Two hips of one person are one cluster: intervals come from leaving out one person after"
        " the other (jackknife, Student's t; MacKinnon et al., J Econometrics 2023;232:272-299);"
        " those of spread from chi-squared with as many degrees of freedom as that leaves, those"
        " of the limits from both (Zou, Stat Methods Med Res 2013;22:630-642). Where every person"
        " has one hip, and with fewer than ten persons where they are wider, they are the"
        " textbook intervals, which the last column shows for hips taken as independent."
    ),
    "Cut-offs: a value at or below counts as below; kappa is Cohen's. No cut-off is a diagnosis.",
)


def as_shown(study: AgreementStudy) -> AgreementStudy:
    """Give the study with the names of readers as short as headings and charts have room for."""
    readers = sorted({reader for space in study.spaces for reader in space.readers})
    short = shortened(readers, MOST_LETTERS)
    return replace(study, spaces=tuple(_space_as_shown(space, short) for space in study.spaces))


def _space_as_shown(space: SpaceAgreement, short: Mapping[str, str]) -> SpaceAgreement:
    between, within = space.between, {}
    if isinstance(between, Comparison):
        between = _comparison_as_shown(between, short)
    for reader, item in space.within.items():
        shorter = shortened([reader], MOST_LETTERS_OF_REPEATS)[reader]
        own = {
            column: column.replace(reader, shorter, 1)
            for column in (item.matrix.columns if isinstance(item, Comparison) else ())
        }
        within[short[reader]] = (
            _comparison_as_shown(item, own) if isinstance(item, Comparison) else item
        )
    return replace(space, between=between, within=within)


def _comparison_as_shown(item: Comparison, short: Mapping[str, str]) -> Comparison:
    def named(matrix: Matrix) -> Matrix:
        return replace(matrix, columns=tuple(short[column] for column in matrix.columns))

    pairs = tuple(replace(pair, matrix=named(pair.matrix)) for pair in item.pairs)
    return replace(item, matrix=named(item.matrix), pairs=pairs)


def agreement_sheet(study: AgreementStudy, drawn: dict[int, tuple[Chart, ...]]) -> Sheet:
    """Put the PDF summary together; `drawn` holds the charts of every pair by its id."""
    blocks: list[Block] = [facts(_facts(study)), *_warnings(study)]
    for number_of_space, space in enumerate(study.spaces):
        blocks += _space_blocks(space, drawn, new_page=number_of_space > 0)
    subtitle = "Intra- and inter-reader agreement of the ischiofemoral and quadratus femoris space"
    return study_sheet("Reader agreement", subtitle, blocks, METHODS)


def _facts(study: AgreementStudy) -> list[tuple[str, str]]:
    readings = [item for item in study.readings.readings if item.value_mm is not None]
    return [
        ("Readers", ", ".join(sorted({item.reader for item in readings}))),
        ("Persons", str(len({item.hip.person for item in readings}))),
        ("Hips", str(len({item.hip for item in readings}))),
        ("Readings used", str(len(readings))),
    ]


def _warnings(study: AgreementStudy) -> list[Block]:
    cautions = [text for space in study.spaces for text in space.cautions]
    cautions += [
        f"{kind_title(space.kind)}: {plural(space.missing, 'reading')} missing."
        for space in study.spaces
        if space.missing
    ]
    return study_warnings(cautions, study.readings.problems, "agreement.json")


def _space_blocks(
    space: SpaceAgreement, drawn: dict[int, tuple[Chart, ...]], *, new_page: bool
) -> Iterator[Block]:
    yield heading(kind_title(space.kind), new_page=new_page)
    if isinstance(space.between, NotEstimable):
        yield paragraph(f"Between readers: not given; {space.between.detail}.")
    else:
        yield from _comparison_blocks("Between readers", space.between, drawn)
    single = [item.detail for item in space.within.values() if isinstance(item, NotEstimable)]
    for reader, item in space.within.items():
        if isinstance(item, Comparison):
            yield from _comparison_blocks(f"Within reader {reader}", item, drawn)
    if single:
        yield paragraph("Not given: " + "; ".join(single) + ".", small=True)


def _comparison_blocks(
    title: str, item: Comparison, drawn: dict[int, tuple[Chart, ...]]
) -> Iterator[Block]:
    hips = plural(len(item.matrix.hips), "hip")
    persons = plural(item.matrix.person_count, "person")
    left = f"; {item.matrix.left_out} incomplete left out" if item.matrix.left_out else ""
    yield heading(f"{title}: {', '.join(item.matrix.columns)} ({hips} of {persons}{left})", level=3)
    yield table(
        STATISTIC_HEADER,
        [*_icc_rows(item), *_precision_rows(item)],
        widths=(2.2, 0.8, 2.0, 1.4),
        bold_first=True,
    )
    if len(item.pairs) > PAIRS_ON_PAPER:
        yield paragraph(_where_plots_are(item, drawn), small=True)
    for pair in item.pairs:
        yield from _pair_blocks(pair, drawn if len(item.pairs) <= PAIRS_ON_PAPER else {})


def _where_plots_are(item: Comparison, drawn: dict[int, tuple[Chart, ...]]) -> str:
    """Name the files of plots that are too many for the page."""
    made = [drawn[id(pair)] for pair in item.pairs if drawn.get(id(pair))]
    if not made:
        return f"None of these {len(item.pairs)} pairs has a hip that both read; no plot was drawn."
    first, last = made[0], made[-1]
    files = " and ".join(
        f"{one.name}.svg to {other.name}.svg" for one, other in zip(first, last, strict=True)
    )
    return (
        f"The plots of these {len(item.pairs)} pairs are not printed here. They lie beside this"
        f" file: {files}, each also as PNG; the number in a name is that of the pair, in the order"
        " below."
    )


def _icc_rows(item: Comparison) -> list[list[str]]:
    return [
        statistic_row(f"{one.name}  [{one.shrout_fleiss}]", one.result, digits=3)
        for one in item.iccs
    ]


def _precision_rows(item: Comparison) -> list[list[str]]:
    precision = item.precision
    return [
        statistic_row("SEM, agreement (mm)", precision.sem_agreement_mm),
        statistic_row("SDC, agreement (mm)", precision.sdc_agreement_mm),
        statistic_row("SEM, consistency (mm)", precision.sem_consistency_mm),
        statistic_row("SDC, consistency (mm)", precision.sdc_consistency_mm),
    ]


def _pair_blocks(pair: Pair, drawn: dict[int, tuple[Chart, ...]]) -> Iterator[Block]:
    first, second = pair.matrix.columns
    hips = plural(len(pair.matrix.hips), "hip")
    yield heading(f"{first} minus {second} ({hips})", level=3)
    differences = pair.differences
    rows = [
        statistic_row("bias (mm)", differences.bias_mm),
        ["SD of differences (mm)", _sd_text(differences), DASH, DASH],
        statistic_row("lower limit of agreement (mm)", differences.lower_limit_mm),
        statistic_row("upper limit of agreement (mm)", differences.upper_limit_mm),
        statistic_row(
            "proportional bias (mm per mm)", differences.proportional_bias, digits=3, with_p=True
        ),
    ]
    header = ("difference", *STATISTIC_HEADER[1:])
    yield table(header, rows, widths=(2.2, 0.8, 2.0, 1.4), bold_first=True)
    if id(pair) in drawn:
        yield charts(drawn[id(pair)])
    if pair.categories:
        yield table(
            ("cut-off", "published by", "≤ / > / apart", "same side (95 %)", "kappa (95 %)"),
            [_category_row(item) for item in pair.categories],
            widths=(0.7, 2.6, 0.9, 1.3, 2.2),
            bold_first=True,
        )


def _sd_text(differences: BlandAltman) -> str:
    return "not given" if differences.sd_mm is None else number(differences.sd_mm, 2)


def _category_row(item: CategoryAgreement) -> list[str]:
    counts = f"{item.both_at_or_below} / {item.both_above} / {item.disagree}"
    kappa = item.kappa
    kappa_text = interval_of(kappa, 2)
    if isinstance(kappa, Estimate):
        kappa_text = f"{given(kappa, 2)} ({kappa_text})"
    return [
        f"{item.cutoff_mm:g} mm",
        ", ".join(item.evidence_ids),
        counts,
        share(item.share),
        kappa_text,
    ]


# -------------------------------------------------------------------------------------- charts


def pair_charts(kind: Kind, pair: Pair, name: str) -> tuple[Chart, ...]:
    """Draw a pair: reading against reading, and Bland-Altman; nothing for no hips."""
    if not pair.matrix.hips:
        return ()
    return (_identity_chart(kind, pair, name), _difference_chart(kind, pair, name))


def chart_name(kind: Kind, columns: tuple[str, ...], number_of_pair: int) -> str:
    """Name the files of a pair: reader ids as far as they are safe in a file name."""
    names = [re.sub(r"[^A-Za-z0-9]+", "-", column).strip("-") for column in columns]
    return "_".join([kind.value, f"{number_of_pair:02d}", *(name for name in names if name)])[:80]


def _dots(kind: Kind, pair: Pair, xs: list[float], ys: list[float]) -> list[Item]:
    hips = zip(pair.matrix.hips, xs, ys, strict=True)
    return side_dots(kind, ((hip.side, (x, y)) for hip, x, y in hips))


def _identity_chart(kind: Kind, pair: Pair, name: str) -> Chart:
    first_mm, second_mm = (column.tolist() for column in pair.matrix.values_mm.T)
    axis = axis_around("", [*first_mm, *second_mm])
    first, second = pair.matrix.columns
    ends = (max(axis.low, 0.0), axis.high)
    shown = [item.cutoff_mm for item in pair.categories if axis.low < item.cutoff_mm < axis.high]
    cutoffs = [
        Level(cutoff_mm, "", "muted", "dotted", upright, "" if number or upright else CUTOFF_LABEL)
        for upright in (False, True)
        for number, cutoff_mm in enumerate(shown)
    ]
    return Chart(
        name=f"identity_{name}",
        title=f"{kind.name}: {first} against {second}",
        alt=f"{len(pair.matrix.hips)} hips, {first} on the horizontal and {second} on the vertical"
        " axis, with the line of equal readings and the published cut-offs.",
        x=Axis(f"{second}, mm", axis.low, axis.high, axis.ticks),
        y=Axis(f"{first}, mm", axis.low, axis.high, axis.ticks),
        items=(
            *cutoffs,
            Line(((ends[0], ends[0]), (ends[1], ends[1])), "ink", "solid", "equal readings"),
            *_dots(kind, pair, second_mm, first_mm),
        ),
        height_mm=70.0,
    )


def _difference_chart(kind: Kind, pair: Pair, name: str) -> Chart:
    first_mm, second_mm = pair.matrix.values_mm.T
    means_mm, differences_mm = (first_mm + second_mm) / 2.0, first_mm - second_mm
    first, second = pair.matrix.columns
    levels, ends, edges = _limits(pair)
    least, most = float(means_mm.min()), float(means_mm.max())
    # Room for the intervals to the right of every point.
    room = most + INTERVALS_SHARE * max(most - least, 4.0)
    x = axis_around("mean of both readings, mm", means_mm.tolist(), include=[room], least_span=4.0)
    return Chart(
        name=f"bland_altman_{name}",
        title=f"{kind.name}: difference against mean (Bland-Altman)",
        alt=f"Bland-Altman plot of {len(pair.matrix.hips)} hips, {first} minus {second}; "
        + "; ".join(level.words for level in levels if level.words)
        + ".",
        x=x,
        y=axis_around(f"{first} − {second}, mm", [*differences_mm.tolist(), *edges], include=[0.0]),
        items=(
            *levels,
            Bars(_at_the_right(x, ends), "muted", "95 % intervals" if ends else ""),
            *_trend(pair, means_mm.tolist()),
            *_dots(kind, pair, means_mm.tolist(), differences_mm.tolist()),
        ),
        height_mm=70.0,
        right_room_mm=LABEL_ROOM_MM,
    )


def _at_the_right(
    x: Axis, ends: list[tuple[float, float]]
) -> tuple[tuple[float, float, float], ...]:
    """Place intervals next to each other at the right edge, without overlap."""
    step = 0.025 * (x.high - x.low)
    return tuple(
        (x.high - step * (1 + 1.3 * number), low, high) for number, (low, high) in enumerate(ends)
    )


def _limits(pair: Pair) -> tuple[list[Level], list[tuple[float, float]], list[float]]:
    differences = pair.differences
    named = (
        (differences.upper_limit_mm, f"+{LIMIT_SDS} SD", "dashed"),
        (differences.bias_mm, "bias", "solid"),
        (differences.lower_limit_mm, f"−{LIMIT_SDS} SD", "dashed"),
    )
    levels, ends, edges = [Level(0.0, "", "muted", "dotted")], [], []
    for result, name, dash in named:
        if not isinstance(result, Estimate):
            continue
        label = f"{name} {number(result.value, 1)}"
        levels.append(Level(result.value, label, "ink", "dashed" if dash == "dashed" else "solid"))
        edges.append(result.value)
        if result.interval is not None:
            ends.append((result.interval.low, result.interval.high))
            edges += [result.interval.low, result.interval.high]
    return levels, ends, edges


def _trend(pair: Pair, means_mm: list[float]) -> list[Item]:
    slope, start_mm = pair.differences.proportional_bias, pair.differences.intercept_mm
    if not isinstance(slope, Estimate) or start_mm is None:
        return []
    ends = (min(means_mm), max(means_mm))
    points = tuple((end, start_mm + slope.value * end) for end in ends)
    return [Line(points, "caution", "dashed", "trend with size")]
