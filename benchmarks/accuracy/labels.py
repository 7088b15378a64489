"""Label maps of analytic hips: perfect ones on the image grid, and such as networks make."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from benchmarks.accuracy.cohort import ORIGIN_LPS_MM, volume_of
from benchmarks.accuracy.hips import (
    Hip,
    Scan,
    draw_hip,
    draw_scan,
    draw_tendon_hip,
    femur,
    ischium,
    true_section,
)
from benchmarks.accuracy.levels import apex_level, trochanter_slices
from benchmarks.accuracy.scanner import mr_image, tissue_fractions
from scipy import ndimage as ndi

from ifspace.geometry import Grid
from ifspace.labels import LabelMap
from ifspace.model import Side, Volume

# Smooth displacement of a network's border, and its mean shrinkage, by voxel size: reproduces the
# published overlap (Dice 0.93 to 0.95 at 1.5 mm); 2 mm, the coarsest accepted, lies in between.
DISPLACEMENT_SD_MM = {1.5: 0.8, 2.0: 0.9, 3.0: 1.1}
SHRINKAGE_MM = {1.5: -0.4, 2.0: -0.43, 3.0: -0.5}
# A patient who moved between the two series, or a map that was resampled half a voxel off.
SHIFT_SD_MM = 0.7
DISPLACEMENT_LENGTH_MM = 6.0
LOWEST_MM, HIGHEST_MM = -48.0, 34.0
# The lesser trochanter ends well within this of its apex.
AROUND_APEX_MM = 16.0


def tall_scan(hip: Hip, rng: np.random.Generator) -> Scan:
    """Draw a scan that shows the shaft below the lesser trochanter and the neck above."""
    scan = draw_scan(hip, rng, lowest_mm=LOWEST_MM)
    slices = int((HIGHEST_MM - LOWEST_MM) / scan.step)
    return replace(scan, shape=(slices, *scan.shape[1:]))


def _values(side: int) -> dict[str, int]:
    name = "left" if side > 0 else "right"
    return {f"femur_{name}": 1, f"hip_{name}": 2}


def perfect_labels(hip: Hip, scan: Scan) -> LabelMap:
    """Label every voxel of the image grid by its centre."""
    out = np.zeros(scan.shape, np.int32)
    for k, level in enumerate(scan.levels):
        x, y, z = scan.points(scan.pixel_rows(), scan.pixel_columns(), level)
        lateral = hip.side * x
        out[k][ischium(hip, lateral, y, z) < 0] = 2
        out[k][femur(hip, lateral, y, z)[0] < 0] = 1
    return LabelMap(volume_of(scan, np.zeros(scan.shape, np.float32)).grid, out, _values(hip.side))


def network_labels(hip: Hip, scan: Scan, rng: np.random.Generator, voxel_mm: float) -> LabelMap:
    """Label a coarser cubic grid along the patient's axes, with a wavy, shrunken border."""
    ends = (
        np.array(
            [
                [scan.pixel_columns()[c], scan.pixel_rows()[r], scan.levels[k]]
                for c in (0, -1)
                for r in (0, -1)
                for k in (0, -1)
            ]
        )
        @ scan.turn.T
    )
    low, high = ends.min(0), ends.max(0)
    axes = [np.arange(a, b, voxel_mm) for a, b in zip(low, high, strict=True)]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    lateral = hip.side * x
    out = np.zeros(x.shape, np.int32)
    for number, d in ((2, ischium(hip, lateral, y, z)), (1, femur(hip, lateral, y, z)[0])):
        wave = ndi.gaussian_filter(rng.standard_normal(x.shape), DISPLACEMENT_LENGTH_MM / voxel_mm)
        wave *= DISPLACEMENT_SD_MM[voxel_mm] / wave.std()
        out[d - wave - SHRINKAGE_MM[voxel_mm] < 0] = number
    affine = np.zeros((4, 4))
    affine[[2, 1, 0], [0, 1, 2]] = voxel_mm
    affine[:3, 3] = low + ORIGIN_LPS_MM
    affine[3, 3] = 1
    return LabelMap(Grid(out.shape, affine), out, _values(hip.side))


def shifted(labels: LabelMap, rng: np.random.Generator) -> LabelMap:
    """Move a label map as a whole."""
    affine = labels.grid.affine_lps_mm.copy()
    affine[:3, 3] += rng.normal(0, SHIFT_SD_MM, 3)
    return LabelMap(Grid(labels.grid.shape_kji, affine), labels.voxels.copy(), labels.values)


@dataclass(frozen=True, eq=False)
class TallCase:
    """A hip with shaft and neck, its image, and the true distances (mm) by slice.

    `truth_qfs` is given where the tendons lie on the path.
    """

    hip: Hip
    scan: Scan
    truth: dict[int, float]
    truth_qfs: dict[int, float]
    volume: Volume

    @property
    def side(self) -> Side:
        """The patient's side."""
        return Side.LEFT if self.hip.side > 0 else Side.RIGHT

    @property
    def level_range(self) -> tuple[int, int]:
        """First and last slice in which the lesser trochanter stands out."""
        shown = [k for k in trochanter_slices(self.hip, self.scan) if k in self.truth]
        return min(shown), max(shown)


def tall_case(seed: int, sequence: str, *, tendon: bool = False) -> TallCase:
    """Draw a hip with shaft and neck and its image, also with the tendons on the path."""
    rng = np.random.default_rng(seed)
    hip = draw_tendon_hip(rng) if tendon else draw_hip(rng)
    scan = tall_scan(hip, rng)
    fractions = tissue_fractions(hip, scan)
    voxels = mr_image(fractions, scan, sequence, np.random.default_rng(seed * 7 + 1))
    truth = _distances_mm(hip, scan)
    rooms = _distances_mm(hip, scan, tendons=True) if tendon else {}
    return TallCase(hip, scan, truth, rooms, volume_of(scan, voxels))


def _distances_mm(hip: Hip, scan: Scan, *, tendons: bool = False) -> dict[int, float]:
    """Cut the slices around the apex of the lesser trochanter."""
    apex = apex_level(hip, scan)
    return {
        k: section.distance_mm
        for k, level in enumerate(scan.levels)
        if abs(level - apex) < AROUND_APEX_MM
        and (section := true_section(hip, scan, level, tendons=tendons)) is not None
    }
