"""The cohort: seeded hips as volumes, rough seeds, and what the product makes of them."""

from __future__ import annotations

import pickle
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.accuracy.hips import (
    Hip,
    Scan,
    TrueSection,
    draw_hip,
    draw_scan,
    draw_tendon_hip,
    femur,
    ischium,
    shaft_axis,
    true_section,
)
from benchmarks.accuracy.levels import trochanter_slices
from benchmarks.accuracy.scanner import mr_image, tissue_fractions

from ifspace.geometry import Plane
from ifspace.model import Contrast, Seed, SeedName, Series, Side, Slice, SliceSource, Volume

CACHE = Path(tempfile.gettempdir()) / "ifspace-accuracy-cache"
# Off-centre and unequal, so that a swapped axis cannot hide.
ORIGIN_LPS_MM = np.array([12.0, -33.0, -300.0])


@dataclass(frozen=True, eq=False)
class Case:
    """One hip with its scan and the truth per slice; slices outside the range have none."""

    seed: int
    hip: Hip
    scan: Scan
    fractions: np.ndarray
    truth: tuple[TrueSection | None, ...]
    truth_qfs: tuple[TrueSection | None, ...]

    @property
    def side(self) -> Side:
        """The patient's side."""
        return Side.LEFT if self.hip.side > 0 else Side.RIGHT

    @property
    def level_range(self) -> tuple[int, int]:
        """First and last slice of the range."""
        shown = [k for k, item in enumerate(self.truth) if item is not None]
        return shown[0], shown[-1]


def make_case(seed: int, *, tendon: bool = False, cache: Path = CACHE) -> Case:
    """Draw a hip and its scan; tissue fractions are kept in a cache."""
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / f"{'q' if tendon else 'h'}{seed}-v2.pkl"
    if file.exists():
        # Written by this function only, in a folder of the same user.
        return pickle.loads(file.read_bytes())
    rng = np.random.default_rng(seed)
    hip = draw_hip(rng)
    if tendon:
        hip = draw_tendon_hip(rng)
    scan = draw_scan(hip, rng)
    fractions = (tissue_fractions(hip, scan) * 255).round().astype(np.uint8)
    shown = trochanter_slices(hip, scan)
    bones, rooms = [], []
    for k, level in enumerate(scan.levels):
        section = true_section(hip, scan, level) if k in shown else None
        bones.append(section if section is not None and section.distance_mm > 3 else None)
        rooms.append(true_section(hip, scan, level, tendons=True) if tendon and bones[-1] else None)
    case = Case(seed, hip, scan, fractions, tuple(bones), tuple(rooms))
    file.write_bytes(pickle.dumps(case))
    return case


def to_lps_mm(scan: Scan, uv: np.ndarray, level: float) -> np.ndarray:
    """Patient point of scanner (column, row) mm at a level."""
    return scan.turn @ np.array([uv[0], uv[1], level]) + ORIGIN_LPS_MM


def volume_of(scan: Scan, voxels: np.ndarray, contrast: Contrast = Contrast.UNKNOWN) -> Volume:
    """Hand the product what its reader would have made of the scan."""
    slices = []
    for level in scan.levels:
        corner = to_lps_mm(scan, scan.start[:2], level)
        plane = Plane(
            corner, scan.turn[:, 0], scan.turn[:, 1], scan.pixel[0], scan.pixel[1], scan.shape[1:]
        )
        slices.append(Slice(plane, SliceSource(Path("analytic"))))
    series = Series(
        sources=tuple(item.source for item in slices),
        rows=scan.shape[1],
        columns=scan.shape[2],
        contrast=contrast,
    )
    return Volume(series, tuple(slices), voxels)


def image_of(case: Case, sequence: str, snr: float = 20.0, **options) -> Volume:
    """Scan a case with one sequence; the same noise for the same case."""
    rng = np.random.default_rng(case.seed * 7 + 1)
    fractions = case.fractions.astype(np.float32) / 255
    voxels = mr_image(fractions, case.scan, sequence, rng, snr=snr, **options)
    return volume_of(case.scan, voxels)


def rough_seeds(case: Case, rng: np.random.Generator, sd_mm: float = 3.0) -> tuple[Seed, ...]:
    """Put one rough seed into the marrow of each bone, on one slice of the range.

    A person aims at the middle of the bone as it is seen and misses by `sd_mm` on each axis; a
    click that is plainly not in the marrow is made again.
    """
    low, high = case.level_range
    level = float(case.scan.levels[int(rng.integers(low, high + 1))])
    out = []
    for name, field in ((SeedName.FEMUR_MARROW, femur), (SeedName.ISCHIUM_MARROW, _ischium)):
        middle = _middle(case, name, level)
        for _ in range(500):
            uv = middle + rng.normal(0, sd_mm, 2)
            x, y, z = case.scan.turn @ np.array([*uv, level])
            d, cortex = field(case.hip, case.hip.side * x, y, z)
            if float(d) < -float(cortex) - 0.5:
                break
        out.append(Seed(name, case.side, to_lps_mm(case.scan, uv, level)))
    return tuple(out)


def _ischium(hip: Hip, x, y, z):
    return ischium(hip, x, y, z), hip.cortex_ischium


def _middle(case: Case, name: SeedName, level: float) -> np.ndarray:
    """Scanner (column, row) of the axis of a bone at a level."""
    hip, turn = case.hip, case.scan.turn
    z = level
    for _ in range(4):
        if name is SeedName.FEMUR_MARROW:
            x, y = shaft_axis(hip, z)
        else:
            x = hip.ischium_x + hip.ischium_slope_x * z
            y = hip.ischium_y + hip.ischium_slope_y * z
        u, v, w = turn.T @ np.array([hip.side * x, y, z])
        z += level - w
    return np.array([u, v])


def timed(function, *arguments, **options):
    """Run and give the result with the processor seconds it took."""
    start = time.process_time()
    result = function(*arguments, **options)
    return result, time.process_time() - start
