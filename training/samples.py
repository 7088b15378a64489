"""Render slabs to disk, so that training reads instead of rendering.

Usage: ``python samples.py --shapes DIR --out DIR --seed 1 --first 0 --count 1000``
"""

import argparse
import pickle
from pathlib import Path

import numpy as np
from anatomy import load_patient
from render import Slab, Sources, render
from shapes import ShapeModel
from sharp import load_sharp_hip

PATIENTS = ("001", "002", "004", "005")


def sources(shapes: Path, work: Path) -> Sources:
    """Load the shape sources; what is fitted is kept in the work folder."""
    kept = work / "sources.pkl"
    if not kept.exists():
        model = ShapeModel(shapes / "llp26.npz")
        patients = [load_patient(shapes, number, model) for number in PATIENTS]
        made = Sources(model, patients, load_sharp_hip(shapes / "gfxmorph", model))
        kept.write_bytes(pickle.dumps(made))
    return pickle.loads(kept.read_bytes())


def save(slab: Slab, path: Path) -> None:
    """Write a slab under a temporary name first: training lists the folder while this runs."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file, image=slab.image, labels=slab.labels, step_mm=slab.step_mm, apices=slab.apices_kji
        )
    part.rename(path)


def main() -> None:
    """Render the asked numbers; what is there already is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    made_of = sources(asked.shapes, asked.out.parent)
    for number in range(asked.first, asked.first + asked.count):
        path = asked.out / f"{asked.seed:03d}-{number:06d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([asked.seed, number])
        slab = None
        while slab is None:
            slab = render(rng, made_of)
        save(slab, path)


if __name__ == "__main__":
    main()
