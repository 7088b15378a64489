"""``ifspace measure``: one study from images and marks to reports."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.printing import print_json, print_line, print_table

if TYPE_CHECKING:
    from ifspace.model import Session, Side, StudyResult


class Sides(StrEnum):
    """Which hips to measure."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class PdfPages(StrEnum):
    """What the PDF holds."""

    CLINICAL = "clinical"
    FULL = "full"


def measure(
    path: Path = typer.Argument(..., help="A file, folder, ZIP or DICOMDIR."),
    out: Path = typer.Option(..., "-o", "--out", help="The folder for the reports."),
    session: list[Path] = typer.Option(
        [], "--session", help="Marks: a session file or an SR of ifspace; one for each reader."
    ),
    masks: Path | None = typer.Option(
        None, "--masks", help="A label map of hip bones and femora: NIfTI, NRRD, MHA or SEG."
    ),
    labels: str | None = typer.Option(
        None, "--labels", help="Its numbers: hip_left=1,hip_right=2,femur_left=3,femur_right=4."
    ),
    label_preset: str | None = typer.Option(
        None, "--label-preset", help="Its network: total_mr, vibe, mrsegmentator or musclemap."
    ),
    series: str | None = typer.Option(
        None, "--series", help="Measure this series UID instead of the best one."
    ),
    unbound: bool = typer.Option(
        False, "--unbound", help="Take marks that do not say which images they were made on."
    ),
    side: Sides = typer.Option(Sides.BOTH, "--side", help="Which hip."),
    reader: str | None = typer.Option(None, "--reader", help="Who read: an ID, not a name."),
    sign: bool = typer.Option(
        False, "--sign", help="Sign as --reader; every mark has to be confirmed."
    ),
    role: str = typer.Option("reader", "--role", help="As what the reader signs."),
    deidentify: bool = typer.Option(
        False, "--deidentify", help="Leave the patient out of every output and replace all UIDs."
    ),
    evidence: str | None = typer.Option(
        None, "--evidence", help="Compare with these ids (ID,ID,…) instead of the default ones."
    ),
    evidence_file: Path | None = typer.Option(
        None, "--evidence-file", help="Add local evidence rows."
    ),
    reader_precision: Path | None = typer.Option(
        None,
        "--reader-precision",
        help="Your readers' own precision: an agreement.json of `agree`.",
    ),
    formats: str | None = typer.Option(
        None, "--format", help="Write only these (json,session,csv,pdf,png,sr,fhir,…)."
    ),
    pages: PdfPages = typer.Option(
        PdfPages.FULL, "--pages", help="The PDF: page one alone, or the technical annex as well."
    ),
    amends: Path | None = typer.Option(
        None, "--amends", help="The report that this one replaces: its sr.dcm or result.json."
    ),
    text: bool = typer.Option(False, "--text", help="Print the findings paragraph."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older result."),
) -> None:
    """Measure one study and write its reports.

    Without marks, seeds or a label map the program proposes what it finds by itself: with the
    extra `auto` both spaces, unreviewed; without it a session for a reader to complete.
    """
    import ifspace
    from ifspace.amendment import amended, predecessor_of
    from ifspace.dicom_out import UidMap, deidentified
    from ifspace.export import export_readings, formats_for, objects_left_out, refuse_inside
    from ifspace.signing import now
    from ifspace.workflow import Settings, is_marked, load_study
    from ifspace.workflow import sign as signed

    chosen = chosen_formats(formats)
    refuse_inside(out, path)
    if len(session) > 1 and (reader or sign or amends):
        message = "--reader, --sign and --amends are for one --session"
        raise typer.BadParameter(message)
    paths: list[Path | None] = [*session] or [None]
    readings = [_session(one, reader, sign=sign) for one in paths]
    label_map = None if masks is None else ifspace.read_label_map(masks, labels, label_preset)
    unmarked = not all(is_marked(marks, label_map) for marks in readings)
    if unmarked:
        say("no marks, seeds or label map: what the program finds is a proposal, unreviewed")
    uid_map = UidMap() if deidentify else None
    # What a ZIP archive holds is there until everything is written: the manifest names its hashes.
    with load_study(path, series, readings[0].series_instance_uid) as study:
        if sign:
            beside = Settings(evidence_ids=ids_of(evidence), evidence_file=evidence_file)
            readings = [
                signed(marks, study, marks.reader or "", now(), role=role, settings=beside)
                for marks in readings
            ]
        results = [
            ifspace.measure(
                study,
                marks,
                labels=label_map,
                sides=sides_of(side),
                evidence_ids=ids_of(evidence),
                evidence_file=evidence_file,
                reader_precision=reader_precision,
                unbound=unbound,
            )
            for marks in readings
        ]
        if unmarked and not any(result.measurements for result in results):
            chosen = formats_for(chosen, marked=False)
        results = [
            amended(result, amends, out) if len(results) == 1 else result for result in results
        ]
        results, written = export_readings(
            study,
            results,
            out,
            formats=chosen,
            deidentify=deidentify,
            overwrite=overwrite,
            predecessor=predecessor_of(amends),
            uid_map=uid_map,
            pages=pages.value,
        )
    if uid_map is not None:
        results = [deidentified(result, uid_map) for result in results]
    code = _show_readings(results, written, as_json=as_json, text=text)
    if left_out := objects_left_out(study, chosen):
        say(left_out)
        code = code or Exit.PARTLY_DONE
    raise typer.Exit(code)


def _show_readings(
    results: Sequence[StudyResult], written: Sequence[Path], *, as_json: bool, text: bool
) -> Exit:
    """Print one reading as it is, several side by side; give the worst of their exit codes."""
    from ifspace.report import result_to_json
    from ifspace.report.side_by_side import readings_table

    codes = [exit_code(result) for result in results]
    if len(results) == 1:
        show(results[0], written, as_json=as_json, text=text)
        return codes[0]
    if as_json:
        print_json({"readings": [result_to_json(result) for result in results]})
    else:
        for result in results:
            show(result, (), text=text)
        columns, rows = readings_table(results)
        print_table("Side by side", columns, rows)
        for path in written:
            print_line(str(path))
    return codes[0] if len(set(codes)) == 1 else Exit.PARTLY_DONE


def _session(path: Path | None, reader: str | None, *, sign: bool) -> Session:
    """Read the marks, and put the reader's name to them."""
    from dataclasses import replace

    import ifspace

    session = ifspace.Session() if path is None else ifspace.read_session(path)
    if reader is not None and reader != session.reader:
        # A signature is its reader's own.
        session = replace(session, reader=reader, signature=None)
    if sign and not session.reader:
        message = "--sign needs a reader: add --reader ID"
        raise typer.BadParameter(message)
    return session


def chosen_formats(formats: str | None) -> tuple[str, ...]:
    """Turn ``pdf,json`` into format names; a wrong one is wrong usage."""
    from ifspace.export import ALL_FORMATS, DEFAULT_FORMATS

    if formats is None:
        return DEFAULT_FORMATS
    chosen = tuple(name.strip() for name in formats.split(",") if name.strip())
    unknown = [name for name in chosen if name not in ALL_FORMATS]
    if unknown or not chosen:
        message = f"unknown format {', '.join(unknown)!r}; choose from {', '.join(ALL_FORMATS)}"
        raise typer.BadParameter(message)
    return chosen


def ids_of(evidence: str | None) -> tuple[str, ...]:
    """Turn ``a,b`` into evidence ids."""
    return tuple(name.strip() for name in (evidence or "").split(",") if name.strip())


def sides_of(side: Sides) -> tuple[Side, ...]:
    """Give the sides in radiological order, the patient's right first."""
    from ifspace.model import SIDES_AS_SEEN, Side

    return SIDES_AS_SEEN if side is Sides.BOTH else (Side(side.value),)


def exit_code(result: StudyResult) -> Exit:
    """Done, partly done, or failed, by how many of the asked-for spaces have a number."""
    if not result.measurements:
        say("nothing was measured; the reasons are in the output")
        return Exit.FAILED
    if len(result.measurements) < len(result.spaces):
        return Exit.PARTLY_DONE
    return Exit.DONE


def show(
    result: StudyResult, written: Sequence[Path], *, as_json: bool = False, text: bool = False
) -> None:
    """Print a result: as JSON, as the findings paragraph, or as a table with its files."""
    from ifspace.report import findings_paragraph, result_to_json, spaces_table

    if as_json:
        print_json(result_to_json(result))
    elif text:
        print_line(findings_paragraph(result))
    else:
        columns, rows = spaces_table(result)
        print_table("", columns, rows)
        for path in written:
            print_line(str(path))
