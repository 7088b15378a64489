"""``ifspace validate``: what is wrong with a session, a result or an SR."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.printing import print_json, print_line


class Schema(StrEnum):
    """The files that have a schema."""

    SESSION = "session"
    RESULT = "result"


def validate(
    file: Path | None = typer.Argument(None, help="A session, a result or a DICOM SR."),
    schema: Schema | None = typer.Option(
        None, "--schema", help="Print the JSON Schema of a session or a result instead."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say what is wrong with a session, a result or an SR."""
    if schema is not None:
        from ifspace.io.session import session_schema
        from ifspace.report import result_schema

        print_json(session_schema() if schema is Schema.SESSION else result_schema())
        return
    if file is None:
        say("validate needs a file, or --schema session|result")
        raise typer.Exit(Exit.WRONG_USAGE)
    kind, problems = _problems(file)
    if as_json:
        print_json({"file_kind": kind, "valid": not problems, "problems": problems})
    else:
        for problem in problems or [f"valid {kind}"]:
            print_line(problem)
    raise typer.Exit(Exit.FAILED if problems else Exit.DONE)


def _problems(file: Path) -> tuple[str, list[str]]:
    from ifspace.api.files import is_dicom
    from ifspace.codec import read_json
    from ifspace.errors import SessionError
    from ifspace.io.session import session_from_json, validate_session
    from ifspace.report import validate_result
    from ifspace.signing import problems_of_session

    if is_dicom(file):
        from ifspace.dicom_out import validate_sr

        return "structured report", validate_sr(file)
    data = read_json(file, "the session", "write it again", SessionError)
    name = str(data.get("schema", "")) if isinstance(data, dict) else ""
    if name.startswith("ifspace-session/"):
        problems = validate_session(data)
        return "session", problems or problems_of_session(session_from_json(data))
    if name.startswith("ifspace-result/"):
        return "result", validate_result(data)
    known = "ifspace-session/2 (or /1) or ifspace-result/1"
    return "file", [f"schema is {name!r}, expected {known}"]
