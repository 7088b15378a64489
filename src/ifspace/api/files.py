"""Read and write sessions, results, label maps and phantoms."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ifspace import export, phantom
from ifspace.dicom_out import read_sr
from ifspace.errors import UnreadableInputError
from ifspace.io import labels as label_files
from ifspace.io import session as session_files
from ifspace.labels import LabelMap, parse_labels
from ifspace.model import Session, StudyResult
from ifspace.report import read_result as read_result_file
from ifspace.workflow import LoadedStudy

# The word behind the preamble of a DICOM file (PS3.10 7.1).
_PREAMBLE, _MAGIC = 128, b"DICM"


def read_session(path: Path | str) -> Session:
    """Read marks from a session file, or from a structured report of ifspace.

    Parameters
    ----------
    path
        A JSON file (``ifspace-session/2``, or ``/1``) or a DICOM SR.

    Returns
    -------
    Session
        Its marks and seeds have ``position_lps_mm``, (3,), patient millimetres.

    Raises
    ------
    UnreadableInputError
        If the file cannot be opened.
    SessionError
        If it is no session.

    Examples
    --------
    >>> session = ifspace.read_session("phantom/session.json")
    >>> session.marks[0].position_lps_mm.shape
    (3,)
    """
    path = Path(path)
    return read_sr(path) if is_dicom(path) else session_files.read_session(path)


def write_session(session: Session, path: Path | str) -> Path:
    """Write a session file; an older one of this name is replaced.

    Parameters
    ----------
    session
        Marks and seeds.
    path
        The file; its folder is made if need be.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> session = ifspace.read_session("phantom/session.json")
    >>> ifspace.write_session(session, "copy.json").name
    'copy.json'
    """
    session_files.write_session(session, Path(path))
    return Path(path)


def read_label_map(
    path: Path | str, labels: str | None = None, preset: str | None = None
) -> LabelMap:
    """Read a label map of hip bones and femora.

    Parameters
    ----------
    path
        NIfTI, NRRD, MHA or DICOM SEG.
    labels
        Which number is which bone: ``hip_left=1,hip_right=2,femur_left=3,femur_right=4``.
    preset
        The network that made it: ``total_mr``, ``vibe``, ``mrsegmentator`` or ``musclemap``.

    Raises
    ------
    UnreadableInputError
        If it cannot be read, or its numbers are not known.

    Examples
    --------
    >>> ifspace.read_label_map("missing.nii.gz", preset="total_mr")
    Traceback (most recent call last):
    ifspace.errors.UnreadableInputError: ...
    """
    names = None if labels is None else parse_labels(labels)
    return label_files.read_label_map(Path(path), names, preset)


def read_result(path: Path | str) -> StudyResult:
    """Read a result that was written before.

    Parameters
    ----------
    path
        A ``result.json``.

    Raises
    ------
    UnreadableInputError
        If it cannot be read or is no result.

    Examples
    --------
    >>> study = ifspace.load_study("phantom/dicom")
    >>> result = ifspace.measure(study, "phantom/session.json")
    >>> written = ifspace.export_result(study, result, "one", formats=["json"])
    >>> len(ifspace.read_result(written[0]).measurements)
    4
    """
    return read_result_file(Path(path))


def export_result(
    study: LoadedStudy,
    result: StudyResult,
    out: Path | str,
    *,
    formats: Collection[str] = export.DEFAULT_FORMATS,
    deidentify: bool = False,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write a result into a folder: all files or none.

    Parameters
    ----------
    study, result
        What was loaded, and what `measure` gave for it.
    out
        The folder; made if need be.
    formats
        Any of ``json``, ``session``, ``csv``, ``pdf``, ``png``, ``sr``, ``dicom-pdf``,
        ``dicom-sc``, ``slicer``, ``manifest``, ``fhir``, ``dicom-pr``; all but the last two if
        absent.
    deidentify
        Leave the patient out of the PDF and the DICOM objects, and replace every UID.
    overwrite
        Replace an older result.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    OutputError
        If an older result is there or the folder cannot be written.
    ValueError
        If a format is unknown.

    Examples
    --------
    >>> study = ifspace.load_study("phantom/dicom")
    >>> result = ifspace.measure(study, "phantom/session.json")
    >>> [path.name for path in ifspace.export_result(study, result, "two", formats=["csv"])]
    ['measurements.csv']
    """
    return export.export(
        study, result, Path(out), formats=formats, deidentify=deidentify, overwrite=overwrite
    )


def write_phantom(
    out: Path | str,
    *,
    ifs_mm: float = 20.0,
    qfs_mm: float = 12.0,
    size: str = "full",
    seed: int = 1,
) -> phantom.PhantomTruth:
    """Write a synthetic DICOM study with known distances.

    Parameters
    ----------
    out
        The folder; gets ``dicom/``, ``session.json`` with the true marks and ``truth.json``.
    ifs_mm, qfs_mm
        The true spaces of both sides, mm.
    size
        ``full``, ``small`` or ``tiny``.
    seed
        Of the noise.

    Returns
    -------
    PhantomTruth
        ``image_path`` and ``session_path``; ``value_mm(kind, side)`` is the true space.

    Raises
    ------
    OutputError
        If the folder cannot be written or holds a study already.
    ValueError
        If no anatomy has these spaces.

    Examples
    --------
    >>> truth = ifspace.write_phantom("narrow", ifs_mm=14.0, qfs_mm=8.0, size="tiny")
    >>> round(truth.value_mm(ifspace.Kind.IFS, ifspace.Side.LEFT), 2)
    14.0
    """
    spec = phantom.PhantomSpec(ifs_mm=ifs_mm, qfs_mm=qfs_mm, size=phantom.Size(size), seed=seed)
    return phantom.write_phantom(Path(out), spec)


def is_dicom(path: Path) -> bool:
    """Tell whether a file is DICOM.

    Raises
    ------
    UnreadableInputError
        If it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(_PREAMBLE + len(_MAGIC))[_PREAMBLE:] == _MAGIC
    except OSError as error:
        message = f"the file with the marks cannot be read: {error.strerror}; check its path"
        raise UnreadableInputError(message) from error
