"""Signal levels of tissues in random, T1-, PD-, T2-like and fat-suppressed contrast."""

from dataclasses import dataclass

import numpy as np

# fat, muscle, fluid, marrow relative to fat; each a range.
SEQUENCES = {
    "t1": ((0.75, 1.0), (0.22, 0.5), (0.08, 0.35), (0.6, 1.05)),
    "pd": ((0.75, 1.0), (0.35, 0.65), (0.5, 1.1), (0.55, 1.0)),
    "t2": ((0.55, 1.0), (0.08, 0.3), (0.7, 1.3), (0.5, 1.0)),
    "fs": ((0.05, 0.3), (0.25, 0.6), (0.7, 1.3), (0.6, 1.3)),
    "random": ((0.0, 1.0), (0.0, 1.0), (0.0, 1.2), (0.3, 1.7)),
}
CHANCES = (0.36, 0.14, 0.28, 0.08, 0.14)


@dataclass(frozen=True)
class Contrast:
    """Signal of each tissue; marrow of femur, hip bone, sacrum; ``red`` darkens it in places."""

    fat: float
    muscle: float
    fluid: float
    organ: float
    vessel: float
    tendon: float
    nerve: float
    tumour: float
    soft: float
    cortex: float
    marrow: tuple[float, float, float]
    red: float


def draw_contrast(rng: np.random.Generator, sequence: str | None = None) -> Contrast:
    """Draw the signal levels of one series, of the named sequence if there is one."""
    name = sequence or rng.choice(list(SEQUENCES), p=CHANCES)
    fat, muscle, fluid, ratio = (float(rng.uniform(*r)) for r in SEQUENCES[name])
    marrow = fat * ratio
    free = name == "random" and rng.random() < 0.4
    return Contrast(
        fat=fat,
        muscle=muscle,
        fluid=fluid,
        organ=float(muscle + rng.uniform(-0.05, 0.35) * (fluid - muscle) + rng.normal(0, 0.05)),
        vessel=float(rng.choice([0.03, muscle, fluid, rng.uniform(0, 1)])),
        tendon=float(rng.uniform(0, 1) if free else rng.uniform(0, min(0.16, muscle))),
        nerve=float(rng.uniform(muscle, max(muscle, fat))),
        tumour=float(rng.uniform(min(muscle, fluid), 1.1)),
        soft=float(muscle + rng.normal(0, 0.05)),
        cortex=float(rng.uniform(0, 1) if free else rng.uniform(0, 0.12)),
        marrow=tuple(float(marrow * np.exp(rng.normal(0, 0.08))) for _ in range(3)),
        red=float(max(0.0, marrow - muscle) * rng.choice([0, 0.2, 0.5]) * rng.random()),
    )
