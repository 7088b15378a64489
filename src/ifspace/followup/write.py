"""The files of `follow-up`: data, one page and charts, all of them or none."""

from __future__ import annotations

from pathlib import Path

from ifspace.figures import write_study
from ifspace.followup.pages import follow_up_charts, follow_up_sheet
from ifspace.followup.study import FollowUp, follow_up_to_json


def write_follow_up(study: FollowUp, out: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write follow_up.json, follow_up.pdf and the charts as SVG and PNG.

    Raises
    ------
    OutputError
        If a file is there already or cannot be written; nothing is left behind.
    """
    drawn = follow_up_charts(study)
    sheet = follow_up_sheet(study, drawn)
    return write_study(
        "follow_up", follow_up_to_json(study), sheet, drawn, out, overwrite=overwrite
    )
