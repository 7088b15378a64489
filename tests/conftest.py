"""What every room's tests share: volumes in every stored orientation, and the real data."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from ifspace.geometry import Plane
from ifspace.model import Series, Slice, SliceSource, Volume

# The same examples in every run, however slow the machine: a failure can be looked at again.
settings.register_profile(
    "same every time",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same every time")

REAL_DATA = Path(
    os.environ.get("IFSPACE_REAL_DATA", Path(__file__).parents[1] / ".." / "shared" / "data")
)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The licensed MRI, used where it lies."""
    if not REAL_DATA.is_dir():
        pytest.skip("no real MRI: set IFSPACE_REAL_DATA to its folder")
    return REAL_DATA


@dataclass(frozen=True)
class Storage:
    """How a stack is stored: directions, unequal spacing, an off-centre origin."""

    name: str
    along_row: tuple[float, float, float]
    along_column: tuple[float, float, float]
    slice_sign: int = 1
    row_spacing_mm: float = 0.8
    column_spacing_mm: float = 0.6
    slice_step_mm: float = 4.4
    origin_lps_mm: tuple[float, float, float] = (37.0, -21.0, -700.0)
    shape_kji: tuple[int, int, int] = (6, 100, 140)


def _axial_storages() -> list[Storage]:
    """Both orders and both signs of the in-plane axes, both slice orders: 16 axial storages."""
    found = []
    for swap, sign_a, sign_b, slice_sign in itertools.product(
        (False, True), (1, -1), (1, -1), (1, -1)
    ):
        row, column = (sign_a, 0.0, 0.0), (0.0, sign_b, 0.0)
        if swap:
            row, column = (0.0, sign_a, 0.0), (sign_b, 0.0, 0.0)
        name = f"{'yx' if swap else 'xy'}{sign_a:+d}{sign_b:+d}{slice_sign:+d}"
        found.append(Storage(name, row, column, slice_sign))
    return found


def _oblique() -> Storage:
    turn = np.radians([12.0, -7.0])
    about_x = np.array(
        [
            [1, 0, 0],
            [0, np.cos(turn[0]), -np.sin(turn[0])],
            [0, np.sin(turn[0]), np.cos(turn[0])],
        ]
    )
    about_y = np.array(
        [
            [np.cos(turn[1]), 0, np.sin(turn[1])],
            [0, 1, 0],
            [-np.sin(turn[1]), 0, np.cos(turn[1])],
        ]
    )
    axes = about_x @ about_y
    return Storage("oblique", tuple(axes[:, 0]), tuple(axes[:, 1]))


STORAGES = (*_axial_storages(), _oblique())


@pytest.fixture(params=STORAGES, ids=lambda storage: storage.name)
def stored(request: pytest.FixtureRequest) -> Storage:
    """One stored orientation after the other."""
    return request.param


def pixel_lps_mm(storage: Storage, kji: Sequence[float]) -> np.ndarray:
    """The DICOM equation C.7.6.2.1-1, written out here on purpose, not taken from the library."""
    row, column = np.asarray(storage.along_row), np.asarray(storage.along_column)
    normal = np.cross(row, column) * storage.slice_sign
    return (
        np.asarray(storage.origin_lps_mm)
        + normal * storage.slice_step_mm * kji[0]
        + column * storage.row_spacing_mm * kji[1]
        + row * storage.column_spacing_mm * kji[2]
    )


def make_volume(
    storage: Storage, *, voxels: np.ndarray | None = None, **series_fields: object
) -> Volume:
    """A volume stored like this; dark unless voxels are given."""
    slices = tuple(
        Slice(
            Plane(
                origin_lps_mm=pixel_lps_mm(storage, (k, 0, 0)),
                along_row_lps=np.asarray(storage.along_row),
                along_column_lps=np.asarray(storage.along_column),
                row_spacing_mm=storage.row_spacing_mm,
                column_spacing_mm=storage.column_spacing_mm,
                shape_ji=storage.shape_kji[1:],
            ),
            SliceSource(Path(f"{k}.dcm"), f"1.2.3.{k}"),
        )
        for k in range(storage.shape_kji[0])
    )
    fields = {
        "study_instance_uid": "1.2.1",
        "series_instance_uid": "1.2.2",
        "frame_of_reference_uid": "1.2.4",
        "patient_position": "HFS",
        "patient_age_years": 47.0,
        "patient_sex": "F",
        "tilt_from_axial_deg": slices[0].plane.tilt_from_axial_deg,
        "row_spacing_mm": storage.row_spacing_mm,
        "column_spacing_mm": storage.column_spacing_mm,
        "spacing_source": "PixelSpacing",
        **series_fields,
    }
    series = Series(
        sources=tuple(item.source for item in slices),
        rows=storage.shape_kji[1],
        columns=storage.shape_kji[2],
        **fields,
    )
    if voxels is None:
        voxels = np.zeros(storage.shape_kji, dtype=np.float32)
    return Volume(series, slices, voxels)


PLAIN = Storage("plain", (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


@pytest.fixture
def volume_of() -> Callable[..., Volume]:
    """Make a volume: `volume_of(storage, patient_age_years=9)`."""
    return make_volume


@pytest.fixture
def without_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where the extra `auto` is not installed."""
    from ifspace.finder import network

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    network._session.cache_clear()
    yield
    network._session.cache_clear()
