"""Everything found under one path: every series with its rank, every file not used and why."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from ifspace.errors import GeometryError, SeriesChoiceError, UnreadableInputError
from ifspace.geometry import Plane
from ifspace.io.classic import read_headers_of_file
from ifspace.io.contrast import contrast_of
from ifspace.io.dicom import load_dicom
from ifspace.io.header import ImageHeader
from ifspace.io.images import describe_image, load_image
from ifspace.io.rank import RankedSeries, rank
from ifspace.io.sniff import FileKind, sniff
from ifspace.io.source import FoundFile, Listing, SkippedFile, listed
from ifspace.io.stacks import Stack, stacks_of
from ifspace.model import AXIAL_TILT_LIMIT_DEG, ImagePlane, Series, Volume

_log = logging.getLogger(__name__)

_VOLUME_KINDS = {"NIfTI": FileKind.NIFTI, "NRRD": FileKind.NRRD, "MHA": FileKind.MHA}


@dataclass(frozen=True)
class Inventory:
    """What one input holds: series, best first, and every file not used."""

    ranked: tuple[RankedSeries, ...]
    skipped: tuple[SkippedFile, ...]

    def choose(self, series_uid: str | None = None) -> Series:
        """Give the best suitable series, or the named one whether it is suitable or not.

        Parameters
        ----------
        series_uid
            A SeriesInstanceUID, ``UID#stack`` for one stack of a mixed series, or the path of a
            file as `inventory_to_json` prints it in ``found_as``.

        Raises
        ------
        SeriesChoiceError
            If there is none.
        """
        if series_uid is not None:
            for item in self.ranked:
                series = item.series
                uid = series.series_instance_uid
                if series_uid in (uid, f"{uid}#{series.stack}", item.found_as or None):
                    if item.mixed:
                        raise SeriesChoiceError(f"The series is not measured: {item.mixed}.")
                    return series
            message = (
                f"The input has no series {series_uid}; `ifspace series` lists the ones it has."
            )
            raise SeriesChoiceError(message)
        if self.ranked and self.ranked[0].suitable:
            return self.ranked[0].series
        raise SeriesChoiceError(self._why_none())

    def _why_none(self) -> str:
        """Say in one sentence why nothing can be measured."""
        if self.ranked:
            reason = self.ranked[0].reasons[0].removeprefix("not suitable: ")
            return (
                f"None of the {len(self.ranked)} series can be measured; the nearest one: "
                f"{reason}. Choose another study, or name a series with --series."
            )
        if self.skipped:
            return (
                f"No images were found; {len(self.skipped)} file(s) were looked at, the first: "
                f"{self.skipped[0].reason}. Give the folder that holds the series."
            )
        return "No images were found; give the folder that holds the series."


@contextmanager
def open_study(path: Path) -> Iterator[Inventory]:
    """List everything under a folder, a file, a ZIP archive or a DICOMDIR.

    What a ZIP archive holds can be loaded as long as the context lives.

    Raises
    ------
    UnreadableInputError
        If there is nothing at `path`, or it cannot be opened.
    UnsafeArchiveError
        If an archive asks for more than it may have.
    """
    with listed(Path(path)) as listing:
        yield take_inventory(listing)


def take_inventory(listing: Listing) -> Inventory:
    """Read the headers of all files and sort them into ranked series."""
    headers: list[ImageHeader] = []
    ranked: list[RankedSeries] = []
    skipped = list(listing.skipped)
    for file in listing.found:
        try:
            _look_into(file, headers, ranked)
        except UnreadableInputError as error:
            skipped.append(SkippedFile(file.name, str(error)))
    copies = _copies(headers)
    names = {header.path: header.name for header in headers}
    skipped.extend(
        SkippedFile(names[path], f"the same image as {original}")
        for path, original in copies.items()
    )
    headers = [header for header in headers if header.path not in copies]
    ranked.extend(_rank_stack(stack) for stack in stacks_of(headers))
    ranked.sort(key=lambda item: (not item.suitable, -item.score, _order(item.series)))
    _log.debug("found %d series, skipped %d files", len(ranked), len(skipped))
    return Inventory(tuple(ranked), tuple(skipped))


def _order(series: Series) -> tuple[int, str, str]:
    """Sort equals by what the scanner numbered, so that the choice never depends on file names."""
    return series.series_number or 0, series.series_instance_uid or "", series.stack or ""


def _look_into(file: FoundFile, headers: list[ImageHeader], ranked: list[RankedSeries]) -> None:
    """Read one file as whatever its content is."""
    try:
        headers.extend(read_headers_of_file(file.path, file.name))
    except UnreadableInputError:
        try:
            kind = sniff(file.path)
        except OSError as error:
            raise UnreadableInputError(f"cannot be read ({error.strerror})") from error
        if kind not in (FileKind.NIFTI, FileKind.NRRD, FileKind.MHA):
            raise
        series = describe_image(file.path, kind)
        series = replace(series, plane=nearest_plane(series.tilt_from_axial_deg, None))
        ranked.append(rank(series, found_as=file.name))


def _copies(headers: list[ImageHeader]) -> dict[Path, str]:
    """Find files that are copies of another to the last byte: their paths, the other's name.

    Two files of one SOP Instance UID that differ both stay: at one place, they are refused.
    """
    first: dict[str, ImageHeader] = {}
    copies: dict[Path, str] = {}
    compared: set[Path] = set()
    for header in headers:
        uid = header.file.sop_instance_uid
        other = first.setdefault(uid, header)
        if not uid or header.path == other.path or header.path in compared:
            continue
        compared.add(header.path)
        if _same_bytes(other.path, header.path):
            copies[header.path] = other.name
    return copies


def _same_bytes(one: Path, other: Path) -> bool:
    try:
        return one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def nearest_plane(
    tilt_deg: float | None, normal_lps: tuple[float, float, float] | None
) -> ImagePlane:
    """Name the anatomical plane that slices are within the tilt limit of."""
    if tilt_deg is not None and round(tilt_deg, 1) <= AXIAL_TILT_LIMIT_DEG:
        return ImagePlane.AXIAL
    if normal_lps is None:
        return ImagePlane.OBLIQUE
    # cos(30 degrees) = 0.866
    if abs(normal_lps[1]) >= 0.866:
        return ImagePlane.CORONAL
    return ImagePlane.SAGITTAL if abs(normal_lps[0]) >= 0.866 else ImagePlane.OBLIQUE


def _rank_stack(stack: Stack) -> RankedSeries:
    """Describe and rank one stack."""
    problems = [header.problem for header in stack.headers if header.problem]
    obstacles = [stack.contradiction] if stack.contradiction else []
    if len(problems) == len(stack.headers):
        obstacles.append(f"{problems[0]}; no millimetre can be taken")
    if any(header.file.colour for header in stack.headers):
        obstacles.append("colour images")
    ranked = rank(series_of(stack), obstacles=tuple(obstacles), found_as=stack.headers[0].name)
    return replace(ranked, mixed=stack.contradiction)


def series_of(stack: Stack) -> Series:
    """Describe a stack by its first sound image and the steps between all."""
    sound = [header for header in stack.headers if header.problem is None]
    first = sound[0] if sound else stack.headers[0]
    planes = _planes_of(sound)
    heights_mm = [float(planes[0].height_mm(plane.origin_lps_mm)) for plane in planes]
    steps_mm = [above - below for below, above in pairwise(heights_mm)]
    tilt_deg = planes[0].tilt_from_axial_deg if planes else None
    normal_lps = tuple(planes[0].normal_lps.tolist()) if planes else None
    file = first.file
    return Series(
        sources=tuple(header.source for header in stack.headers),
        rows=first.rows,
        columns=first.columns,
        study_instance_uid=file.study_instance_uid,
        series_instance_uid=file.series_instance_uid,
        frame_of_reference_uid=file.frame_of_reference_uid,
        stack=stack.label,
        series_number=file.series_number,
        description=file.description,
        modality=file.modality,
        plane=nearest_plane(tilt_deg, normal_lps),
        tilt_from_axial_deg=tilt_deg,
        contrast=contrast_of(first),
        image_type=first.image_type,
        patient_position=file.patient_position,
        patient_age_years=file.patient_age_years,
        patient_sex=file.patient_sex,
        row_spacing_mm=first.spacing_mm[0] if sound else None,
        column_spacing_mm=first.spacing_mm[1] if sound else None,
        spacing_source=first.spacing_source if sound else None,
        acquisition_matrix=first.acquisition_matrix,
        slice_thickness_mm=first.thickness_mm,
        slice_step_mm=median(steps_mm) if steps_mm else None,
        echo_time_ms=first.echo_time_ms,
        repetition_time_ms=first.repetition_time_ms,
        inversion_time_ms=first.inversion_time_ms,
        field_strength_t=file.field_strength_t,
        manufacturer=file.manufacturer,
        transfer_syntax_uid=file.transfer_syntax_uid,
    )


def _planes_of(headers: Iterable[ImageHeader]) -> list[Plane]:
    """Place the images that say where they lie."""
    planes = []
    for header in headers:
        try:
            planes.append(header.plane)
        except GeometryError:
            continue
    return planes


def load_volume(series: Series) -> Volume:
    """Load one series: slices sorted along their normal, float32 signal, bright is much signal.

    Raises
    ------
    UnreadableInputError
        If it cannot be read or decoded.
    GeometryError
        If nothing in it has a place in the patient.
    """
    kind = _VOLUME_KINDS.get(series.file_format)
    return load_dicom(series) if kind is None else load_image(series, kind)


def inventory_to_json(inventory: Inventory) -> dict[str, Any]:
    """Turn an inventory into plain JSON values, as ``ifspace series --json`` prints it."""
    best = inventory.ranked[0] if inventory.ranked else None
    chosen = best if best is not None and best.suitable else None
    return {
        "series": [_series_to_json(item, chosen=item is chosen) for item in inventory.ranked],
        "skipped": [{"path": item.path, "reason": item.reason} for item in inventory.skipped],
    }


def _series_to_json(item: RankedSeries, *, chosen: bool) -> dict[str, Any]:
    series = item.series
    return {
        "study_instance_uid": series.study_instance_uid,
        "series_instance_uid": series.series_instance_uid,
        "stack": series.stack,
        "found_as": item.found_as,
        "number": series.series_number,
        "description": series.description,
        "modality": series.modality,
        "format": series.file_format,
        "plane": series.plane.value,
        "tilt_from_axial_deg": series.tilt_from_axial_deg,
        "contrast": series.contrast.value,
        "rows": series.rows,
        "columns": series.columns,
        "row_spacing_mm": series.row_spacing_mm,
        "column_spacing_mm": series.column_spacing_mm,
        "spacing_source": series.spacing_source,
        "slice_step_mm": series.slice_step_mm,
        "slice_thickness_mm": series.slice_thickness_mm,
        "slices": series.slice_count,
        "suitable": item.suitable,
        "chosen": chosen,
        "score": item.score,
        "reasons": list(item.reasons),
    }
