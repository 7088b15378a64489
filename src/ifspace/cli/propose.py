"""``ifspace propose``: what the program can find without a click. Never a distance."""

from __future__ import annotations

from pathlib import Path

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.printing import print_json, print_line


def propose(
    path: Path = typer.Argument(..., help="A file, folder, ZIP or DICOMDIR."),
    out: Path = typer.Option(..., "-o", "--out", help="The session file to write."),
    series: str | None = typer.Option(
        None, "--series", help="Use this series UID instead of the best one."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the session as JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older session."),
) -> None:
    """Write a session with proposals, and measure nothing.

    Proposes the slices of the lesser trochanter, the femur's outline and its mark, each side with
    a confidence; a reader adds the ischium.
    """
    import ifspace
    from ifspace.errors import OutputError
    from ifspace.export import refuse_inside
    from ifspace.io.session import session_to_json
    from ifspace.model import NotMeasured, Reason

    refuse_inside(out, path)
    if out.exists() and not overwrite:
        message = f"{out.name} is already there; choose another name or add --overwrite"
        raise OutputError(message)
    result = ifspace.propose(ifspace.load_study(path, series))
    reasons = {
        space.outcome.side: space.outcome
        for space in result.spaces
        if isinstance(space.outcome, NotMeasured)
    }
    refused = [item for item in reasons.values() if item.reason is not Reason.ISCHIUM_NOT_CONFIRMED]
    if len(refused) < len(reasons):
        ifspace.write_session(result.session, out)
    if as_json:
        print_json(session_to_json(result.session))
    else:
        for item in reasons.values():
            print_line(f"{item.side}: {item.detail}")
    if len(refused) == len(reasons):
        say("nothing could be proposed, so no session was written")
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.PARTLY_DONE if refused else Exit.DONE)
