"""cohort.html: one page that needs no network, no program and no other file to be read.

It is made from the ledger alone; only the thumbnails are taken from the folders of the studies.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from ifspace.batch.case import Status
from ifspace.batch.charts import Line, distributions, scatter
from ifspace.batch.cohort import (
    AGE_BANDS,
    AGE_UNKNOWN,
    OLDEST_BAND,
    SEX_UNKNOWN,
    SEXES,
    Cohort,
    Shown,
    grouped,
)
from ifspace.evidence import choose_panel, published_rows
from ifspace.model import SIDES_AS_SEEN, Kind, PublishedValue, Severity, Side
from ifspace.notice import NOTICE
from ifspace.version import __version__

MOST_CARDS = 12
# Wide enough to see the line and the bones, small enough that a page of twelve opens at once.
_THUMBNAIL_PX = 560
_JPEG_QUALITY = 80
_NO_VALUE = "–"

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>Cohort: ischiofemoral and quadratus femoris space</title>
<style>
"""


def cohort_page(cohort: Cohort, out: Path) -> str:
    """Write the page.

    Parameters
    ----------
    cohort
        What to show.
    out
        The folder of the cohort: key images below it are shown small, PDFs are linked to.
    """
    style = resources.files("ifspace.batch").joinpath("page.css").read_text(encoding="utf-8")
    sections = [
        "<h1>Ischiofemoral and quadratus femoris space</h1>",
        f'<p class="soft">{_opening(cohort)}</p>',
        f'<p class="notice">{escape(NOTICE)}</p>',
        _tiles(cohort),
        *(_distribution(cohort, kind) for kind in Kind),
        _scatters(cohort),
        _cards(cohort, out),
        _flags(cohort),
        _not_measured(cohort),
        _every_case(cohort),
        _footer(),
    ]
    body = "\n".join(section for section in sections if section)
    return f"{_HEAD}{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"


def _opening(cohort: Cohort) -> str:
    readings = len(cohort.cases)
    text = f"A cohort of {_counted(cohort.studies, 'study', 'studies')}"
    if readings > cohort.studies:
        text += f" with {readings} readings; the figures show the first reading of each study"
    return f"{text}. Distances in millimetres on axial MRI, sides are the patient's."


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _tiles(cohort: Cohort) -> str:
    tiles = [
        (cohort.studies, "studies"),
        (cohort.count(Status.MEASURED), "measured completely"),
        (cohort.count(Status.PARTLY), "measured in part"),
        (cohort.count(Status.NOT_MEASURED, Status.FAILED), "not measured"),
        *(
            (len(cohort.values(kind)), f"hips with {kind.name}")
            for kind in Kind
        ),
    ]  # fmt: skip
    cells = "".join(f'<div class="tile"><b>{n}</b><span>{name}</span></div>' for n, name in tiles)
    return f'<div class="tiles">{cells}</div>'


# ------------------------------------------------------------------------------------- charts


def _distribution(cohort: Cohort, kind: Kind) -> str:
    values = cohort.values(kind)
    name = kind.full_name
    heading = f"<h2>{name}</h2>"
    if not values:
        return f"{heading}<p>No {name.lower()} was measured.</p>"
    ages = [*(band for _, band in AGE_BANDS), OLDEST_BAND, AGE_UNKNOWN]
    groups = [
        ("Side", grouped(values, lambda value: value.side.value, [s.value for s in SIDES_AS_SEEN])),
        ("Sex", grouped(values, lambda value: value.sex_name, [*SEXES.values(), SEX_UNKNOWN])),
        ("Age", grouped(values, lambda value: value.age_band, ages)),
    ]
    lines = published_lines(kind)
    figure = distributions(groups, lines, f"{name} by side, sex and age")
    return (
        f"{heading}<figure><figcaption>By side, sex and age</figcaption>"
        f"{figure}{_key(lines, any(value.child for value in values))}</figure>"
    )


def published_lines(kind: Kind) -> list[Line]:
    """Give the published adult cut-offs and group means of one space, with letters in order."""
    panel = choose_panel(published_rows(), age_years=None)
    found = [
        (value.cutoff_mm, True, f"published cut-off {value.cutoff_mm:g} mm: {_source(value)}")
        for value in panel.cutoffs(kind)
        if value.cutoff_mm is not None
    ]
    reference = panel.reference(kind)
    if reference is not None:
        for mean_mm, whom in (
            (reference.cases_mean_mm, "symptomatic hips"),
            (reference.controls_mean_mm, "control hips"),
        ):
            if mean_mm is not None:
                says = f"published mean of {whom} {mean_mm:g} mm: {_source(reference)}"
                found.append((mean_mm, False, says))
    found.sort(key=lambda item: (item[0], item[1]))
    return [
        Line(chr(ord("A") + number), value_mm, is_cutoff, says)
        for number, (value_mm, is_cutoff, says) in enumerate(found)
    ]


def _source(value: PublishedValue) -> str:
    return f"{value.citation} ({value.evidence_level})"


def _key(lines: Sequence[Line], children: bool) -> str:
    items = "".join(
        f'<li><b class="{"cutoff" if line.is_cutoff else "mean"}">{line.letter}</b>'
        f"{escape(line.says)}</li>"
        for line in lines
    )
    words = (
        "At the end of each row: median (quartiles), number of hips. The band below each row spans"
        " the quartiles; bars are as tall as the row allows. Published figures (cut-offs"
        " solid, means dashed) are of adults and of the positions their authors used; they are"
        " drawn for orientation and decide nothing."
    )
    if children:
        words += " Hollow: under 18, where the published adult figures do not apply."
    return f'<ul class="key">{items}</ul><p class="soft">{words}</p>'


def _scatters(cohort: Cohort) -> str:
    figures = []
    for kind in Kind:
        pairs = cohort.pairs(kind)
        if pairs:
            name = kind.full_name
            chart = scatter(pairs, f"{name}: left against right")
            figures.append(f"<figure><figcaption>{name}</figcaption>{chart}</figure>")
    if not figures:
        return ""
    words = "On the dotted line both sides are equal."
    return f'<h2>Left and right</h2><p>{words}</p><div class="two">{"".join(figures)}</div>'


# -------------------------------------------------------------------------------------- cases


def _cards(cohort: Cohort, out: Path) -> str:
    cases = cohort.by_concern()[:MOST_CARDS]
    if not cases:
        return ""
    words = (
        "Measured cases in the order in which they deserve a second look: those with most spaces"
        " missing, then with most cautions, then with the widest uncertainty. Cases without any"
        " number are listed further down, with the reason."
    )
    cards = "".join(_card(case, out) for case in cases)
    return f'<h2>Look at these first</h2><p>{words}</p><div class="cases">{cards}</div>'


def _card(case: Shown, out: Path) -> str:
    views = "".join(_view(case, side, out) for side in SIDES_AS_SEEN)
    said = _missing(case)
    missing = "".join(
        f'<li class="missing">{escape(", ".join(names))} not measured: {escape(detail)}</li>'
        for detail, names in said.items()
    )
    flags = "".join(
        f'<li class="{flag["severity"]}">{escape(flag["detail"])}</li>'
        for flag in case.flags
        if flag["severity"] != Severity.INFO.value and flag["detail"] not in said
    )
    return (
        f'<article class="case"><h3><code>{escape(case.case_id)}</code>{_pdf(case)}</h3>'
        f'<div class="views">{views}</div>{_small_table(case)}<ul>{missing}{flags}</ul></article>'
    )


def _missing(case: Shown) -> dict[str, list[str]]:
    """Name the spaces without a number, by the reason in words."""
    found: dict[str, list[str]] = {}
    for row in case.missing:
        name = f"{row['side']} {str(row['kind']).upper()}"
        found.setdefault(str(row["detail"]), []).append(name)
    return found


def _view(case: Shown, side: Side, out: Path) -> str:
    place = case.files.get(f"key_{side.value}.png")
    if place is None:
        return ""
    try:
        data = _thumbnail(out / place)
    except OSError:
        return ""
    alt = f"key image of the {side.value} hip"
    return f'<img alt="{alt}" src="data:image/jpeg;base64,{data}">'


def _thumbnail(path: Path) -> str:
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return base64.b64encode(buffer.getvalue()).decode()


def _small_table(case: Shown) -> str:
    head = "".join(f'<th class="n">{side.value}</th>' for side in SIDES_AS_SEEN)
    rows = ""
    for kind in Kind:
        cells = "".join(
            f'<td class="n">{_number(case, kind, side, uncertain=True)}</td>'
            for side in SIDES_AS_SEEN
        )
        rows += f"<tr><td>{kind.name}, mm</td>{cells}</tr>"
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _number(case: Shown, kind: Kind, side: Side, *, uncertain: bool = False) -> str:
    value = case.value(kind, side)
    if value is None:
        return _NO_VALUE
    return f"{value.value_mm:.1f}" + (f" ± {value.u95_mm:.1f}" if uncertain else "")


def _pdf(case: Shown) -> str:
    place = case.files.get("report.pdf")
    return "" if place is None else f'<a href="{quote(place)}">PDF</a>'


# ------------------------------------------------------------------------------------- tables


def _flags(cohort: Cohort) -> str:
    rows = "".join(
        f'<tr><td class="n">{count}</td><td class="{severity}">{severity}</td>'
        f"<td><code>{escape(code)}</code></td><td>{escape(example)}</td></tr>"
        for code, severity, count, example in cohort.flags()
    )
    if not rows:
        return ""
    return (
        "<h2>What the images and marks were flagged for</h2>"
        '<table><thead><tr><th class="n">cases</th><th>weight</th><th>code</th>'
        f"<th>for example</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _not_measured(cohort: Cohort) -> str:
    rows = ""
    for reason, sentence, names in cohort.not_measured():
        listed = ", ".join(escape(name) for name in names)
        rows += (
            f'<tr><td class="n">{len(names)}</td><td><code>{escape(reason)}</code></td>'
            f"<td>{escape(sentence)}<details><summary>which</summary><code>{listed}</code>"
            "</details></td></tr>"
        )
    heading = "<h2>What was not measured, and why</h2>"
    if not rows:
        words = "Everything was measured." if cohort.cases else "No study was found."
        return f"{heading}<p>{words}</p>"
    head = '<tr><th class="n">number</th><th>reason</th><th>in words</th></tr>'
    return f"{heading}<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _every_case(cohort: Cohort) -> str:
    columns = [f"{kind.name} {side.value}" for kind in Kind for side in SIDES_AS_SEEN]
    head = "".join(f'<th class="n">{name}</th>' for name in columns)
    rows = "".join(_case_row(case) for case in cohort.by_size())
    return (
        "<h2>Every case</h2><p>The smallest ischiofemoral space first; all values are in"
        " <code>measurements.csv</code>, unrounded and with their uncertainty.</p>"
        '<div class="scroll"><table><thead><tr><th>study</th><th class="n">age</th><th>sex</th>'
        f"{head}<th>status</th><th></th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _case_row(case: Shown) -> str:
    first = case.values[0] if case.values else None
    age = "" if first is None or first.age_years is None else f"{first.age_years:.0f}"
    sex = "" if first is None else escape(first.sex or "")
    cells = "".join(
        f'<td class="n">{_number(case, kind, side)}</td>' for kind in Kind for side in SIDES_AS_SEEN
    )
    status = case.status.value.replace("_", " ")
    uid = f' title="{escape(case.study_uid)}"' if case.study_uid else ""
    return (
        f'<tr><td{uid}><code>{escape(case.case_id)}</code></td><td class="n">{age}</td>'
        f"<td>{sex}</td>{cells}<td>{status}</td><td>{_pdf(case)}</td></tr>"
    )


def _footer() -> str:
    return (
        f"<footer>ifspace {escape(__version__)}. {escape(NOTICE)} Whatever was not measured has no"
        " number here: not zero, and no estimate.</footer>"
    )
