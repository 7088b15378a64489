"""From one rough seed in the marrow of each bone to both spaces in every slice of a range.

:func:`from_seeds` outlines the cortex of both bones, measures between the outlines in every slice
and has `grading` decide what is shown. With a :class:`Memory` a correction takes a fraction of the
time; the result is the same without.
"""

from ifspace.landmarks.outline.memory import Memory
from ifspace.landmarks.outline.seeds import from_seeds

__all__ = ["Memory", "from_seeds"]
