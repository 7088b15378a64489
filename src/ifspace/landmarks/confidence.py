"""How wrong a distance may be, from how it was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ifspace.landmarks.values import Light

# Regression of log |error| on what was seen, over 483 slices of 40 analytic hips in three
# contrasts. Fitted on one half of the hips, the scale that covers 95 % there covers 90 to 96 % of
# the other half; the larger of the two scales, rounded up, is used. Checked on hips that were
# never used before: docs/accuracy.md.
WEIGHTS = (0.82, -0.46, 0.23, 0.30, 0.52, 0.04, 0.04)
COVER_95 = 3.0
# The border of a tendon is softer than that of bone.
TENDON_U95_MM = 0.8
# A length that nobody can beat: pixel size, noise and surface roughness together.
SMALLEST_U95_MM = 0.4

GREEN_BELOW_MM = 1.5
AMBER_BELOW_MM = 3.0


@dataclass(frozen=True)
class Evidence:
    """How one distance was seen.

    Attributes
    ----------
    score
        Clearness of the cortex at the weaker end.
    spread_mm
        Scatter over different starting points.
    roughness_mm
        Scatter of the fitted edge along the outline.
    sigma_mm
        Standard uncertainty of the fitted edges.
    blur_ratio
        Blur of the edge relative to the image's, at least about 1.
    steepness_mm
        How far the outlines move to the neighbouring slice.
    """

    score: float
    spread_mm: float
    roughness_mm: float
    sigma_mm: float
    blur_ratio: float
    steepness_mm: float

    def features(self) -> NDArray[np.float64]:
        """Give what the regression sees, (7,)."""
        return np.array(
            [
                1.0,
                np.clip(self.score, -1.0, 1.5),
                np.log(0.05 + min(self.spread_mm, 5.0)),
                np.log(0.1 + min(self.roughness_mm, 3.0)),
                np.log(0.05 + min(self.sigma_mm, 3.0)),
                np.log(self.blur_ratio),
                np.log(0.5 + min(self.steepness_mm, 10.0)),
            ]
        )


def half_width_mm(evidence: Evidence) -> float:
    """Predict the half-width of the 95 % interval of one distance."""
    predicted = float(np.exp(evidence.features() @ np.array(WEIGHTS)))
    return max(SMALLEST_U95_MM, COVER_95 * predicted)


def room_half_width_mm(evidence: Evidence, *, capped: bool) -> float:
    """Predict the half-width for the quadratus femoris space: a tendon's border is softer."""
    tendon_mm = TENDON_U95_MM if capped else 0.0
    return float(np.hypot(half_width_mm(evidence), tendon_mm))


# Below this the cortex is not seen at one of the two ends, and on clinical images the outline is
# wrong more often than the half-width, which was learned on analytic hips, can know.
SCORE_SHOWN_MIN = 0.35


def light_of(u95_mm: float, score: float) -> Light | None:
    """Green, amber, or nothing where the number has to be hidden."""
    if score < SCORE_SHOWN_MIN:
        return None
    if u95_mm < GREEN_BELOW_MM:
        return Light.GREEN
    return Light.AMBER if u95_mm < AMBER_BELOW_MM else None


def confidence_of(u95_mm: float) -> float:
    """Put a half-width on the scale of marks, 1 for certain and 0 for hidden."""
    return float(np.clip(1.0 - u95_mm / AMBER_BELOW_MM, 0.0, 1.0))
