"""From a study result to the files a clinician, a researcher and a program read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ifspace.atomic import refuse_overwriting, write_folder
from ifspace.io.session import session_to_json
from ifspace.model import PatientIdentity, Side, StudyResult, Volume
from ifspace.report.console import spaces_table
from ifspace.report.files import MANIFEST_NAME, RESULT_NAME, picture_name
from ifspace.report.manifest import manifest, pictures_beside
from ifspace.report.pdf import Pages, report_pdf
from ifspace.report.picture import key_pictures
from ifspace.report.result import read_result, result_from_json, result_to_json, validate_result
from ifspace.report.result_file import result_schema
from ifspace.report.slicer import slicer_markups
from ifspace.report.table import measurements_csv
from ifspace.report.text import findings_paragraph
from ifspace.tables import json_bytes

__all__ = [
    "FORMATS",
    "Pages",
    "findings_paragraph",
    "key_pictures",
    "pictures_beside",
    "read_result",
    "report_pdf",
    "result_from_json",
    "result_schema",
    "result_to_json",
    "spaces_table",
    "validate_result",
    "write_reports",
]

FORMATS = ("json", "session", "csv", "pdf", "png", "slicer", "manifest")

_NAMES = {
    "json": RESULT_NAME,
    "session": "session.json",
    "csv": "measurements.csv",
    "pdf": "report.pdf",
    "slicer": "slicer.mrk.json",
    "manifest": MANIFEST_NAME,
}


def write_reports(
    result: StudyResult,
    volume: Volume | None,
    out: Path,
    *,
    formats: Collection[str],
    identity: PatientIdentity | None,
    pictures: Mapping[Side, bytes] | None = None,
    listed: Collection[Path] = (),
    pages: Pages = "full",
    deidentified: bool = False,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write the asked-for reports into a folder: all of them or none.

    Parameters
    ----------
    result
        What was measured.
    volume
        The images, for the key images; without them `pictures` are used, and without those the
        PDF says that there are none.
    out
        The folder; made if it is not there.
    formats
        Any of `FORMATS`; others are not ours and are passed over.
    identity
        Who the patient is, for the PDF only.
    pictures
        Key images made earlier, see :func:`pictures_beside`.
    listed
        Files written by others into the same folder, for the manifest.
    pages, deidentified
        What the PDF holds, see :func:`report_pdf`.
    overwrite
        Whether older reports in the folder may be replaced.

    Returns
    -------
    The files, in the order of `FORMATS`.

    Raises
    ------
    OutputError
        If a file is already there, cannot be written, or needs a font that is not installed.
    """
    if volume is not None and not {"png", "pdf"}.isdisjoint(formats):
        pictures = key_pictures(result, volume)
    pictures = pictures or {}
    names = [_NAMES[name] for name in FORMATS if name in formats and name in _NAMES]
    if "png" in formats:
        names += [picture_name(side) for side in pictures]
    if not overwrite:
        refuse_overwriting(out, names)
    contents = _contents(result, pictures, formats)
    if "pdf" in formats:
        contents[_NAMES["pdf"]] = report_pdf(
            result, pictures, identity, pages=pages, deidentified=deidentified
        )
    if "manifest" in formats:
        outputs: dict[str, bytes | Path] = {**contents, **{path.name: path for path in listed}}
        contents[MANIFEST_NAME] = json_bytes(manifest(result, outputs))
    return write_folder(out, contents, overwrite=overwrite)


def _contents(
    result: StudyResult,
    pictures: Mapping[Side, bytes],
    formats: Collection[str],
) -> dict[str, bytes]:
    """Make every file but PDF and manifest in memory, so that a failure leaves nothing behind."""
    contents: dict[str, bytes] = {}
    if "json" in formats:
        contents[_NAMES["json"]] = json_bytes(result_to_json(result))
    if "session" in formats:
        contents[_NAMES["session"]] = json_bytes(session_to_json(result.session))
    if "csv" in formats:
        contents[_NAMES["csv"]] = _bytes(measurements_csv(result))
    if "png" in formats:
        contents.update({picture_name(side): png for side, png in pictures.items()})
    if "slicer" in formats:
        contents[_NAMES["slicer"]] = json_bytes(slicer_markups(result))
    return contents


def _bytes(text: str) -> bytes:
    """Encode; half a character out of a damaged header becomes a question mark."""
    return text.encode("utf-8", errors="replace")
