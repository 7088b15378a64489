"""From a label map to both spaces in every slice of a range.

:func:`from_masks` cuts the labels with the slices, corrects their borders on the grey levels where
the cortex is clear, and refuses a map that does not lie on the bones of the images.
:func:`level_from_masks` gives the level of the lesser trochanter alone.
"""

from ifspace.landmarks.labels.maps import from_masks, level_from_masks

__all__ = ["from_masks", "level_from_masks"]
