"""From images and marks to an assessed result: the one path that everybody takes.

The command line, the batch and the napari plugin call the same functions, so they cannot give
different millimetres.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ifspace import quality, signing, zero_click
from ifspace.automatic import (
    Finder,
    muscle_disagreements,
    only_proposed,
    outcome_of,
    proposed_session,
    unread_slices,
    why_not_measured,
    with_proposals,
)
from ifspace.binding import check_belongs, refuse_unbound
from ifspace.caveats import caveats, narrow_spaces
from ifspace.errors import GeometryError
from ifspace.evidence import (
    Panel,
    assess_space,
    choose_panel,
    evidence_sha256,
    published_rows,
    read_local_rows,
)
from ifspace.io import (
    Header,
    Inventory,
    load_volume,
    open_study,
    read_headers,
    read_identity,
)
from ifspace.labels import LabelMap
from ifspace.landmarks import FoundSide, propose
from ifspace.measurement import ReaderPrecision, level_range_indices, measure_space
from ifspace.model import (
    SIDES_AS_SEEN,
    AssessedSpace,
    Flag,
    FlagCode,
    Kind,
    NotMeasured,
    Outcome,
    PatientIdentity,
    Reason,
    Series,
    Session,
    Severity,
    Side,
    SignedWith,
    StudyResult,
    Volume,
)
from ifspace.signing import DEFAULT_ROLE
from ifspace.version import __version__


@dataclass(frozen=True)
class Settings:
    """What a run was asked for.

    `evidence_ids` replaces the default panel; `evidence_file` adds local rows; `reader_precision`
    is the department's own, see :func:`ifspace.measurement.read_reader_precision`; `unbound` takes
    marks that neither a fingerprint nor a UID binds to the images.
    """

    sides: tuple[Side, ...] = SIDES_AS_SEEN
    evidence_ids: tuple[str, ...] = ()
    evidence_file: Path | None = None
    reader_precision: ReaderPrecision | None = None
    unbound: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give the settings as plain values, without paths, which may name a patient."""
        return {
            "sides": [side.value for side in self.sides],
            "evidence_ids": list(self.evidence_ids),
            "local_evidence": self.evidence_file is not None,
            **self._precision(),
            **self.extra,
        }

    def _precision(self) -> dict[str, Any]:
        own = self.reader_precision
        if own is None:
            return {}
        sem_mm = {kind.value: value_mm for kind, value_mm in own.sem_mm.items()}
        return {"reader_sem_mm": sem_mm, "reader_precision_source": own.source}


@dataclass(frozen=True, eq=False)
class LoadedStudy:
    """The series that is measured, with what the PDF and the DICOM objects need besides.

    `headers` (one per slice, without pixels) are empty and `identity` is absent for images that
    are not DICOM. `volume` is absent, and `untrusted` says why, where the series has no place in
    the patient that a millimetre could be taken from.
    """

    series: Series
    volume: Volume | None
    headers: tuple[Header, ...] = field(repr=False, default=())
    identity: PatientIdentity | None = None
    untrusted: str = ""


@contextmanager
def load_study(
    path: Path, series_uid: str | None = None, hint: str | None = None
) -> Iterator[LoadedStudy]:
    """Load the best series under a path, or the named one.

    What a ZIP archive holds lies in a temporary folder that lives as long as the context.

    Parameters
    ----------
    path
        A file, folder, ZIP or DICOMDIR.
    series_uid
        The series that the user names.
    hint
        The series that a session was made on; taken if it is there and the user named none.

    Raises
    ------
    UnreadableInputError
        If nothing can be read.
    SeriesChoiceError
        If no series, or not the named one, can be measured.
    """
    with open_study(path) as inventory:
        yield load_chosen(inventory, series_uid, hint)


def load_chosen(
    inventory: Inventory, series_uid: str | None = None, hint: str | None = None
) -> LoadedStudy:
    """Load the best series of an inventory, or the named one; see :func:`load_study`."""
    known = {item.series.series_instance_uid for item in inventory.ranked}
    series = inventory.choose(series_uid or (hint if hint in known else None))
    headers, identity = read_headers(series), read_identity(series)
    try:
        volume = load_volume(series)
    except GeometryError as error:
        return LoadedStudy(series, None, headers, identity, str(error))
    return LoadedStudy(series, volume, headers, identity)


def assess_study(
    study: LoadedStudy,
    session: Session,
    settings: Settings,
    labels: LabelMap | None = None,
) -> StudyResult:
    """Assess a loaded study; without trusted geometry every space is refused with the reason.

    Raises
    ------
    SessionError, EvidenceError
        As :func:`assess` does.
    """
    if study.volume is not None:
        return assess(study.volume, session, settings, labels)
    check_belongs(session, study.series)
    panel = _panel(study.series, session, settings)
    spaces = tuple(
        AssessedSpace(NotMeasured(kind, side, Reason.GEOMETRY_UNTRUSTED, study.untrusted))
        for side in settings.sides
        for kind in Kind
    )
    flag = Flag(FlagCode.GEOMETRY_UNTRUSTED, Severity.REFUSAL, study.untrusted)
    return _result(study.series, session, settings, panel, spaces=spaces, flags=(flag,))


def assess(
    volume: Volume,
    session: Session,
    settings: Settings | None = None,
    labels: LabelMap | None = None,
    *,
    image_flags: tuple[Flag, ...] | None = None,
    found: Mapping[Side, FoundSide] | None = None,
) -> StudyResult:
    """Measure both spaces on the asked sides and lay the evidence beside them.

    On each side a person's marks come first; where there are none, the program finds the borders
    from the seeds of the session, and without seeds from the label map. What it finds is a
    proposal and is added to the session as such.

    A window that assesses the same images with every move of the mouse hands in, as `image_flags`,
    what :func:`ifspace.quality.check` said of them before, and as `found` what the library found
    before from the same seeds and level range. Where a reader corrected that, the session holds the
    marks that came of it and no seeds; the outlines and their caveats are kept all the same.

    Raises
    ------
    SessionError
        If the session belongs to another series.
    EvidenceError
        If a published value was asked for that cannot be used for this patient.
    """
    settings = settings or Settings()
    check_belongs(session, volume.series, volume.fingerprint)
    panel = _panel(volume.series, session, settings)
    if image_flags is None:
        image_flags = quality.check(volume)
    finder = Finder(volume, session, labels, found or {})
    outcomes = [
        _outcome(finder, kind, side, image_flags, settings.reader_precision)
        for side in settings.sides
        for kind in Kind
    ]
    sides = (*finder.found, *finder.corrected(outcomes))
    session = with_proposals(session, outcomes)
    spaces = tuple(assess_space(outcome, panel) for outcome in outcomes)
    return replace(
        _result(
            volume.series,
            _with_image(session, volume),
            settings,
            panel,
            spaces=spaces,
            flags=(
                *image_flags,
                *_range_flags(volume, session),
                *unread_slices(sides),
                *muscle_disagreements(sides),
                *caveats(volume, session, outcomes),
                *narrow_spaces(volume.series, spaces),
            ),
        ),
        slice_step_mm=volume.slice_step_mm,
        outlines=tuple(outline for side in sides for outline in side.outlines),
    )


def is_marked(session: Session, labels: LabelMap | None) -> bool:
    """Tell whether there is anything to measure: a mark, a seed or a label map."""
    return labels is not None or bool(session.marks or session.seeds)


def measure_or_propose(
    study: LoadedStudy,
    session: Session,
    settings: Settings,
    labels: LabelMap | None = None,
) -> StudyResult:
    """Assess a study; where nothing is marked, give what can be proposed for a reader.

    Raises
    ------
    SessionError
        As :func:`assess` does, and if nothing binds the marks to the images.
    EvidenceError
        As :func:`assess` does.
    """
    if not settings.unbound:
        refuse_unbound(session, study.series)
    if is_marked(session, labels):
        return assess_study(study, session, settings, labels)
    return propose_study(study, settings, session)


def propose_study(
    study: LoadedStudy, settings: Settings, session: Session | None = None
) -> StudyResult:
    """Propose what can be found without any click; the session of the result holds the proposals.

    With the extra `auto` both spaces are measured between outlines that the program found. Without
    it, or where it finds no hip, the level, the femur and one mark a side are proposed, and every
    space is a `NotMeasured` that says what is missing. What `session` says of reader, position and
    findings is kept.
    """
    session = session or Session()
    if study.volume is None:
        return assess_study(study, session, settings)
    check_belongs(session, study.series, study.volume.fingerprint)
    found = zero_click.find_sides(study.volume) if zero_click.available() else {}
    if any(item.slices for item in found.values()):
        return _found_without_clicks(study.volume, session, settings, found)
    proposal = propose(study.volume)
    session = replace(
        proposed_session(study.volume, proposal),
        image=study.volume.fingerprint,
        reader=session.reader,
        acquisition=session.acquisition,
        findings=session.findings,
    )
    panel = _panel(study.series, session, settings)
    spaces = tuple(
        AssessedSpace(why_not_measured(proposal, kind, side))
        for side in settings.sides
        for kind in Kind
    )
    flags = (*quality.check(study.volume), *caveats(study.volume, session, ()))
    return _result(study.series, session, settings, panel, spaces=spaces, flags=flags)


def _found_without_clicks(
    volume: Volume, session: Session, settings: Settings, found: Mapping[Side, FoundSide]
) -> StudyResult:
    """Assess what the program found by itself, on the slices where it sees the trochanters."""
    series = volume.series
    looked_at = {side: item.slices for side, item in found.items() if item.slices}
    session = replace(
        session,
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        frame_of_reference_uid=series.frame_of_reference_uid,
        image=volume.fingerprint,
        level_range={
            side: (volume.slice_name(first), volume.slice_name(last))
            for side, (first, last) in looked_at.items()
        }
        | dict(session.level_range),
    )
    return assess(volume, session, settings, found=found)


def _result(
    series: Series,
    session: Session,
    settings: Settings,
    panel: Panel,
    *,
    spaces: tuple[AssessedSpace, ...],
    flags: tuple[Flag, ...],
) -> StudyResult:
    if session.signature is not None:
        session, problem = signing.verified(session, _signed_with(panel))
        if problem:
            flags = (Flag(FlagCode.SIGNATURE_LEFT_OUT, Severity.CAUTION, problem), *flags)
        elif earlier := signing.earlier_signatures(session):
            who = f" of {earlier[-1].reader} of {earlier[-1].at}"
            words = signing.REPLACES.format(who=who)
            flags = (Flag(FlagCode.REPORT_AMENDED, Severity.CAUTION, words), *flags)
    return StudyResult(
        software_version=__version__,
        series=series,
        session=session,
        spaces=spaces,
        flags=flags,
        panel=panel.values,
        panel_note=panel.note,
        evidence_sha256=evidence_sha256(settings.evidence_file),
        settings=settings.as_json(),
    )


def sign(
    session: Session,
    images: LoadedStudy | Volume,
    reader: str,
    signed_at: str,
    *,
    role: str = DEFAULT_ROLE,
    settings: Settings | None = None,
) -> Session:
    """Sign a session on its images: the reader looked at every mark, and each is confirmed.

    Raises
    ------
    SessionError
        If there is nothing to sign, a mark is not confirmed, or the session is of other images.
    """
    volume = images.volume if isinstance(images, LoadedStudy) else images
    check_belongs(session, images.series, volume.fingerprint if volume else None)
    session = _with_image(session, volume)
    panel = _panel(images.series, session, settings or Settings())
    return signing.sign(session, _signed_with(panel), reader, signed_at, role=role)


def _with_image(session: Session, volume: Volume | None) -> Session:
    if session.image is not None or volume is None:
        return session
    return replace(session, image=volume.fingerprint)


def _signed_with(panel: Panel) -> SignedWith:
    return SignedWith(__version__, signing.evidence_digest(panel.values))


def _panel(series: Series, session: Session, settings: Settings) -> Panel:
    local = read_local_rows(settings.evidence_file) if settings.evidence_file else ()
    return choose_panel(
        (*published_rows(), *local),
        age_years=series.patient_age_years,
        hip_rotation=session.acquisition.get("hip_rotation"),
        sex=series.patient_sex,
        ids=settings.evidence_ids,
    )


def _level_range(volume: Volume, session: Session, side: Side) -> tuple[int, int] | None:
    """Give the range of the session; none where its slices are not there, see `_range_flags`."""
    try:
        return level_range_indices(volume, session, side)
    except ValueError:
        return None


def _range_flags(volume: Volume, session: Session) -> Iterator[Flag]:
    """Say where the level range of the session names a slice that could not be loaded."""
    for side in session.level_range:
        if _level_range(volume, session, side) is None:
            yield Flag(
                FlagCode.LEVEL_RANGE_NOT_FOUND,
                Severity.CAUTION,
                f"A slice at the end of the level range of the {side} side is not among the images"
                " that could be read, so the range was not used.",
            )


def _outcome(
    finder: Finder,
    kind: Kind,
    side: Side,
    flags: Sequence[Flag],
    precision: ReaderPrecision | None,
) -> Outcome:
    volume, session = finder.volume, finder.session
    theirs, ours = session.frame_of_reference_uid, volume.series.frame_of_reference_uid
    if theirs is not None and ours is not None and theirs != ours:
        detail = "the marks were made in another frame of reference than these images"
        return NotMeasured(kind, side, Reason.OTHER_FRAME_OF_REFERENCE, detail)
    level_range = _level_range(volume, session, side)
    if finder.can_find(kind, side) and only_proposed(session, kind, side):
        found = finder.find(side, level_range)
        return outcome_of(volume, found, kind, flags=flags, level_range=level_range)
    return measure_space(
        volume, session, kind, side, flags=flags, level_range=level_range, precision=precision
    )
