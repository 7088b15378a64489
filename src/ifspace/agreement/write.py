"""The files of `agree`: data, PDF and plots, all of them or none."""

from __future__ import annotations

from pathlib import Path

from ifspace.agreement.design import Plan, list_name
from ifspace.agreement.pages import agreement_sheet, as_shown, chart_name, pair_charts
from ifspace.agreement.study import AgreementStudy, Comparison, Pair, study_to_json
from ifspace.atomic import write_folder
from ifspace.figures import Chart, write_study
from ifspace.model import Kind
from ifspace.notice import NOTICE
from ifspace.tables import Table, csv_bytes, json_bytes

KEY_NAME = "key.csv"
READINGS_NAME = "readings.csv"
PLAN_NAME = "plan.json"


def write_agreement(
    study: AgreementStudy, out: Path, *, unblinded: Table | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write agreement.json, agreement.pdf and the plots as SVG and PNG.

    A table that was made of blinded lists is written as readings.csv.

    Raises
    ------
    OutputError
        If a file is there already or cannot be written; nothing is left behind.
    """
    shown = as_shown(study)
    drawn = _draw(shown)
    more = {}
    if unblinded is not None:
        rows = [tuple(row.cells[name] for name in unblinded.columns) for row in unblinded.rows]
        more[READINGS_NAME] = csv_bytes(unblinded.columns, rows)
    return write_study(
        "agreement",
        study_to_json(study),
        agreement_sheet(shown, drawn),
        [chart for pair in drawn.values() for chart in pair],
        out,
        more=more,
        overwrite=overwrite,
    )


def _draw(study: AgreementStudy) -> dict[int, tuple[Chart, ...]]:
    drawn: dict[int, tuple[Chart, ...]] = {}
    for space in study.spaces:
        compared = [space.between, *space.within.values()]
        pairs: list[tuple[Kind, Pair]] = [
            (space.kind, pair)
            for item in compared
            if isinstance(item, Comparison)
            for pair in item.pairs
        ]
        for number, (kind, pair) in enumerate(pairs, start=1):
            drawn[id(pair)] = pair_charts(kind, pair, chart_name(kind, pair.matrix.columns, number))
    return drawn


def write_plan(plan: Plan, out: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write a list for every reader, the key of the codes, and the seed.

    Raises
    ------
    OutputError
        If a file is there already or cannot be written.
    """
    contents = {
        list_name(number): _list(plan, reader)
        for number, reader in enumerate(plan.readers, start=1)
    }
    contents[KEY_NAME] = csv_bytes(
        ("reader", "position", "code", "person", "case", "side", "reading"),
        [
            (one.reader, one.position, one.code, one.person, one.case, one.side, one.reading)
            for one in plan.entries
        ],
    )
    contents[PLAN_NAME] = json_bytes(
        {
            "schema": "ifspace-reading-plan/1",
            "notice": NOTICE,
            "seed": plan.seed,
            "readings_per_hip": plan.repeats,
            "lists": {list_name(n): name for n, name in enumerate(plan.readers, start=1)},
        }
    )
    return write_folder(out, contents, overwrite=overwrite)


def _list(plan: Plan, reader: str) -> bytes:
    own = [one for one in plan.entries if one.reader == reader]
    rows = [(one.position, one.code, one.side, "", "", "") for one in own]
    return csv_bytes(("position", "code", "side", "ifs_mm", "qfs_mm", "remark"), rows)
