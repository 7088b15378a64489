"""One study, assessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ifspace.model.outcome import Measurement, Outcome
from ifspace.model.published import Comparison, PublishedValue, Reference
from ifspace.model.scan import Flag, Series
from ifspace.model.session import Outline, Session
from ifspace.model.vocabulary import MarkState


@dataclass(frozen=True, eq=False)
class AssessedSpace:
    """One outcome with its comparisons to published values."""

    outcome: Outcome
    comparisons: tuple[Comparison, ...] = ()
    reference: Reference | None = None


@dataclass(frozen=True, eq=False)
class StudyResult:
    """One study, assessed: what every report shows.

    Holds nothing that names the patient. `panel` lists the published values that were in use;
    `settings` what the run was asked for, in plain JSON values; `outlines` what the program saw
    where it found a distance itself.
    """

    software_version: str
    series: Series
    session: Session
    spaces: tuple[AssessedSpace, ...]
    flags: tuple[Flag, ...] = ()
    panel: tuple[PublishedValue, ...] = ()
    panel_note: str = ""
    evidence_sha256: str = ""
    slice_step_mm: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    outlines: tuple[Outline, ...] = ()

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """The outcomes that have a number."""
        return tuple(
            space.outcome for space in self.spaces if isinstance(space.outcome, Measurement)
        )

    @property
    def is_final(self) -> bool:
        """Whether every mark behind a number is confirmed and its reader signed."""
        measured, signature = self.measurements, self.session.signature
        return (
            bool(measured)
            and all(item.state is MarkState.CONFIRMED for item in measured)
            and signature is not None
            and self.session.reader in (None, signature.reader)
        )


@dataclass(frozen=True, repr=False)
class PatientIdentity:
    """Who the patient is: for the PDF and DICOM objects only, and never printed by accident.

    `is_removed` says that the file calls itself de-identified.
    """

    name: str
    patient_id: str
    birth_date: str
    study_date: str
    accession_number: str
    is_removed: bool = False

    def __repr__(self) -> str:
        """Say nothing."""
        return "PatientIdentity(withheld)"
