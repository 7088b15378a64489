"""Hips cut from the shape model with exact truth: rendered axial series and the true distances.

The renderer of ``training/`` paints them, with random draws that no training run used (`SEED`), on
a fine raster, and the surfaces themselves give the distances.
"""

from __future__ import annotations

import itertools
import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from benchmarks.finder.data import ROOT, TRAIN, volume_of_array
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

from ifspace.model import Contrast, Kind, Side, Volume

sys.path.insert(0, str(ROOT / "training"))

import raster
import render
import samples
from scene import HAMSTRING, ILIOPSOAS, Scene

# Training draws with [1, n] and [2, n].
SEED = 77
CONTRASTS = {"t1": Contrast.T1, "pd": Contrast.PD, "t2": Contrast.T2}
# As in the protocols of the field.
PIXEL_MM, STEP_MM, WIDTH_MM, DEPTH_MM = (0.55, 0.85), (3.5, 5.5), 330.0, 210.0
BELOW_MM, ABOVE_MM = 45.0, 50.0
# A true distance is taken from points this close together on the cut surfaces.
POINTS_MM = 0.15
# Truth is taken this far from the apex of the lesser trochanter.
NEAR_MM = 22.0
# A joint or an overlap in the gap is no hip that lives.
LEAST_MM = 3.0


@dataclass(frozen=True, eq=False)
class TrueHip:
    """True distances of one hip.

    Attributes
    ----------
    ifs_mm, qfs_mm
        Per slice of the volume, NaN where a bone is not cut.
    apex_height_mm
        Height of the apex of the lesser trochanter in the patient.
    """

    ifs_mm: NDArray[np.float64]
    qfs_mm: NDArray[np.float64]
    apex_height_mm: float

    def of(self, kind: Kind) -> NDArray[np.float64]:
        """Distances of one space."""
        return self.ifs_mm if kind is Kind.IFS else self.qfs_mm


@dataclass(frozen=True, eq=False)
class Cut:
    """Outlines (n, 2) of both bones of one hip in one slice, x and y in mm."""

    ischium_mm: NDArray[np.float64]
    femur_mm: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ShapeCase:
    """One rendered series with its true distances by side."""

    name: str
    contrast: str
    volume: Volume
    truth: dict[Side, TrueHip]


def shape_cases(count: int, work: Path, first: int = 0) -> Iterator[ShapeCase]:
    """Render unseen pelves, T1, PD and T2 in turn; what was made is kept in `work`."""
    kept = work / "cases"
    kept.mkdir(parents=True, exist_ok=True)
    sources = samples.sources(TRAIN / "shapes", work)
    for number in range(first, first + count):
        path = kept / f"{SEED}-{number:04d}.pkl"
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(pickle.dumps(_rendered(number, sources)))
            part.rename(path)
        yield pickle.loads(path.read_bytes())


def _rendered(number: int, sources: render.Sources) -> ShapeCase:
    """Draw until the bones of a pelvis leave each other room."""
    contrast = list(CONTRASTS)[number % len(CONTRASTS)]
    for attempt in itertools.count():
        rng = np.random.default_rng([SEED, number, attempt])
        case = _case(rng, sources, contrast, f"shape-{number:04d}")
        if case is not None:
            return case
    raise AssertionError


def _case(
    rng: np.random.Generator, sources: render.Sources, contrast: str, name: str
) -> ShapeCase | None:
    drawn, surfaces = render.draw_scene(rng, sources)
    scene, pixel_mm = _framed(rng, drawn)
    cuts = [_cuts(scene, sources, surfaces, n) for n in (0, 1)]
    if any(not own or _ifs_mm(own).min() < LEAST_MM for own in cuts):
        return None
    painted = render.paint(rng, sources, scene, surfaces, contrast)
    if painted is None:
        return None
    truth = {
        side: _truth(scene, n, cuts[n], painted.labels)
        for n, side in enumerate((Side.RIGHT, Side.LEFT))
    }
    x, y, z = scene.axes
    planes = scene.planes_per_slice
    heights = z.reshape(-1, planes).mean(1)
    volume = volume_of_array(
        _scanned(rng, painted.signal),
        (float(x[0]), float(y[0]), float(heights[0])),
        (scene.step_mm, pixel_mm, pixel_mm),
        CONTRASTS[contrast],
    )
    return ShapeCase(name, contrast, volume, truth)


def _framed(rng: np.random.Generator, drawn: Scene) -> tuple[Scene, float]:
    """Frame both hips as a protocol does, on pixels of the scanner instead of the network's."""
    pixel_mm, step_mm = rng.uniform(*PIXEL_MM), rng.uniform(*STEP_MM)
    centre = drawn.apices_mm.mean(0)
    planes = 3
    x, y = (
        centre[n] + rng.normal(0, 8) + (np.arange(int(size / pixel_mm)) * pixel_mm - size / 2)
        for n, size in ((0, WIDTH_MM), (1, DEPTH_MM))
    )
    slices = int((BELOW_MM + ABOVE_MM) / step_mm)
    z = centre[2] - BELOW_MM + (np.arange(slices * planes) + 0.5) * step_mm / planes
    return replace(drawn, axes=[x, y, z], planes_per_slice=planes, step_mm=step_mm), pixel_mm


def _scanned(rng: np.random.Generator, signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Point spread, fat shift, receive field and noise of a sound clinical series."""
    image = ndi.gaussian_filter(signal, (0, *rng.uniform(0.4, 0.7, 2)))
    fat = np.clip(image - 0.5, 0, None)
    image = image + np.float32(rng.uniform(0, 0.5)) * (np.roll(fat, 1, 2) - fat)
    image = image * np.exp(raster.stretched(rng.normal(0, 0.12, (3, 4, 4)), image.shape))
    sigma = rng.uniform(0.01, 0.035)
    noise = sigma * rng.standard_normal((2, *image.shape), dtype=np.float32)
    return np.asarray(1000 * np.hypot(image + noise[0], noise[1]), np.float32)


def _cuts(
    scene: Scene, sources: render.Sources, surfaces: tuple[list[render.Surface], ...], side: int
) -> dict[int, Cut]:
    """Cut the ischium and the femur of one hip by the middle plane of the slices near its apex."""
    planes = scene.planes_per_slice
    apex = scene.apices_mm[side, 2]
    result = {}
    for k, height in enumerate(scene.axes[2][planes // 2 :: planes]):
        if abs(height - apex) > NEAR_MM:
            continue
        bone = _cut(surfaces[0][side], height)
        bone = bone[render.ischial(scene, sources.model, bone)] if len(bone) else bone
        shaft = _cut(surfaces[1][side], height)
        if len(bone) and len(shaft):
            result[k] = Cut(bone[:, :2], shaft[:, :2])
    return result


def _ifs_mm(cuts: dict[int, Cut]) -> NDArray[np.float64]:
    return np.array([_least(own.ischium_mm, own.femur_mm) for own in cuts.values()])


def _truth(scene: Scene, side: int, cuts: dict[int, Cut], labels: NDArray[np.uint8]) -> TrueHip:
    """Distances on all slices; bone comes from the surfaces, the tendons from what was painted."""
    x, y, z = scene.axes
    planes = scene.planes_per_slice
    ifs, qfs = (np.full(len(z) // planes, np.nan) for _ in range(2))
    for k, own in cuts.items():
        ifs[k] = _least(own.ischium_mm, own.femur_mm)
        plane = labels[k * planes + planes // 2]
        hamstring, iliopsoas = (
            _pixels(plane == kind, x, y, (-1.0, 1.0)[side]) for kind in (HAMSTRING, ILIOPSOAS)
        )
        if len(hamstring):
            ends = np.concatenate([own.ischium_mm, hamstring]), own.femur_mm
            qfs[k] = _least(ends[0], np.concatenate([ends[1], iliopsoas]))
    return TrueHip(ifs, qfs, float(scene.apices_mm[side, 2]))


def _cut(surface: render.Surface, height: float) -> NDArray[np.float64]:
    """Points (n, 3) along the cut of a surface with a horizontal plane."""
    corners = surface.vertices[surface.faces]
    there = (corners[..., 2].min(1) < height) & (corners[..., 2].max(1) > height)
    start, end = raster.cut_triangles(corners[there], np.full(int(there.sum()), height))
    if not len(start):
        return np.empty((0, 3))
    count = np.maximum(2, np.linalg.norm(end - start, axis=1) // POINTS_MM + 2).astype(int)
    line = np.repeat(np.arange(len(count)), count)
    order = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    share = (order / np.repeat(count - 1, count))[:, None]
    points = start[line] * (1 - share) + end[line] * share
    return np.column_stack([points, np.full(len(points), height)])


def _least(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(cKDTree(one).query(other)[0].min())


def _pixels(
    mask: NDArray[np.bool_], x: NDArray[np.float64], y: NDArray[np.float64], out: float
) -> NDArray[np.float64]:
    """Centres of the pixels on one side of the patient, (n, 2)."""
    rows, columns = np.nonzero(mask)
    points = np.column_stack([x[columns], y[rows]])
    return points[points[:, 0] * out > 0]
