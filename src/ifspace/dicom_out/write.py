"""Write the DICOM objects of a result: the one door out of this room."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset

from ifspace.atomic import output_errors, whole_file, whole_folder
from ifspace.dicom_out.capture import key_image
from ifspace.dicom_out.content import read_report
from ifspace.dicom_out.deidentify import (
    DUMMY_MOMENT,
    UidMap,
    anonymous_filing,
    deidentified,
    without_identity,
)
from ifspace.dicom_out.encapsulated import encapsulated_pdf
from ifspace.dicom_out.header import creation_moment, patient_and_study
from ifspace.dicom_out.presentation import presentation_state
from ifspace.dicom_out.sr import structured_report
from ifspace.errors import OutputError
from ifspace.model import Measurement, Side, StudyResult
from ifspace.safe_paths import is_uid

SR_FORMAT, PDF_FORMAT, CAPTURE_FORMAT = "sr", "dicom-pdf", "dicom-sc"
STATE_FORMAT = "dicom-pr"
FORMATS = (SR_FORMAT, PDF_FORMAT, CAPTURE_FORMAT, STATE_FORMAT)


def write_objects(
    result: StudyResult,
    headers: Sequence[Dataset],
    out: Path,
    *,
    formats: Collection[str] = FORMATS,
    report_pdf: Path | None = None,
    key_images: Mapping[Side, Path] | None = None,
    windows: Mapping[int, tuple[float, float]] | None = None,
    deidentify: bool = False,
    uid_map: UidMap | None = None,
    predecessor: Path | None = None,
    report_text: str = "",
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write ``sr.dcm``, ``report.dcm``, ``key_*.dcm`` and ``presentation.dcm`` into the study.

    Parameters
    ----------
    result
        What was assessed, with the UIDs of the images, also where `deidentify` is asked for.
    headers
        Of every image of ``result.series``, without pixels.
    out
        The folder; made where it does not exist.
    formats
        Which of `FORMATS`; other names are not ours and are ignored.
    report_pdf, key_images
        What was written for people; without them there is no object of them.
    windows
        Which signals are black and white, by slice, for the presentation state.
    deidentify
        Take identity, dates and UIDs out (PS3.15 basic profile). `report_pdf` and `key_images`
        must then be without identity themselves.
    uid_map
        The replacement of UIDs, to share it with other files; drawn anew where absent.
    predecessor
        An earlier report, ours or not, that this one amends.
    report_text
        The report as text, for the structured report; without identity where `deidentify` is asked
        for.
    overwrite
        Replace files that exist.

    Returns
    -------
    tuple of Path
        The files written, in the order above.

    Raises
    ------
    OutputError
        If there are no DICOM images to file the objects under, if a file exists, or if it cannot
        be written.
    SessionError
        If `predecessor` is no structured report.
    """
    if not headers:
        message = "the images are not DICOM, so there is no study to file DICOM objects under"
        raise OutputError(message)
    headers = _per_slice(result, headers)
    earlier = read_report(predecessor) if predecessor is not None else None
    if deidentify:
        uid_map = uid_map or UidMap()
        result = deidentified(result, uid_map)
        filed = anonymous_filing(headers[0], uid_map)
        earlier = without_identity(earlier, uid_map) if earlier is not None else None
        headers = _each_once(headers, uid_map)
        moment = DUMMY_MOMENT
    else:
        filed, moment = patient_and_study(headers[0]), creation_moment()
    made: dict[str, FileDataset] = {}
    if SR_FORMAT in formats:
        made["sr.dcm"] = structured_report(
            result, headers, filed, moment, predecessor=earlier, report_text=report_text
        )
    if PDF_FORMAT in formats and report_pdf is not None:
        images = list({str(header.SOPInstanceUID): header for header in headers}.values())
        made["report.dcm"] = encapsulated_pdf(report_pdf, images, filed, moment)
    if CAPTURE_FORMAT in formats:
        made.update(_captures(result, headers, filed, key_images or {}, moment))
    if STATE_FORMAT in formats and result.measurements:
        made["presentation.dcm"] = presentation_state(result, headers, filed, moment, windows or {})
    return _save(made, out, overwrite=overwrite)


def _per_slice(result: StudyResult, headers: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """Give every slice its header; the slices of one enhanced image share theirs."""
    by_uid = {str(header.SOPInstanceUID): header for header in headers}
    try:
        return tuple(by_uid[source.sop_instance_uid or ""] for source in result.series.sources)
    except KeyError as error:
        message = "the headers are not those of the series of the result"
        raise ValueError(message) from error


def _each_once(headers: Sequence[Dataset], uid_map: UidMap) -> tuple[Dataset, ...]:
    """Reduce every header once, so that the slices of one object go on sharing one."""
    reduced: dict[str, Dataset] = {}
    for header in headers:
        uid = str(header.SOPInstanceUID)
        if uid not in reduced:
            reduced[uid] = without_identity(header, uid_map)
    return tuple(reduced[str(header.SOPInstanceUID)] for header in headers)


def _captures(
    result: StudyResult,
    headers: Sequence[Dataset],
    filed: Dataset,
    key_images: Mapping[Side, Path],
    moment: datetime.datetime,
) -> dict[str, FileDataset]:
    made: dict[str, FileDataset] = {}
    for side, picture in key_images.items():
        slice_index, frame_number = _shown(result, side)
        made[f"key_{side.value}.dcm"] = key_image(
            picture,
            side,
            headers[slice_index],
            filed,
            moment=moment,
            frame_number=frame_number,
        )
    return made


def _shown(result: StudyResult, side: Side) -> tuple[int, int | None]:
    """Tell which slice a key image shows: that of the first space measured on the side."""
    for measured in result.measurements:
        if isinstance(measured, Measurement) and measured.side is side:
            return measured.slice_index, measured.frame_number
    middle = len(result.series.sources) // 2
    return middle, result.series.sources[middle].frame_number


def refuse_invalid_uids(item: FileDataset) -> None:
    """Refuse to write an object that holds a UID that is none, whoever it was taken from.

    Raises
    ------
    OutputError
        If there is one; names its attribute.
    """
    for element in chain(item.file_meta, item.iterall()):
        if element.VR != "UI" or element.is_empty:
            continue
        for uid in [element.value] if element.VM == 1 else element.value:
            if not is_uid(str(uid)):
                message = f"{element.keyword} would be no valid UID; the object is not written"
                raise OutputError(message)


def _save(made: Mapping[str, FileDataset], out: Path, *, overwrite: bool) -> tuple[Path, ...]:
    for item in made.values():
        refuse_invalid_uids(item)
    with output_errors("DICOM objects"), whole_folder(out, made, overwrite=overwrite) as stage:
        for name, item in made.items():
            with whole_file(stage / name) as file:
                item.save_as(file, enforce_file_format=True)
    return tuple(out / name for name in made)
