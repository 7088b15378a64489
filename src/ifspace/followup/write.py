"""The files of `follow-up`: data, one page and charts, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path

from ifspace.figures import chart_files, sheet_pdf
from ifspace.followup.pages import follow_up_charts, follow_up_sheet
from ifspace.followup.study import FollowUp, follow_up_to_json
from ifspace.report.files import refuse_overwriting, write_all

FOLLOW_UP_NAME = "follow_up.json"
PDF_NAME = "follow_up.pdf"


def write_follow_up(found: FollowUp, out: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write follow_up.json, follow_up.pdf and the charts as SVG and PNG.

    Raises
    ------
    OutputError
        If a file is there already or cannot be written; nothing is left behind.
    """
    drawn = follow_up_charts(found)
    data = json.dumps(follow_up_to_json(found), indent=1, ensure_ascii=False, allow_nan=False)
    contents = {
        FOLLOW_UP_NAME: f"{data}\n".encode(),
        PDF_NAME: sheet_pdf(follow_up_sheet(found, drawn)),
        **chart_files(drawn),
    }
    if not overwrite:
        refuse_overwriting(out, list(contents))
    return write_all(out, contents)
