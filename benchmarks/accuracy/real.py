"""Real hips with frozen seeds and the mean of two readers. Coordinates only, no images.

Seeds were put once by looking at the images. Femur and ischium seed in patient mm, IFS and QFS in
mm, first and last slice on which a reader saw the lesser trochanter.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from ifspace.io import load_volume, open_study
from ifspace.labels import LabelMap
from ifspace.landmarks import Bone, FoundSide, from_seeds
from ifspace.model import Kind, Seed, SeedName, Side, Volume

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("IFSPACE_REAL_DATA", ROOT.parent / "shared" / "data"))
PATHS = {
    "STS_048": "sts_hip_t1/STS_048/MR_T1",
    "STS_046": "sts_hip_t1/STS_046/MR_T1",
    "STS_044": "sts_hip_t1/STS_044/MR_T1",
    "C3N-01871": "ucec_pelvis_t2/C3N-01871.mha",
    "C3N-01876": "ucec_pelvis_t2/C3N-01876.mha",
    "prostate": "prostate_negative",
}
# No hip to measure: femora almost outside the field of view, seeds where a person would try.
OUTSIDE = {
    ("C3N-01876", Side.LEFT): ((126.5, 20.8, -17.1), (73.6, 34.9, -15.6), (4, 8)),
    ("C3N-01876", Side.RIGHT): ((-109.2, 12.1, -10.5), (-59.0, 28.7, -11.9), (4, 8)),
    ("prostate", Side.LEFT): ((58.1, -6.0, 26.0), (46.5, 30.8, -5.5), (0, 4)),
    ("prostate", Side.RIGHT): ((-74.5, -13.2, 21.5), (-67.6, 24.6, -9.3), (0, 4)),
}
# Seeds of C3N-01871 put beside the ischium: into fat of the ischioanal fossa and of the gap.
BESIDE_THE_ISCHIUM = {
    Side.RIGHT: ((-79.0, 36.0, -55.0), (-108.0, 52.0, -48.0), (-80.0, 25.0, -44.0)),
    Side.LEFT: ((22.0, 37.0, -55.0), (-27.0, 27.0, -47.0), (-9.0, 28.0, -64.0)),
}
# Clicks of a person who aims at the same place again, on each axis.
CLICKS, CLICK_SD_MM = 20, 2.0
# Twice the standard deviation between the readers over twelve hips.
WITHIN_MM = {Kind.IFS: 2.7, Kind.QFS: 2.9}
HIPS = {
    ("STS_048", Side.LEFT): (
        (85.0, 60.0, -194.2),
        (35.0, 80.0, -190.9),
        {Kind.IFS: 20.25, Kind.QFS: 17.50},
        (44, 48),
    ),
    ("STS_046", Side.RIGHT): (
        (-113.0, 18.0, 909.1),
        (-61.0, 37.0, 912.3),
        {Kind.IFS: 16.20, Kind.QFS: 9.75},
        (61, 65),
    ),
    ("STS_044", Side.RIGHT): (
        (-118.0, 4.0, -804.4),
        (-68.0, 59.0, -804.4),
        {Kind.IFS: 29.70, Kind.QFS: 32.50},
        (17, 22),
    ),
    ("C3N-01871", Side.RIGHT): (
        (-163.0, 23.0, -44.7),
        (-93.0, 33.0, -48.8),
        {Kind.IFS: 26.35, Kind.QFS: 14.85},
        (4, 7),
    ),
    ("C3N-01871", Side.LEFT): (
        (62.0, 25.0, -57.7),
        (3.0, 34.0, -49.1),
        {Kind.IFS: 23.65, Kind.QFS: 11.75},
        (4, 7),
    ),
}


def volume_of(name: str) -> Volume:
    """Load one case."""
    with open_study(DATA / PATHS[name]) as study:
        return load_volume(study.choose())


def seeds_of(name: str, side: Side) -> tuple[Seed, Seed]:
    """Give the frozen seeds."""
    return seeded(side, *HIPS[name, side][:2])


def seeded(side: Side, femur_lps_mm, ischium_lps_mm) -> tuple[Seed, Seed]:
    """Put a seed of each bone."""
    return (
        Seed(SeedName.FEMUR_MARROW, side, femur_lps_mm),
        Seed(SeedName.ISCHIUM_MARROW, side, ischium_lps_mm),
    )


def found_in(name: str, side: Side) -> FoundSide:
    """Measure one hip on the slices of the readers."""
    return from_seeds(volume_of(name), seeds_of(name, side), side, HIPS[name, side][3])


def found_again(name: str, side: Side) -> list[FoundSide]:
    """Measure one hip with seeds that miss the frozen ones, as another click of a person would."""
    volume, rng = volume_of(name), np.random.default_rng(CLICKS)
    frozen = seeds_of(name, side)
    return [
        from_seeds(
            volume, [missed(seed, volume, rng) for seed in frozen], side, HIPS[name, side][3]
        )
        for _ in range(CLICKS)
    ]


def missed(seed: Seed, volume: Volume, rng: np.random.Generator) -> Seed:
    """Move a seed within its slice."""
    number, _ = volume.nearest_slice(seed.position_lps_mm)
    plane = volume.slices[number].plane
    off_mm = rng.normal(0.0, CLICK_SD_MM, 2) / (plane.row_spacing_mm, plane.column_spacing_mm)
    at_ji = plane.to_index_ji(seed.position_lps_mm) + off_mm
    return replace(seed, position_lps_mm=plane.to_lps_mm(at_ji))


def ct_of_sts_048() -> Volume:
    """Load the CT that shows the same bones in the same frame of reference, slice by slice."""
    with open_study(DATA / "sts_hip_t1" / "STS_048" / "CT") as study:
        return load_volume(study.ranked[0].series)


def two_bones(ct: Volume, femur_lps_mm, ischium_lps_mm) -> LabelMap:
    """Bone above 200 HU, filled; every voxel belongs to the seed it is connected to."""
    voxels = np.zeros(ct.voxels.shape, np.int32)
    for k, item in enumerate(ct.slices):
        filled = ndi.binary_fill_holes(ndi.binary_closing(ct.voxels[k] > 200, iterations=2))
        parts, count = ndi.label(ndi.binary_opening(filled, iterations=1))
        if count < 2:
            continue
        centres = item.plane.to_lps_mm(
            np.array(ndi.center_of_mass(parts > 0, parts, range(1, count + 1)))
        )
        sizes = np.bincount(parts.ravel())[1:]
        for number, seed in ((1, femur_lps_mm), (2, ischium_lps_mm)):
            apart = np.linalg.norm(centres[:, :2] - seed[:2], axis=1) + 1e3 * (sizes < 80)
            if apart.min() < 25:
                voxels[k][parts == int(apart.argmin()) + 1] = number
    return LabelMap(ct.grid, voxels, {"femur_left": 1, "hip_left": 2})


def bones_in_ct(ct: Volume, labels: LabelMap, k: int) -> dict[Bone, np.ndarray]:
    """Give the outlines of both bones in one slice, (n, 3) patient mm."""
    return {
        bone: np.vstack(
            [
                ct.slices[k].plane.to_lps_mm(line)
                for line in find_contours(np.asarray(labels.voxels[k] == number, float), 0.5)
                if len(line) > 60
            ]
        )
        for bone, number in ((Bone.FEMUR, 1), (Bone.ISCHIUM, 2))
    }


def smallest_in_ct_mm(name: str, side: Side, shown: tuple[int, int]) -> float | None:
    """Measure between the bones of the CT on the slices of the readers, where there is one."""
    if name != "STS_048":
        return None
    ct = ct_of_sts_048()
    labels = two_bones(ct, *(seed.position_lps_mm for seed in seeds_of(name, side)))
    gaps = []
    for k in range(shown[0], shown[1] + 1):
        try:
            bones = bones_in_ct(ct, labels, k)
        except ValueError:
            # The ischium does not reach down to this slice.
            continue
        gaps.append(float(cKDTree(bones[Bone.FEMUR]).query(bones[Bone.ISCHIUM])[0].min()))
    return min(gaps)
