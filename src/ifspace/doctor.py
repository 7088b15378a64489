"""What this installation can decode, show and send: each finding comes from trying it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Finding:
    """One ability: whether it works, whether the main job needs it, and what was seen."""

    name: str
    works: bool
    needed: bool
    detail: str


def examine() -> tuple[Finding, ...]:
    """Try every ability, the needed ones first."""
    return (*_decoding(), _typesetting(), *_optional())


def _try(name: str, attempt: Callable[[], str]) -> Finding:
    """Run one attempt; whatever it raises is the finding, not an end of the examination."""
    try:
        return Finding(name, works=True, needed=True, detail=attempt())
    except Exception as error:  # noqa: BLE001 - a broken plug-in may raise anything
        return Finding(name, works=False, needed=True, detail=f"{type(error).__name__}: {error}")


def _decoding() -> Iterator[Finding]:
    from pydicom import uid

    yield _try("read DICOM, JPEG-LS", lambda: _round_trip(uid.JPEGLSLossless))
    yield _try("read DICOM, JPEG 2000", lambda: _round_trip(uid.JPEG2000Lossless))
    yield _try("read DICOM, RLE", lambda: _round_trip(uid.RLELossless))
    yield _try("read DICOM, JPEG lossless and 12-bit", _simpleitk_reads_dicom)


def _round_trip(transfer_syntax_uid: str) -> str:
    """Compress a small ramp and decode it again, bit for bit."""
    from pydicom import Dataset, FileMetaDataset, uid

    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    image.SOPClassUID = uid.MRImageStorage
    image.SOPInstanceUID = uid.generate_uid(entropy_srcs=["ifspace doctor"])
    image.Rows, image.Columns = ramp.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0
    image.PixelData = ramp.tobytes()
    image.compress(uid.UID(transfer_syntax_uid), generate_instance_uid=False)
    if not np.array_equal(image.pixel_array, ramp):
        message = "the decoded pixels differ from the encoded ones"
        raise ValueError(message)
    return "decoded bit for bit"


def _simpleitk_reads_dicom() -> str:
    import SimpleITK as sitk

    names = sitk.ImageFileReader().GetRegisteredImageIOs()
    if "GDCMImageIO" not in names:
        message = "SimpleITK was built without GDCM"
        raise ValueError(message)
    return f"SimpleITK {sitk.Version.VersionString()} with GDCM"


def _typesetting() -> Finding:
    def compile_page() -> str:
        from ifspace.report.typeset import set_page

        return f"a page of {len(set_page('style.typ', {}, system_fonts=False))} bytes"

    return _try("typeset a PDF", compile_page)


def _optional() -> Iterator[Finding]:
    for name, modules, extra in (
        ("show a study in napari", ("napari", "qtpy"), "napari"),
        ("talk to a DICOM node", ("pynetdicom",), "pacs"),
        ("talk to a DICOMweb server", ("dicomweb_client",), "pacs"),
        ("run on many machines", ("distributed",), "cluster"),
    ):
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        detail = f"install ifspace[{extra}]" if missing else "installed"
        yield Finding(name, works=not missing, needed=False, detail=detail)
    yield _segmenter()


def _segmenter() -> Finding:
    """Tell whether bones can be segmented; the program is looked for and not started."""
    from ifspace.segmenter import EXECUTABLE, EXECUTABLE_VARIABLE, HOW_TO_GET_WEIGHTS, find

    found = find()
    if found is None:
        detail = f"install {EXECUTABLE} apart and name its program in {EXECUTABLE_VARIABLE}"
    elif not found.has_weights:
        detail = f"weights are missing; {HOW_TO_GET_WEIGHTS}"
    else:
        detail = "installed, with weights"
    works = found is not None and found.has_weights
    return Finding(f"segment bones with {EXECUTABLE}", works=works, needed=False, detail=detail)
