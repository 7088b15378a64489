"""Limits and units that several parts of the library use."""

# At this age pelvic growth is taken as complete; the adult cut-offs were published for it.
ADULT_AGE_YEARS = 18.0

# Mean year of the Gregorian calendar, in which DICOM writes its dates (PS3.5 6.2, DA).
DAYS_PER_YEAR = 365.2425

# The published distances were read on plain axial slices. At 30 degrees a distance along the tilt
# would be 15 % longer: further off than two careful readers are. Compared at 0.1 degrees.
AXIAL_TILT_LIMIT_DEG = 30.0

# A point belongs to a slice if it lies within this share of the slice step of its plane; the rest
# of the gap belongs to the neighbour.
ON_SLICE_SHARE = 0.5
# Where the step is unknown (a single slice), a point has to lie this near to the plane.
ON_SINGLE_SLICE_MM = 1.0

# Vendors write slice positions rounded to 0.01 mm; a step that differs by ten times that is
# reported as uneven.
STEP_TOLERANCE_MM = 0.1
# Half of it where one affine has to describe all slices: a written NIfTI file, a label map.
GRID_TOLERANCE_MM = 0.05
