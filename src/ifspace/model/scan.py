"""Series, slices and volumes, and what is known to be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ifspace.geometry import Floats, Grid, Plane, grid_of_planes
from ifspace.model.fingerprint import ImageFingerprint, fingerprint_of
from ifspace.model.limits import ON_SINGLE_SLICE_MM, ON_SLICE_SHARE
from ifspace.model.vocabulary import Contrast, ImagePlane, Severity


@dataclass(frozen=True)
class Flag:
    """Something the reader has to know about the images or the marks.

    `code` is a `FlagCode`; a file of another version may hold one that this version does not know.

    A `refusal` forbids every number that depends on it: of the slices named in `slice_indices`,
    or of the whole series where none is named.
    """

    code: str
    severity: Severity
    detail: str
    slice_indices: tuple[int, ...] = ()

    def refuses(self, slice_index: int) -> bool:
        """Tell whether no millimetre may be taken from this slice."""
        if self.severity is not Severity.REFUSAL:
            return False
        return not self.slice_indices or slice_index in self.slice_indices


@dataclass(frozen=True)
class SliceSource:
    """Where the pixels of one slice come from.

    `frame_number` counts from 1 within a multi-frame object and is absent for a classic one.
    `sop_instance_uid` is absent for files that are not DICOM.
    """

    path: Path
    sop_instance_uid: str | None = None
    sop_class_uid: str | None = None
    frame_number: int | None = None


@dataclass(frozen=True)
class Series:
    """One stack of slices that belong together, as its headers describe it.

    A series UID that mixes orientations, echoes, Dixon contrasts or time points is split into
    several of these, told apart by `stack`. Fields that the header does not give are absent.
    Holds nothing that names the patient.
    """

    sources: tuple[SliceSource, ...]
    rows: int
    columns: int
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    frame_of_reference_uid: str | None = None
    stack: str | None = None
    file_format: str = "DICOM"
    series_number: int | None = None
    description: str = ""
    modality: str = "MR"
    plane: ImagePlane = ImagePlane.OBLIQUE
    tilt_from_axial_deg: float | None = None
    contrast: Contrast = Contrast.UNKNOWN
    image_type: tuple[str, ...] = ()
    patient_position: str | None = None
    patient_age_years: float | None = None
    patient_sex: str | None = None
    row_spacing_mm: float | None = None
    column_spacing_mm: float | None = None
    spacing_source: str | None = None
    acquisition_matrix: tuple[int, int] | None = None
    slice_thickness_mm: float | None = None
    slice_step_mm: float | None = None
    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None
    inversion_time_ms: float | None = None
    field_strength_t: float | None = None
    manufacturer: str | None = None
    transfer_syntax_uid: str | None = None

    @property
    def slice_count(self) -> int:
        """Number of slices."""
        return len(self.sources)


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice of a loaded volume: its plane in the patient and where it comes from."""

    plane: Plane
    source: SliceSource


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels of one series with the plane of every slice.

    Attributes
    ----------
    series
        What the headers say.
    slices
        One per k, sorted along the slice normal.
    voxels
        (k, j, i), float32 after rescale slope and intercept, bright is much signal,
        write-protected.
    flags
        What loading found: each is also in the report.
    """

    series: Series
    slices: tuple[Slice, ...]
    voxels: NDArray[np.float32]
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        """Refuse voxels that do not fit the slices."""
        if not self.slices:
            message = "a volume needs at least one slice"
            raise ValueError(message)
        expected = (len(self.slices), *self.slices[0].plane.shape_ji)
        if self.voxels.shape != expected:
            message = f"voxels have shape {self.voxels.shape}, the slices say {expected}"
            raise ValueError(message)
        self.voxels.flags.writeable = False

    @property
    def grid(self) -> Grid:
        """The regular grid through the slices; only sound where no flag says otherwise."""
        return grid_of_planes(tuple(item.plane for item in self.slices))

    @cached_property
    def fingerprint(self) -> ImageFingerprint:
        """What tells these images from all others, whatever files they come from."""
        return fingerprint_of([item.plane for item in self.slices], self.voxels)

    @cached_property
    def slice_step_mm(self) -> float | None:
        """Median distance between neighbouring slices along their normal, if there are two."""
        if len(self.slices) < 2:
            return None
        normal_lps = self.slices[0].plane.normal_lps
        heights_mm = [float(item.plane.origin_lps_mm @ normal_lps) for item in self.slices]
        return float(np.median(np.abs(np.diff(heights_mm))))

    def slice_name(self, slice_index: int) -> str:
        """Name a slice for a session: SOP Instance UID, UID#frame, or k=index outside DICOM."""
        source = self.slices[slice_index].source
        if source.sop_instance_uid is None:
            return f"k={slice_index}"
        frame = "" if source.frame_number is None else f"#{source.frame_number}"
        return f"{source.sop_instance_uid}{frame}"

    def is_named(self, slice_index: int, name: str) -> bool:
        """Tell whether a name means this slice; a UID alone means every frame of its object."""
        source = self.slices[slice_index].source
        uid, _, frame = name.partition("#")
        if name == f"k={slice_index}":
            return True
        return uid == source.sop_instance_uid and frame in ("", str(source.frame_number))

    @cached_property
    def on_slice_mm(self) -> float:
        """How far from the plane of a slice a point may lie and still belong to it."""
        step_mm = self.slice_step_mm
        return ON_SINGLE_SLICE_MM if step_mm is None else max(step_mm * ON_SLICE_SHARE, 1e-6)

    def nearest_slice(self, point_lps_mm: Floats) -> tuple[int, float]:
        """Find the slice whose plane is nearest to a point (3,): its index and the gap in mm."""
        origins_lps_mm, normals_lps = self._origins_and_normals
        gaps_mm = np.abs(np.sum((point_lps_mm - origins_lps_mm) * normals_lps, axis=1))
        slice_index = int(np.argmin(gaps_mm))
        return slice_index, float(gaps_mm[slice_index])

    @cached_property
    def _origins_and_normals(self) -> tuple[Floats, Floats]:
        """Of every plane, (n, 3) each; a viewer asks for the nearest slice with each move."""
        planes = [item.plane for item in self.slices]
        return (
            np.stack([plane.origin_lps_mm for plane in planes]),
            np.stack([plane.normal_lps for plane in planes]),
        )
