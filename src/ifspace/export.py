"""Write everything that was asked for into a folder: all of it or nothing.

The command line, the batch and the napari plugin export through here, so that a report is the
same whoever asked for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ifspace.atomic import output_errors, refuse_overwriting, whole_folder, write_file
from ifspace.dicom_out import UidMap, deidentified, why_not_filed, write_objects
from ifspace.errors import OutputError
from ifspace.fhir import observation_bundle
from ifspace.model import Side, StudyResult
from ifspace.report import Pages, findings_paragraph, write_reports
from ifspace.report.side_by_side import naming_each_other, readings_csv
from ifspace.report.view import grey_window
from ifspace.tables import json_bytes
from ifspace.workflow import LoadedStudy

# The files of each format, in the order in which they are listed.
FILES_OF_FORMAT: dict[str, tuple[str, ...]] = {
    "json": ("result.json",),
    "session": ("session.json",),
    "csv": ("measurements.csv",),
    "pdf": ("report.pdf",),
    "png": ("key_right.png", "key_left.png"),
    "sr": ("sr.dcm",),
    "dicom-pdf": ("report.dcm",),
    "dicom-sc": ("key_right.dcm", "key_left.dcm"),
    "dicom-pr": ("presentation.dcm",),
    "slicer": ("slicer.mrk.json",),
    "fhir": ("fhir.json",),
    "manifest": ("manifest.json",),
}
COMPARISON_NAME = "comparison.csv"
ALL_FORMATS = tuple(FILES_OF_FORMAT)
# Without what only some systems take: they ask for it.
DEFAULT_FORMATS = tuple(name for name in ALL_FORMATS if name not in ("dicom-pr", "fhir"))
# What is worth writing where nothing was measured but something proposed.
PROPOSAL_FORMATS = ("json", "session", "manifest")

_REPORTS = frozenset({"json", "session", "csv", "pdf", "png", "slicer"})
_OBJECTS = frozenset({"sr", "dicom-pdf", "dicom-sc", "dicom-pr"})
# What a DICOM object wraps has to be made first, asked for or not.
_WRAPPED = {"dicom-pdf": "pdf", "dicom-sc": "png"}


def export(
    study: LoadedStudy,
    result: StudyResult,
    out: Path,
    *,
    formats: Collection[str] = DEFAULT_FORMATS,
    deidentify: bool = False,
    overwrite: bool = False,
    predecessor: Path | None = None,
    uid_map: UidMap | None = None,
    pages: Pages = "full",
) -> tuple[Path, ...]:
    """Write the result of a study in the asked-for formats.

    Parameters
    ----------
    study, result
        What was loaded and what was found.
    out
        The folder; made if need be.
    formats
        Any of `ALL_FORMATS`. DICOM objects are left out for images that are not DICOM, and where
        nothing has a place in the patient.
    deidentify
        Leave the patient out of the PDF and the DICOM objects, and replace every UID.
    overwrite
        Replace an older result; files of the asked-for formats that the new one lacks are removed.
    predecessor
        An earlier structured report that the new one amends.
    uid_map
        The replacement of UIDs where `deidentify` is asked for, to share it with what is printed;
        drawn anew where absent.
    pages
        ``clinical`` for page one of the PDF alone, ``full`` for the technical annex as well.

    Returns
    -------
    tuple of Path
        The files, in the order of `FILES_OF_FORMAT`.

    Raises
    ------
    OutputError
        If an older result is in the way or the folder cannot be written; nothing is left behind.
    ValueError
        If a format is unknown.
    """
    unknown = set(formats) - set(ALL_FORMATS)
    if unknown:
        message = f"unknown formats: {', '.join(sorted(unknown))}"
        raise ValueError(message)
    wanted = [name for key in ALL_FORMATS if key in formats for name in FILES_OF_FORMAT[key]]
    replacement = (uid_map or UidMap()) if deidentify else None
    with (
        output_errors("the output folder"),
        whole_folder(out, wanted, overwrite=overwrite) as stage,
    ):
        _write_all(study, result, stage, frozenset(formats), replacement, predecessor, pages)
        made = [name for name in wanted if (stage / name).is_file()]
    return tuple(out / name for name in made)


def export_readings(
    study: LoadedStudy,
    results: Sequence[StudyResult],
    out: Path,
    *,
    deidentify: bool = False,
    overwrite: bool = False,
    **asked: Any,
) -> tuple[list[StudyResult], tuple[Path, ...]]:
    """Write the readings of one study: one into `out`, several into a folder each.

    Of several readings each report names what the others measured, and ``comparison.csv`` lays
    them side by side. `asked` is handed to :func:`export`.

    Returns
    -------
    The results as they were written, and the files.
    """
    if len(results) == 1:
        files = export(study, results[0], out, deidentify=deidentify, overwrite=overwrite, **asked)
        return list(results), files
    told = naming_each_other(results, named=not deidentify)
    if not overwrite:
        refuse_overwriting(out, [COMPARISON_NAME])
    written: list[Path] = []
    for number, result in enumerate(told, start=1):
        folder = out / f"reading_{number}"
        written += export(
            study, result, folder, deidentify=deidentify, overwrite=overwrite, **asked
        )
    table = readings_csv(told, named=not deidentify)
    with output_errors("the comparison"):
        write_file(out / COMPARISON_NAME, table.encode())
    return told, (*written, out / COMPARISON_NAME)


def formats_for(formats: Collection[str], *, marked: bool) -> tuple[str, ...]:
    """Give the formats that are written; where nothing is marked, only those of a proposal."""
    return tuple(name for name in formats if marked or name in PROPOSAL_FORMATS)


def objects_left_out(study: LoadedStudy, formats: Collection[str]) -> str:
    """Say why asked-for DICOM objects cannot be made of DICOM images; empty where they can."""
    if not _OBJECTS & set(formats) or not study.headers or study.volume is None:
        return ""
    return why_not_filed(study.headers)


def refuse_inside(out: Path, source: Path) -> None:
    """Refuse to write into the input: it is never changed.

    Raises
    ------
    OutputError
        If `out` is the folder of the images or lies below it, or holds the file that is read.
    """
    inside = source.is_dir() and out.resolve().is_relative_to(source.resolve())
    beside = source.is_file() and out.resolve() == source.resolve().parent
    if inside or beside:
        message = (
            "the output folder lies inside the input, which is never written to; choose a folder"
            " outside it"
        )
        raise OutputError(message)


def _windows(study: LoadedStudy, result: StudyResult) -> dict[int, tuple[float, float]]:
    """Give the grey window of each measured slice, as the key images have it."""
    if study.volume is None:
        return {}
    return {
        item.slice_index: grey_window(study.volume.voxels[item.slice_index])
        for item in result.measurements
    }


def _write_all(
    study: LoadedStudy,
    result: StudyResult,
    stage: Path,
    formats: frozenset[str],
    uid_map: UidMap | None,
    predecessor: Path | None,
    pages: Pages,
) -> None:
    shown = result if uid_map is None else deidentified(result, uid_map)
    identity = study.identity if uid_map is None else None
    fileable = study.headers and study.volume is not None and not objects_left_out(study, formats)
    objects = formats & _OBJECTS if fileable else frozenset()
    reports = (formats & _REPORTS) | {_WRAPPED[name] for name in objects if name in _WRAPPED}
    listed = [
        *write_reports(
            shown,
            study.volume,
            stage,
            formats=reports,
            identity=identity,
            pages=pages,
            deidentified=uid_map is not None,
        ),
    ]
    if "fhir" in formats:
        (name,) = FILES_OF_FORMAT["fhir"]
        write_file(stage / name, json_bytes(observation_bundle(shown)))
        listed.append(stage / name)
    if objects:
        listed += write_objects(
            result,
            study.headers,
            stage,
            formats=objects,
            report_pdf=stage / "report.pdf",
            key_images={
                side: stage / f"key_{side}.png"
                for side in Side
                if (stage / f"key_{side}.png").is_file()
            },
            windows=_windows(study, result),
            deidentify=uid_map is not None,
            uid_map=uid_map,
            predecessor=predecessor,
            report_text=findings_paragraph(shown),
        )
    if "manifest" in formats:
        wanted = {name for key in formats for name in FILES_OF_FORMAT[key]}
        listed = [path for path in listed if path.name in wanted]
        write_reports(shown, None, stage, formats={"manifest"}, identity=None, listed=listed)
