"""The files of `compare-groups`: data, PDF and plots, all of them or none."""

from __future__ import annotations

from pathlib import Path

from ifspace.figures import write_study
from ifspace.groups.pages import groups_sheet, space_charts
from ifspace.groups.study import GroupStudy, groups_to_json


def write_groups(study: GroupStudy, out: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write groups.json, groups.pdf and the plots as SVG and PNG.

    Raises
    ------
    OutputError
        If a file is there already or cannot be written; nothing is left behind.
    """
    drawn = {space.kind: space_charts(space, study) for space in study.spaces}
    return write_study(
        "groups",
        groups_to_json(study),
        groups_sheet(study, drawn),
        [chart for held in drawn.values() for chart in held],
        out,
        overwrite=overwrite,
    )
