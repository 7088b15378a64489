"""Real hips with frozen seeds and the mean of two readers. Coordinates only, no images.

Seeds were put once by looking at the images. Femur and ischium seed in patient mm, IFS and QFS in
mm, first and last slice on which a reader saw the lesser trochanter.
"""

from __future__ import annotations

import os
from pathlib import Path

from ifspace.io import load_volume, open_study
from ifspace.landmarks import FoundSide, from_seeds
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
    femur, ischium = HIPS[name, side][:2]
    return (
        Seed(SeedName.FEMUR_MARROW, side, femur),
        Seed(SeedName.ISCHIUM_MARROW, side, ischium),
    )


def found_in(name: str, side: Side) -> FoundSide:
    """Measure one hip on the slices of the readers."""
    return from_seeds(volume_of(name), seeds_of(name, side), side, HIPS[name, side][3])
