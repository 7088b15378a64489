"""A cohort of phantoms, good and faulty mixed, as a researcher's disk would hold it."""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from pathlib import Path

from ifspace.phantom import VARIANTS, PhantomSpec, Size, write_phantom

# The published means of control and symptomatic hips lie in this range.
IFS_RANGE_MM = (9.0, 32.0)
TENDON_RANGE_MM = (5.0, 9.0)
SMALLEST_QFS_MM = 3.5
AGES = (9, 15, 19, 24, 28, 33, 37, 42, 47, 51, 56, 61, 66, 71, 78)
# One in eight is faulty, as in a clinic's archive on a bad day.
FAULTY = ("missing-slice", "repeated-slice", "no-pixel-spacing", "sheared")
GOOD = ("plain", "t2", "pd", "enhanced", "flipped-columns", "zipped", "no-extension")
FAULTY_EVERY = 8


def spec_of(number: int, size: Size) -> PhantomSpec:
    """Choose a phantom by its number alone."""
    chance = random.Random(number)
    faulty = number % FAULTY_EVERY == FAULTY_EVERY - 1
    name = chance.choice(FAULTY if faulty else GOOD)
    right_mm = chance.triangular(*IFS_RANGE_MM, 19.0)
    left_mm = min(max(right_mm + chance.gauss(0.0, 2.5), IFS_RANGE_MM[0]), IFS_RANGE_MM[1])
    spaces = {}
    for side, ifs_mm in (("right", right_mm), ("left", left_mm)):
        spaces[f"ifs_{side}_mm"] = round(ifs_mm, 1)
        qfs_mm = max(ifs_mm - chance.uniform(*TENDON_RANGE_MM), SMALLEST_QFS_MM)
        spaces[f"qfs_{side}_mm"] = round(qfs_mm, 1)
    return replace(
        VARIANTS[name].spec,
        size=size,
        seed=number,
        age_years=chance.choice(AGES),
        sex=chance.choice("FFM"),
        **spaces,
    )


def write_cohort(root: Path, count: int, size: Size = Size.TINY, *, first: int = 0) -> None:
    """Write `count` studies below a folder, each with its session beside it."""
    for number in range(first, first + count):
        folder = root / f"case{number:04d}"
        if not folder.exists():
            write_phantom(folder, spec_of(number, size))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--size", choices=[size.value for size in Size], default="tiny")
    arguments = parser.parse_args()
    write_cohort(arguments.root, arguments.count, Size(arguments.size))
