"""Find, load and measure one study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ifspace import workflow
from ifspace.api.files import read_session
from ifspace.errors import GeometryError
from ifspace.io import inventory_to_json, open_study
from ifspace.labels import LabelMap
from ifspace.measurement import read_reader_precision
from ifspace.model import SIDES_AS_SEEN, Session, Side, StudyResult, Volume
from ifspace.workflow import LoadedStudy, Settings


def list_series(path: Path | str) -> dict[str, list[dict[str, Any]]]:
    """List every series under a path, best first, and every file that is not used.

    Parameters
    ----------
    path
        A folder, a file, a ZIP archive or a DICOMDIR. It is read only.

    Returns
    -------
    dict
        ``series`` and ``skipped``, both lists of plain values. A series has its UIDs, plane,
        contrast, ``row_spacing_mm``, ``column_spacing_mm``, ``slice_step_mm``, number of
        ``slices``, whether it is ``suitable`` and ``chosen``, and the ``reasons``. A skipped
        file has its ``path`` below the input and the ``reason``.

    Raises
    ------
    UnreadableInputError
        If there is nothing at `path`, or it cannot be opened.

    Examples
    --------
    >>> found = ifspace.list_series("phantom/dicom")
    >>> [(item["plane"], item["contrast"], item["chosen"]) for item in found["series"]]
    [('axial', 'T1', True)]
    """
    with open_study(Path(path)) as inventory:
        return inventory_to_json(inventory)


def load_study(
    path: Path | str, series_uid: str | None = None, *, hint: str | None = None
) -> LoadedStudy:
    """Load the best series under a path, or the named one, with everything that reports need.

    Parameters
    ----------
    path
        A folder, a file, a ZIP archive or a DICOMDIR. It is read only.
    series_uid
        The Series Instance UID to load, instead of the best series.
    hint
        The series that a session was made on. It is loaded if it is there and `series_uid` is
        not given.

    Returns
    -------
    LoadedStudy
        With ``series``, ``volume``, ``headers`` and ``identity``. ``volume`` is None, and
        ``untrusted`` says why, where the geometry cannot be trusted.

    Raises
    ------
    UnreadableInputError
        If nothing can be read.
    SeriesChoiceError
        If no series, or not the named one, can be measured.

    Examples
    --------
    >>> study = ifspace.load_study("phantom/dicom")
    >>> study.series.plane.value
    'axial'
    """
    with workflow.load_study(Path(path), series_uid, hint) as study:
        return study


def load_volume(path: Path | str, series_uid: str | None = None) -> Volume:
    """Load the voxels of one series with the plane of every slice.

    Parameters
    ----------
    path, series_uid
        As for `load_study`.

    Returns
    -------
    Volume
        ``voxels`` is a float32 array (k slice, j row, i column) that cannot be written to;
        ``slices[k].plane`` maps row and column to patient points in LPS mm.

    Raises
    ------
    UnreadableInputError, SeriesChoiceError
        As for `load_study`.
    GeometryError
        If the geometry of the series cannot be trusted.

    Examples
    --------
    >>> volume = ifspace.load_volume("phantom/dicom")
    >>> volume.voxels.shape[0] == len(volume.slices)
    True
    >>> corner_lps_mm = volume.slices[0].plane.origin_lps_mm
    >>> corner_lps_mm.shape
    (3,)
    """
    return _volume_of(load_study(path, series_uid))


def measure(
    study: LoadedStudy | Path | str,
    session: Session | Path | str | None = None,
    *,
    labels: LabelMap | None = None,
    sides: Sequence[Side] = SIDES_AS_SEEN,
    evidence_ids: Sequence[str] = (),
    evidence_file: Path | None = None,
    reader_precision: Path | None = None,
    unbound: bool = False,
) -> StudyResult:
    """Measure both spaces on the asked sides and compare them with published values.

    Where a person placed marks, those are measured. Where there are only seeds or a label map,
    the program finds the borders, and each distance is a proposal. Without marks, seeds and
    label map the result is that of `propose`.

    Parameters
    ----------
    study
        What `load_study` gave, or a path for it. From a path the series of the session is
        loaded.
    session
        Marks and seeds in LPS mm, or the path of a session file or structured report.
    labels
        A label map of hip bones and femora, see `read_label_map`.
    sides
        The sides of the patient.
    evidence_ids
        Ids of published values to compare with, instead of the default ones.
    evidence_file
        A file of local evidence rows to add.
    reader_precision
        An agreement.json that `agree` wrote: how well the readers of this department place the
        marks, instead of the default.
    unbound
        Take marks whose session has neither the fingerprint nor a UID of the images; a note in
        the result says so.

    Returns
    -------
    StudyResult
        ``measurements`` have ``value_mm`` and ``u95_mm``, the half-width of the 95 % interval,
        unrounded. ``spaces`` also holds a `NotMeasured` with the reason for every space
        without a number.

    Raises
    ------
    UnreadableInputError, SeriesChoiceError
        If `study` is a path that cannot be loaded.
    SessionError
        If the session cannot be read or belongs to other images.
    EvidenceError
        If a published value was asked for that cannot be used for this patient.

    Examples
    --------
    >>> result = ifspace.measure("phantom/dicom", "phantom/session.json")
    >>> for found in result.measurements:
    ...     print(found.side, found.kind, round(found.value_mm, 1), "mm")
    right ifs 20.0 mm
    right qfs 12.0 mm
    left ifs 20.0 mm
    left qfs 12.0 mm
    """
    marks = _session(session)
    own = None if reader_precision is None else read_reader_precision(reader_precision)
    settings = Settings(tuple(sides), tuple(evidence_ids), evidence_file, own, unbound)
    return workflow.measure_or_propose(_study(study, marks), marks, settings, labels)


def propose(
    study: LoadedStudy | Path | str, session: Session | Path | str | None = None
) -> StudyResult:
    """Propose what the program finds on both sides without any input.

    Parameters
    ----------
    study
        As for `measure`.
    session
        What is known of reader and position, to be kept.

    Returns
    -------
    StudyResult
        Its ``session`` holds the proposals, for a reader to review and complete. Without the
        extra `auto` every space is a `NotMeasured`; with it, what the program found is a
        measurement in the state `proposed`.

    Raises
    ------
    UnreadableInputError, SeriesChoiceError, SessionError
        As for `measure`.

    Examples
    --------
    >>> proposal = ifspace.propose("phantom/dicom")
    >>> {mark.state.value for mark in proposal.session.marks}
    {'proposed'}
    """
    known = _session(session)
    return workflow.propose_study(_study(study, known), Settings(), known)


def _session(session: Session | Path | str | None) -> Session:
    if session is None:
        return Session()
    return session if isinstance(session, Session) else read_session(session)


def _study(study: LoadedStudy | Path | str, session: Session) -> LoadedStudy:
    if isinstance(study, LoadedStudy):
        return study
    return load_study(study, hint=session.series_instance_uid)


def _volume_of(study: LoadedStudy) -> Volume:
    if study.volume is None:
        raise GeometryError(study.untrusted)
    return study.volume
