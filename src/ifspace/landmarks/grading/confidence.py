"""How wrong a distance may be, from how it was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ifspace.landmarks.values import QualityGrade

# Log scale of a Student t distribution (three degrees of freedom) of the error, linear in what was
# seen; over 4869 slices of 367 analytic hips, 167 of them with the tendon on the path, in T1, PD
# and T2 at a signal-to-noise ratio of 20 and T1 at 10. Where each tenth of the hips was covered by
# weights of the other nine tenths, 95 % of the slices of the 200 hips without such a tendon lay
# within (T1 96, PD 95, T2 94, T1 with more noise 95 %), and 97 % of the others; the weights of all
# are used. Checked on hips that were never used before: docs/accuracy.md.
WEIGHTS = (3.85, -0.69, 0.21, 0.24, -2.60, 0.25, 0.18, 0.31)
COVER_95 = 2.65
# What the border of a tendon adds, or one that may have been missed where none limits the room:
# covers 96 % of the slices with a tendon on the path (T1 96, PD 97, T2 95 %).
TENDON_U95_MM = 0.2
# A length that nobody can beat: pixel size, noise and surface roughness together.
SMALLEST_U95_MM = 0.4

# On the hips without such a tendon green takes in 74 % of all T1 slices, with a mean error of
# 0.29 mm.
GREEN_BELOW_MM = 1.2
AMBER_BELOW_MM = 3.0


@dataclass(frozen=True)
class Evidence:
    """How one distance was seen.

    Attributes
    ----------
    score
        Clearness of the cortex at the weaker end, up to 1.7.
    roughness_mm
        Scatter of the fitted edge along the outline.
    sigma_mm
        Standard uncertainty of the fitted edges.
    ring_share
        Share of the outline of the femur on which a cortex is seen.
    noise_ratio
        Noise relative to the step from cortex to muscle.
    area_change
        Logarithm of how the area of the femur changes to the next slice.
    fat_rim
        Signal just outside the bones, from muscle (0) to marrow (1).
    """

    score: float
    roughness_mm: float
    sigma_mm: float
    ring_share: float
    noise_ratio: float
    area_change: float
    fat_rim: float

    def features(self) -> NDArray[np.float64]:
        """Give what the regression sees, (8,)."""
        return np.array(
            [
                1.0,
                np.clip(self.score, -0.5, 1.7),
                np.log(0.1 + min(self.roughness_mm, 3.0)),
                np.log(0.05 + min(self.sigma_mm, 3.0)),
                self.ring_share,
                np.log(0.03 + min(self.noise_ratio, 1.0)),
                np.log(0.05 + min(self.area_change, 1.0)),
                np.clip(self.fat_rim, -0.5, 1.5),
            ]
        )


def half_width_mm(evidence: Evidence) -> float:
    """Predict the half-width of the 95 % interval of one distance."""
    predicted = float(np.exp(evidence.features() @ np.array(WEIGHTS)))
    return max(SMALLEST_U95_MM, COVER_95 * predicted)


def room_half_width_mm(evidence: Evidence) -> float:
    """Predict the half-width for the quadratus femoris space, which tendons limit."""
    return float(np.hypot(half_width_mm(evidence), TENDON_U95_MM))


# Over 333 slices of 30 analytic hips, distances seen this clearly at both ends and with a narrow
# half-width were right to 2 mm without exception; with a wider one that took the higher limit.
# Below, the outline itself may be wrong, which no half-width can know.
SCORE_NARROW_MIN = 1.0
NARROW_BELOW_MM = 1.5
SCORE_WIDE_MIN = 1.2


def grade_of(u95_mm: float, score: float) -> QualityGrade | None:
    """Green, amber, or nothing where the number has to be hidden."""
    if u95_mm < GREEN_BELOW_MM and score >= SCORE_NARROW_MIN:
        return QualityGrade.GREEN
    enough = SCORE_NARROW_MIN if u95_mm < NARROW_BELOW_MM else SCORE_WIDE_MIN
    return QualityGrade.AMBER if u95_mm < AMBER_BELOW_MM and score >= enough else None


def confidence_of(u95_mm: float) -> float:
    """Put a half-width on the scale of marks, 1 for certain and 0 for hidden."""
    return float(np.clip(1.0 - u95_mm / AMBER_BELOW_MM, 0.0, 1.0))
