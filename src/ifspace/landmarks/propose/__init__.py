"""Without clicks and without labels: femur, level and region of the ischium. Never a distance.

:func:`propose` looks at a whole volume; :func:`level_at` and :func:`find_level` find the level of
the lesser trochanter from a seed in the femur, or from its outlines. What cannot be told is a
:class:`Refusal`.
"""

from ifspace.landmarks.propose.femur import Proposal, ProposedSide, level_at, propose, unsuited
from ifspace.landmarks.propose.level import Level, find_level

__all__ = ["Level", "Proposal", "ProposedSide", "find_level", "level_at", "propose", "unsuited"]
