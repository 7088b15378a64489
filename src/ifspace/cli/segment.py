"""``ifspace segment``: a label map from an installed TotalSegmentator, for ``--masks``."""

from __future__ import annotations

from pathlib import Path

import typer

from ifspace.cli.printing import print_line


def segment(
    path: Path = typer.Argument(..., help="A file, folder, ZIP or DICOMDIR."),
    out: Path = typer.Option(..., "-o", "--out", help="The label map to write (.nii.gz)."),
    series: str | None = typer.Option(
        None, "--series", help="Use this series UID instead of the best one."
    ),
    time_limit: float = typer.Option(
        3600.0, "--time-limit", min=1.0, help="End it after this many seconds."
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older label map."),
) -> None:
    """Let an installed TotalSegmentator segment hip bones and femora.

    Look at the label map before you measure with it. TotalSegmentator is found on the PATH or in
    IFSPACE_TOTALSEGMENTATOR; nothing is downloaded, and its usage statistics are switched off.
    """
    import ifspace
    from ifspace.errors import OutputError
    from ifspace.export import refuse_inside
    from ifspace.segmenter import segment as run

    refuse_inside(out, path)
    if not out.name.lower().endswith((".nii", ".nii.gz")):
        message = f"{out.name}: a label map is written as NIfTI; choose a name in .nii.gz"
        raise OutputError(message)
    if out.exists() and not overwrite:
        message = f"{out.name} is already there; choose another name or add --overwrite"
        raise OutputError(message)
    run(ifspace.load_volume(path, series), out, time_limit_s=time_limit)
    print_line(str(out))
