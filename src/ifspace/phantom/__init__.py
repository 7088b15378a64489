"""A synthetic pelvis MR whose spaces are known to a hundredth of a millimetre.

It knows nothing of the geometry module of the library: it writes positions by the DICOM equation,
so that what reads them is put to the test.
"""

from ifspace.phantom.spec import Layout, PhantomSpec, Size, View
from ifspace.phantom.variants import VARIANTS, Variant
from ifspace.phantom.write import PhantomTruth, write_phantom

__all__ = [
    "VARIANTS",
    "Layout",
    "PhantomSpec",
    "PhantomTruth",
    "Size",
    "Variant",
    "View",
    "write_phantom",
]
