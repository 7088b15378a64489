"""``ifspace pacs``: ask, fetch and send. The only verbs that touch a network."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.printing import print_json, print_line, print_table

if TYPE_CHECKING:
    from ifspace.pacs import Node, SendOutcome

pacs_app = typer.Typer(
    name="pacs",
    help="Talk to a DICOM node or a DICOMweb server that is named in nodes.toml.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NODE = typer.Argument(..., help="Name of a node in nodes.toml in the configuration folder.")
JSON = typer.Option(False, "--json", help="Print JSON.")


@pacs_app.command("echo")
def echo(node: str = NODE, as_json: bool = JSON) -> None:
    """Ask whether a node is there and lets us in."""
    found = _node(node)
    seconds = _pacs().echo(found)
    if as_json:
        print_json({"node": node, "address": found.address, "seconds": round(seconds, 3)})
    else:
        print_line(f"{found.address} answered in {seconds:.3f} s")


@pacs_app.command("find")
def find(
    node: str = NODE,
    level: str = typer.Option("study", "--level", help="patient, study or series."),
    patient_id: str | None = typer.Option(None, "--patient-id", help="Patient ID."),
    name: str | None = typer.Option(None, "--name", help="Patient name, with * and ?."),
    date: str | None = typer.Option(None, "--date", help="Study date, 20260101 or a range."),
    modality: str | None = typer.Option(None, "--modality", help="Such as MR."),
    study: str | None = typer.Option(None, "--study", help="Study Instance UID."),
    as_json: bool = JSON,
) -> None:
    """Search for patients, studies or the series of a study."""
    library = _pacs()
    if level not in list(library.Level):
        message = f"--level is {level!r}, expected patient, study or series"
        raise typer.BadParameter(message)
    of_study = level == "study"
    filters = {
        "PatientID": patient_id,
        "PatientName": name,
        "StudyDate": date,
        "ModalitiesInStudy" if of_study else "Modality": modality,
        "StudyInstanceUID": study,
    }
    asked = {keyword: value for keyword, value in filters.items() if value}
    query = library.Query(library.Level(level), asked)
    notes: list[str] = []
    matches = library.find_values(_node(node), query, notes.append)
    if as_json:
        print_json(matches)
    elif not matches:
        say("nothing was found")
    else:
        columns = list(matches[0])
        print_table("", columns, [[match[column] for column in columns] for match in matches])
    for note in notes:
        say(note)
    if notes:
        raise typer.Exit(Exit.PARTLY_DONE)


@pacs_app.command("get")
def get(
    node: str = NODE,
    study: str = typer.Option(..., "--study", help="Study Instance UID."),
    series: str | None = typer.Option(None, "--series", help="Only this Series Instance UID."),
    out: Path = typer.Option(..., "-o", "--out", help="The folder for the files."),
    by_move: bool = typer.Option(
        False, "--by-move", help="Have the node connect to us (C-MOVE); listens until it is done."
    ),
    as_json: bool = JSON,
) -> None:
    """Fetch a study, or one of its series."""
    received = _pacs().get(_node(node), out, study_uid=study, series_uid=series, by_move=by_move)
    if as_json:
        files = [path.name for path in received.paths]
        print_json({"received": files, "failed": received.failed})
    else:
        print_line(f"{len(received.paths)} objects received, {received.failed} failed")
    if received.detail:
        say(received.detail)
    if received.failed:
        raise typer.Exit(Exit.PARTLY_DONE)


@pacs_app.command("send")
def send(
    node: str = NODE,
    paths: list[Path] = typer.Argument(..., help="Files, or folders of files."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Send nothing; say what would be sent."),
    again: bool = typer.Option(False, "--again", help="Send also what was sent before."),
    as_json: bool = JSON,
) -> None:
    """Send files; a repeat sends only what did not arrive."""
    found = _node(node)
    outcomes = _pacs().send(found, paths, dry_run=dry_run, again=again)
    rows = [_row(outcome) for outcome in outcomes]
    if as_json:
        print_json({"node": node, "address": found.address, "objects": rows})
    else:
        columns = ["file", "kind", "status", "detail"]
        print_table(found.address, columns, [[row[key] for key in columns] for row in rows])
    failed = sum(row["status"] == "failed" for row in rows)
    if failed:
        say(f"{failed} of {len(rows)} objects were not sent; call again to send only those")
        raise typer.Exit(Exit.FAILED if failed == len(rows) else Exit.PARTLY_DONE)


def _row(outcome: SendOutcome) -> dict[str, str]:
    return {
        "file": outcome.item.path.name,
        "kind": outcome.item.sop_class_name,
        "sop_instance_uid": outcome.item.sop_instance_uid,
        "status": outcome.status.value,
        "detail": outcome.detail,
    }


def _node(name: str) -> Node:
    found: Node = _pacs().find_node(name)
    return found


def _pacs() -> Any:
    """Import the network only when it is asked for.

    Raises
    ------
    NetworkError
        If the libraries that it needs are not installed.
    """
    from ifspace.errors import NetworkError

    library: ModuleType
    try:
        import ifspace.pacs as library
    except ImportError as error:
        message = (
            f"talking to a node needs {error.name}, which is not installed; "
            "install ifspace with its extra `pacs`"
        )
        raise NetworkError(message) from error
    return library
