"""From stored bytes to signal: decode, cut to the bits that count, rescale, bright is much signal.

Native pixel data is taken as it lies. Compressed data goes to pydicom's decoders (RLE, JPEG-LS,
JPEG 2000, JPEG baseline) and, where these have none (JPEG lossless, 12-bit JPEG), to SimpleITK,
which is given nothing but the compressed stream: it would rescale by itself, and its geometry is
not believed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian

from ifspace.errors import UnreadableInputError
from ifspace.io.elements import RawHeader, dataset_of, pixels_in, read_elements, values_of
from ifspace.io.values import (
    BROKEN_DICOM,
    NATIVE_SYNTAXES,
    PIXEL_DATA,
    TRANSFER_SYNTAX,
    Elements,
    count,
    number,
    numbers,
    text,
)

# What a classic study can hold at most in one stack of float32 voxels: 4 GB.
MAX_VOXELS = 2**30
# Scanners write slopes of 1e-6 to 1e6; above this float32 could overflow.
MAX_RESCALE = 1e25
_WITHOUT_PYDICOM_DECODER = {
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
}
_LOSSY = {
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.203",
}
_KEPT_FOR_DECODING = (
    "SOPClassUID", "SOPInstanceUID", "SamplesPerPixel", "Rows", "Columns", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "PixelData",
)  # fmt: skip

Stored = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class RawImages:
    """The raw pixels of one file: its elements, and either native bytes or what pydicom read."""

    header: RawHeader
    native: memoryview | None
    dataset: Dataset | None

    @property
    def values(self) -> Elements:
        """Value bytes by tag."""
        return self.header.values


def read_images(path: Path) -> RawImages:
    """Read one file whole; nothing is decoded yet.

    Raises
    ------
    UnreadableInputError
        If it is damaged.
    """
    try:
        buffer = path.read_bytes()
    except OSError as error:
        raise UnreadableInputError(f"cannot be read ({error.strerror})") from error
    header = read_elements(path, buffer)
    encapsulated = text(header.values, TRANSFER_SYNTAX) not in NATIVE_SYNTAXES
    if header.dataset is None and not encapsulated:
        return RawImages(header, pixels_in(buffer, header), None)
    dataset = dataset_of(path, buffer)
    element = dataset.get_item(PIXEL_DATA)
    if element is None or not isinstance(element.value, bytes):
        raise UnreadableInputError("the pixel data is missing")
    return RawImages(header, None if encapsulated else memoryview(element.value), dataset)


def is_lossy(images: RawImages) -> bool:
    """Tell whether the pixels were ever compressed with loss."""
    values = images.values
    return text(values, TRANSFER_SYNTAX) in _LOSSY or text(values, 0x00282110) == "01"


def stored_frames(images: RawImages) -> Stored:
    """Decode the stored values of every frame, (frame, row, column), as integers.

    Raises
    ------
    UnreadableInputError
        If the pixel data does not fit its description or cannot be decoded.
    """
    values = images.values
    frames = max(int(number(values, 0x00280008) or 1), 1)
    shape = (frames, count(values, 0x00280010), count(values, 0x00280011))
    if math.prod(shape) > MAX_VOXELS:
        raise UnreadableInputError(f"{math.prod(shape)} pixels in one file, which no scan has")
    allocated, stored, high = (count(values, tag) for tag in (0x00280100, 0x00280101, 0x00280102))
    if allocated not in (8, 16, 32) or not 0 < stored <= high + 1 <= allocated:
        raise UnreadableInputError(
            f"the pixel format contradicts itself: {allocated} bits allocated, {stored} stored, "
            f"high bit {high}"
        )
    if count(values, 0x00280002) > 1:
        raise UnreadableInputError("a colour image; only grey images are measured")
    if images.native is None:
        return _decoded(images, shape)
    return _cut_to_bits(_native(images.native, values, shape, allocated), stored, high)


def _native(
    native: memoryview, values: Elements, shape: tuple[int, int, int], allocated: int
) -> Stored:
    """View native pixel data as the integers it holds."""
    needed_bytes = math.prod(shape) * allocated // 8
    # One padding byte is allowed; anything else means that the format is not what is said.
    if not needed_bytes <= len(native) <= needed_bytes + 1:
        raise UnreadableInputError(
            f"{len(native)} bytes of pixels, but the format needs {needed_bytes}"
        )
    order = ">" if text(values, TRANSFER_SYNTAX) == ExplicitVRBigEndian else "<"
    sign = "i" if count(values, 0x00280103) else "u"
    dtype = np.dtype(f"{order}{sign}{allocated // 8}")
    return np.frombuffer(native, dtype, count=math.prod(shape)).reshape(shape)


def _cut_to_bits(values: Stored, stored: int, high: int) -> Stored:
    """Drop what lies outside the stored bits, with the sign where there is one.

    Old scanners kept overlays in the unused high bits.
    """
    allocated = values.dtype.itemsize * 8
    if stored == allocated:
        return values
    up, down = allocated - 1 - high, allocated - stored
    native = values.astype(values.dtype.newbyteorder("="))
    return np.asarray(np.right_shift(np.left_shift(native, up), down))


def _decoded(images: RawImages, shape: tuple[int, int, int]) -> Stored:
    """Decode compressed pixel data."""
    syntax, image = text(images.values, TRANSFER_SYNTAX), images.dataset
    if image is None:
        message = "compressed pixels need the data set"
        raise ValueError(message)
    try:
        if syntax in _WITHOUT_PYDICOM_DECODER:
            values = _decoded_by_simpleitk(image)
        else:
            values = pixel_array(image, raw=True)
    except BROKEN_DICOM as error:
        name = UID(syntax).name
        raise UnreadableInputError(f"the pixels ({name}) cannot be decoded") from error
    if values.size != math.prod(shape):
        raise UnreadableInputError("the compressed image has another size than the header says")
    if not np.issubdtype(values.dtype, np.integer):
        raise UnreadableInputError("the pixels are not whole numbers")
    return values.reshape(shape)


def _decoded_by_simpleitk(image: Dataset) -> Stored:
    """Decode by SimpleITK from a file that holds the compressed stream and its format only."""
    bare = Dataset()
    for keyword in _KEPT_FOR_DECODING:
        if keyword in image:
            bare[keyword] = image[keyword]
    bare.PhotometricInterpretation = "MONOCHROME2"
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = image.file_meta.TransferSyntaxUID
    bare.file_meta.MediaStorageSOPClassUID = bare.SOPClassUID
    bare.file_meta.MediaStorageSOPInstanceUID = bare.SOPInstanceUID
    with TemporaryDirectory(prefix="ifspace-") as room:
        place = Path(room) / "pixels.dcm"
        bare.save_as(place, enforce_file_format=True)
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(place))
        with _quiet_standard_error():
            return np.asarray(sitk.GetArrayFromImage(reader.Execute()))


@contextmanager
def _quiet_standard_error() -> Iterator[None]:
    """Keep the JPEG library, which tries one bit depth after the other, from printing each try.

    It writes to the file descriptor itself, past Python.
    """
    try:
        kept = os.dup(2)
    except OSError:
        # A program without a console has no standard error to keep quiet.
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def rescale_of(images: RawImages, frame_number: int | None) -> tuple[float, float]:
    """Read rescale slope and intercept of one frame; 1 and 0 where there are none.

    Raises
    ------
    UnreadableInputError
        If they are no numbers, beyond all bounds, or the slope is zero.
    """
    try:
        values = _rescale_elements(images, frame_number)
        slope = (numbers(values, 0x00281053) or (1.0,))[0]
        intercept = (numbers(values, 0x00281052) or (0.0,))[0]
    except BROKEN_DICOM as error:
        raise UnreadableInputError("RescaleSlope or RescaleIntercept is no number") from error
    # NaN and infinity fail these comparisons as well.
    if not (0.0 < abs(slope) < MAX_RESCALE and abs(intercept) < MAX_RESCALE):
        raise UnreadableInputError(
            f"rescale slope {slope:g} and intercept {intercept:g} give no signal"
        )
    return slope, intercept


def _rescale_elements(images: RawImages, frame_number: int | None) -> Elements:
    """Find where the rescale of a frame is written."""
    if frame_number is None or images.dataset is None:
        return images.values
    groups = [images.dataset.PerFrameFunctionalGroupsSequence[frame_number - 1]]
    groups.extend(images.dataset.get("SharedFunctionalGroupsSequence") or ())
    for group in groups:
        for item in group.get("PixelValueTransformationSequence") or ():
            return values_of(item)
    return images.values


def write_signal(
    out: NDArray[np.float32], stored: Stored, images: RawImages, frame_number: int | None
) -> None:
    """Turn the stored values of one frame (row, column) into signal, in place of `out`.

    Raises
    ------
    UnreadableInputError
        If the rescale is no number.
    """
    slope, intercept = rescale_of(images, frame_number)
    if text(images.values, 0x00280004) == "MONOCHROME1":
        # The stored scale is turned round within its own range: bright is much signal.
        bits = count(images.values, 0x00280101)
        ends_sum = -1 if count(images.values, 0x00280103) else 2**bits - 1
        slope, intercept = -slope, intercept + slope * ends_sum
    out[...] = stored
    if slope != 1.0:
        out *= np.float32(slope)
    if intercept != 0.0:
        out += np.float32(intercept)
