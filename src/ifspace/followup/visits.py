"""Results of one person, in the order of the examinations."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from ifspace.errors import UnreadableInputError
from ifspace.io import identity_of, read_dataset
from ifspace.model import (
    DAYS_PER_YEAR,
    Kind,
    Measurement,
    Outcome,
    PatientIdentity,
    Side,
    StudyResult,
)
from ifspace.report import read_result

# DICOM ages are whole years, so two of them may be a year off either way.
AGE_SLACK_YEARS = 1.5


@dataclass(frozen=True, eq=False)
class Visit:
    """One examination: its result, its place in the order from 1, and its date where known."""

    result: StudyResult
    number: int
    day: date | None
    sha256: str
    identity: PatientIdentity | None = None

    @property
    def label(self) -> str:
        """Name it: the date, or the number."""
        return self.day.isoformat() if self.day else f"examination {self.number}"

    def outcome(self, kind: Kind, side: Side) -> Outcome | None:
        """Give the outcome of a space; nothing where it was not asked for."""
        for space in self.result.spaces:
            if space.outcome.kind is kind and space.outcome.side is side:
                return space.outcome
        return None

    def measured(self, kind: Kind, side: Side) -> Measurement | None:
        """Give the measurement of a space, where there is one."""
        outcome = self.outcome(kind, side)
        return outcome if isinstance(outcome, Measurement) else None


def read_visits(paths: Sequence[Path], days: Sequence[date] = ()) -> tuple[Visit, ...]:
    """Read results of one person; with dates they are put into that order.

    Parameters
    ----------
    paths
        Two or more result.json, earliest first where there are no dates.
    days
        The day of every examination, or nothing. A result itself holds no date; the DICOM objects
        that were written beside it do, and name the patient.

    Raises
    ------
    UnreadableInputError
        If a result cannot be read, or they cannot be of one person at different times.
    """
    if len(paths) < 2:
        message = f"{len(paths)} result given; a follow-up needs two or more of the same person"
        raise UnreadableInputError(message)
    if days and len(days) != len(paths):
        message = f"{len(days)} dates for {len(paths)} results; give one date for each"
        raise UnreadableInputError(message)
    found = [(read_result(path), path) for path in paths]
    identities = [identity_beside(path, result) for result, path in found]
    _refuse_two_patients(identities)
    known = days or _days_of(identities)
    dated = [
        (known[index] if known else None, result, _sha256(path), identities[index])
        for index, (result, path) in enumerate(found)
    ]
    if known:
        dated.sort(key=lambda one: one[0] or date.min)
    visits = tuple(
        Visit(result, number, day, digest, identity)
        for number, (day, result, digest, identity) in enumerate(dated, start=1)
    )
    _refuse_one_study_twice(visits)
    _refuse_two_persons(visits)
    return visits


def identity_beside(path: Path, result: StudyResult) -> PatientIdentity | None:
    """Read who the patient is from a DICOM object of the same study beside a result."""
    study_uid = result.series.study_instance_uid
    for beside in sorted(path.parent.glob("*.dcm")) if study_uid else ():
        try:
            header = read_dataset(beside, pixels=False)
        except UnreadableInputError:
            continue
        if str(header.get("StudyInstanceUID", "")) == study_uid:
            return identity_of(header)
    return None


def _days_of(identities: Sequence[PatientIdentity | None]) -> tuple[date, ...]:
    """Take the days from the DICOM objects, where every examination has one."""
    days = [_dicom_day(one.study_date) if one is not None else None for one in identities]
    return tuple(day for day in days if day is not None) if None not in days else ()


def _dicom_day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None


def _refuse_two_patients(identities: Sequence[PatientIdentity | None]) -> None:
    ids = {one.patient_id for one in identities if one is not None and one.patient_id}
    if len(ids) > 1:
        message = "the results are of different patients; give results of one person"
        raise UnreadableInputError(message)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _refuse_one_study_twice(visits: Sequence[Visit]) -> None:
    seen: dict[str, int] = {}
    for visit in visits:
        name = visit.result.series.study_instance_uid or visit.sha256
        first = seen.setdefault(name, visit.number)
        if first != visit.number:
            message = (
                f"results {first} and {visit.number} are of the same study; a follow-up compares"
                " examinations of different days, agree compares readings of one"
            )
            raise UnreadableInputError(message)


def _refuse_two_persons(visits: Sequence[Visit]) -> None:
    """Refuse what the results themselves contradict; that they are of one person they cannot say.

    A result holds no name; only sex and age can contradict.
    """
    sexes = {visit.result.series.patient_sex for visit in visits} - {None, "O"}
    if len(sexes) > 1:
        message = "the results are of patients of different sex; give results of one person"
        raise UnreadableInputError(message)
    for one, two in itertools.pairwise(visits):
        ages = (one.result.series.patient_age_years, two.result.series.patient_age_years)
        if ages[0] is None or ages[1] is None:
            continue
        aged = ages[1] - ages[0]
        if one.day and two.day:
            fits = abs(aged - (two.day - one.day).days / DAYS_PER_YEAR) <= AGE_SLACK_YEARS
        else:
            fits = aged >= 0.0
        if not fits:
            message = (
                f"the patient is {ages[0]:.0f} years old in {one.label} and {ages[1]:.0f} in"
                f" {two.label}; give results of one person, earliest first, or their dates"
            )
            raise UnreadableInputError(message)
