"""All verbs in the order in which ``ifspace --help`` lists them."""

from __future__ import annotations

import typer

from ifspace.cli import (
    agree,
    batch,
    bids,
    compare_groups,
    demo,
    doctor,
    evidence,
    follow_up,
    lengths,
    measure,
    merge,
    pacs,
    propose,
    report,
    segment,
    series,
    validate,
    view,
)


def register(app: typer.Typer) -> None:
    """Hang every verb on the program."""
    app.callback(invoke_without_command=True)(options)
    app.command("series")(series.series)
    app.command("measure")(measure.measure)
    app.command("propose")(propose.propose)
    app.command("segment")(segment.segment)
    app.command("report")(report.report)
    app.command("view")(view.view)
    app.command("batch")(batch.batch)
    app.command("merge")(merge.merge)
    app.command("bids", cls=bids.SpacedLists)(bids.bids)
    app.command("lengths")(lengths.lengths)
    app.command("agree")(agree.agree)
    app.command("compare-groups")(compare_groups.compare_groups)
    app.command("follow-up")(follow_up.follow_up)
    app.command("evidence")(evidence.evidence)
    app.command("validate")(validate.validate)
    app.command("demo")(demo.demo)
    app.command("phantom")(demo.phantom)
    app.command("doctor")(doctor.doctor)
    app.add_typer(pacs.pacs_app)


def options(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
    debug: bool = typer.Option(  # noqa: ARG001 - taken out before parsing; here for --help only
        False, "--debug", help="Show a traceback where something fails."
    ),
) -> None:
    """Measure the ischiofemoral and the quadratus femoris space on MRI.

    For research and for assistance to a qualified reader; not a medical device.
    """
    if version:
        from ifspace.version import __version__

        typer.echo(f"ifspace {__version__}")
        raise typer.Exit
