"""Load the images of a job with their marks, from a session or from lines of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ifspace.batch.case import Job, Person
from ifspace.batch.sessions import is_report
from ifspace.dicom_out import NamedLength, read_report_marks, session_from_lengths
from ifspace.errors import SessionError
from ifspace.io.inventory import Inventory
from ifspace.io.session import read_session
from ifspace.model import Session
from ifspace.workflow import LoadedStudy, load_chosen

Marks = Session | tuple[NamedLength, ...]


def read_marks(job: Job) -> Marks:
    """Read the marks of a job: a session, or lines that are placed once the images are loaded.

    Raises
    ------
    SessionError
        If the session or the report cannot be used.
    """
    if job.session is None:
        return Session()
    path = Path(job.session)
    if not is_report(path):
        return read_session(path)
    try:
        return read_report_marks(path)
    except SessionError as error:
        # A file name may hold a patient's, and this sentence goes into a table.
        raise SessionError(str(error).replace(path.name, "the report")) from error


def load_marked(
    inventory: Inventory, marks: Marks, person: Person | None
) -> tuple[LoadedStudy, Session]:
    """Load the series that the marks were made on, or the best one, and place the marks on it.

    Raises
    ------
    SeriesChoiceError
        If no series can be measured.
    SessionError
        If a line was drawn on other images, or not within one slice.
    """
    if isinstance(marks, Session):
        study = load_chosen(inventory, hint=marks.series_instance_uid)
        return _with_person(study, person), marks
    study = load_chosen(inventory, hint=_series_of(inventory, marks))
    session = Session() if study.volume is None else session_from_lengths(marks, study.volume)
    return _with_person(study, person), session


def _series_of(inventory: Inventory, lengths: Sequence[NamedLength]) -> str | None:
    """Name the series that holds an image which one of the lines was drawn on."""
    drawn_on = {length.sop_instance_uid for length, _, _ in lengths if length.sop_instance_uid}
    for item in inventory.ranked:
        if drawn_on & {source.sop_instance_uid for source in item.series.sources}:
            return item.series.series_instance_uid
    return None


def _with_person(study: LoadedStudy, person: Person | None) -> LoadedStudy:
    """Add what is known of the person where the images do not say it."""
    if person is None:
        return study
    series = replace(
        study.series,
        patient_age_years=(
            person.age_years
            if study.series.patient_age_years is None
            else study.series.patient_age_years
        ),
        patient_sex=study.series.patient_sex or person.sex,
    )
    volume = None if study.volume is None else replace(study.volume, series=series)
    return replace(study, series=series, volume=volume)
