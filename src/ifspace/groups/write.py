"""The files of `compare-groups`: data, PDF and plots, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path

from ifspace.figures import chart_files, sheet_pdf
from ifspace.groups.pages import groups_sheet, space_charts
from ifspace.groups.study import GroupStudy, groups_to_json
from ifspace.report.files import refuse_overwriting, write_all

GROUPS_NAME = "groups.json"
PDF_NAME = "groups.pdf"


def write_groups(study: GroupStudy, out: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write groups.json, groups.pdf and the plots as SVG and PNG.

    Raises
    ------
    OutputError
        If a file is there already or cannot be written; nothing is left behind.
    """
    drawn = {space.kind: space_charts(space, study) for space in study.spaces}
    data = json.dumps(groups_to_json(study), indent=1, ensure_ascii=False, allow_nan=False)
    contents = {
        GROUPS_NAME: f"{data}\n".encode(),
        PDF_NAME: sheet_pdf(groups_sheet(study, drawn)),
        **chart_files([chart for held in drawn.values() for chart in held]),
    }
    if not overwrite:
        refuse_overwriting(out, list(contents))
    return write_all(out, contents)
