"""``ifspace propose``: what the program can find without a click, for a reader to review."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.printing import print_json, print_line

if TYPE_CHECKING:
    from ifspace.model import Outcome


def propose(
    path: Path = typer.Argument(..., help="A file, folder, ZIP or DICOMDIR."),
    out: Path = typer.Option(..., "-o", "--out", help="The session file to write."),
    series: str | None = typer.Option(
        None, "--series", help="Use this series UID instead of the best one."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the session as JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older session."),
) -> None:
    """Write a session with what the program finds by itself: proposals for a reader.

    With the extra `auto` both spaces on both sides, each with its uncertainty; without it the
    slices of the lesser trochanter, the femur and its mark, and a reader adds the ischium.
    """
    import ifspace
    from ifspace.errors import OutputError
    from ifspace.export import refuse_inside
    from ifspace.io.session import session_to_json
    from ifspace.model import NotMeasured, Reason
    from ifspace.zero_click import available

    refuse_inside(out, path)
    if out.exists() and not overwrite:
        message = f"{out.name} is already there; choose another name or add --overwrite"
        raise OutputError(message)
    result = ifspace.propose(ifspace.load_study(path, series))
    outcomes = [space.outcome for space in result.spaces]
    refused = [
        item
        for item in outcomes
        if isinstance(item, NotMeasured) and item.reason is not Reason.ISCHIUM_NOT_CONFIRMED
    ]
    if len(refused) < len(outcomes):
        ifspace.write_session(result.session, out)
    if as_json:
        print_json(session_to_json(result.session))
    else:
        # Without the network both spaces of a side say the same.
        for line in dict.fromkeys(map(_line, outcomes)):
            print_line(line)
    if not available():
        say("the extra `auto` finds both spaces without a click: pip install 'ifspace[auto]'")
    if len(refused) == len(outcomes):
        say("nothing could be proposed, so no session was written")
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.PARTLY_DONE if refused else Exit.DONE)


def _line(outcome: Outcome) -> str:
    """Say one outcome."""
    from ifspace.model import Measurement

    if isinstance(outcome, Measurement):
        return (
            f"{outcome.side} {outcome.kind.name}: {outcome.value_mm:.1f} ± {outcome.u95_mm:.1f} mm,"
            f" slice {outcome.slice_index + 1}, proposed, unreviewed"
        )
    return f"{outcome.side}: {outcome.detail}"
