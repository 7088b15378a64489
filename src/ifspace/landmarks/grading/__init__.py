"""Decide whether what was seen in a slice is shown, and how wrong it may be.

:func:`readings_of` turns a :class:`SliceFinding` into one reading or refusal per space. Before
that, `exclusion`, `recognition` and `tissue` refuse a series, a seed, an outline or a whole gap.
Nothing here searches: the same finding always gives the same answer.
"""

from ifspace.landmarks.grading.readings import SliceFinding, readings_of

__all__ = ["SliceFinding", "readings_of"]
