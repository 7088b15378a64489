"""From stored bytes to signal: decode, cut to the bits that count, rescale, bright is much signal.

Native pixel data is taken as it lies, RLE is unpacked by pydicom, which needs no native code.
Other compressed data goes, in a process of its own, to pydicom's decoders (JPEG-LS, JPEG 2000, JPEG
baseline) and, where these have none (JPEG lossless, 12-bit JPEG), to SimpleITK. They are given
nothing but the compressed stream, of which the size was checked.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian, RLELossless, SecondaryCaptureImageStorage

from ifspace.errors import UnreadableInputError
from ifspace.io.codestream import check_codestream
from ifspace.io.decoding import native_by_simpleitk, native_pixels
from ifspace.io.elements import RawHeader, dataset_of, pixels_in, read_elements, values_of
from ifspace.io.limits import MAX_HEADER_BYTES, MAX_RATIO, check_voxels, swells
from ifspace.io.values import (
    NATIVE_SYNTAXES,
    PIXEL_DATA,
    TRANSFER_SYNTAX,
    Elements,
    count,
    items_of,
    number,
    numbers,
    refused_as,
    text,
)

# Read at once, before it is known what the header announces.
_SMALL_FILE_BYTES = 32 * 2**20
_FIRST_READ_BYTES = 65_536
# Functional groups of one frame are some 2 kB.
_FRAME_HEADER_BYTES = 65_536
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
    "SamplesPerPixel", "Rows", "Columns", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "PixelData",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
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
        with path.open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > _SMALL_FILE_BYTES:
                _check_announced(read_elements(path, stream.read(_FIRST_READ_BYTES)).values, size)
                stream.seek(0)
            buffer = stream.read()
    except OSError as error:
        raise UnreadableInputError(f"cannot be read ({error.strerror})") from error
    header = read_elements(path, buffer)
    encapsulated = text(header.values, TRANSFER_SYNTAX) not in NATIVE_SYNTAXES
    if header.dataset is None and not encapsulated:
        return RawImages(header, pixels_in(buffer, header), None)
    dataset = dataset_of(BytesIO(buffer), pixels=True)
    element = dataset.get_item(PIXEL_DATA)
    if element is None or not isinstance(element.value, bytes):
        raise UnreadableInputError("the pixel data is missing")
    return RawImages(header, None if encapsulated else memoryview(element.value), dataset)


def _frame_count(values: Elements) -> int:
    return max(int(number(values, 0x00280008) or 1), 1)


def _check_announced(values: Elements, size: int) -> None:
    """Refuse a large file that is far larger than the images that it announces."""
    frames = _frame_count(values)
    pixels = frames * count(values, 0x00280010) * count(values, 0x00280011)
    check_voxels(pixels)
    image_bytes = pixels * max(count(values, 0x00280002), 1) * count(values, 0x00280100) // 8
    # Noise that is compressed grows a little.
    if size > 2 * image_bytes + frames * _FRAME_HEADER_BYTES + MAX_HEADER_BYTES:
        raise UnreadableInputError("the file is far larger than the images that it announces")


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
    shape = (_frame_count(values), count(values, 0x00280010), count(values, 0x00280011))
    check_voxels(math.prod(shape))
    allocated, stored, high = (count(values, tag) for tag in (0x00280100, 0x00280101, 0x00280102))
    if allocated not in (8, 16, 32) or not 0 < stored <= high + 1 <= allocated:
        raise UnreadableInputError(
            f"the pixel format contradicts itself: {allocated} bits allocated, {stored} stored, "
            f"high bit {high}"
        )
    if count(values, 0x00280002) > 1 or text(values, 0x00280004) == "PALETTE COLOR":
        raise UnreadableInputError("a colour image; only grey images are measured")
    if images.native is None:
        return _decoded(images, shape)
    return _cut_to_bits(_native(images.native, values, shape, allocated), stored, high)


def segmentation_frames(image: Dataset) -> Stored:
    """Decode the frames of a DICOM Segmentation, (frame, row, column), one bit or byte per pixel.

    Raises
    ------
    UnreadableInputError
        If the pixel data does not fit its description or cannot be decoded.
    """
    values = values_of(image)
    shape = (_frame_count(values), count(values, 0x00280010), count(values, 0x00280011))
    check_voxels(math.prod(shape))
    bits = count(values, 0x00280100)
    element = image.get_item(PIXEL_DATA)
    if min(shape) < 1 or bits not in (1, 8, 16) or not isinstance(element, RawDataElement):
        raise UnreadableInputError("it has no frames, or no pixels")
    if text(values, TRANSFER_SYNTAX) not in NATIVE_SYNTAXES:
        return _decoded(RawImages(RawHeader(values, None), None, image), shape)
    needed_bytes = (math.prod(shape) * bits + 7) // 8
    packed = np.frombuffer(element.value or b"", np.uint8)
    if not needed_bytes <= packed.size <= needed_bytes + 1:
        raise UnreadableInputError(
            f"{packed.size} bytes of pixels, but the format needs {needed_bytes}"
        )
    if bits > 1:
        return _native(memoryview(packed), values, shape, bits)
    # PS3.5 8.1.1: frames follow each other bit by bit, the lowest bit first.
    return np.unpackbits(packed, count=math.prod(shape), bitorder="little").reshape(shape)


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
    syntax, image = UID(text(images.values, TRANSFER_SYNTAX)), images.dataset
    if image is None:
        message = "compressed pixels need the data set"
        raise ValueError(message)
    cannot = f"the pixels ({syntax.name}) cannot be decoded"
    try:
        with refused_as("damaged"):
            pixel_bytes = max(count(images.values, 0x00280100) // 8, 1)
            values = _decoded_frames(image, syntax, shape, pixel_bytes)
    except UnreadableInputError as error:
        raise UnreadableInputError(f"{cannot}: {error}") from error
    if values.size != math.prod(shape):
        raise UnreadableInputError("the compressed image has another size than the header says")
    if not np.issubdtype(values.dtype, np.integer):
        raise UnreadableInputError("the pixels are not whole numbers")
    return values.reshape(shape)


def _decoded_frames(
    image: Dataset, syntax: str, shape: tuple[int, int, int], pixel_bytes: int
) -> Stored:
    """Check the compressed frames and hand them to the decoder that knows them."""
    _check_frames(image, shape, pixel_bytes)
    if syntax == RLELossless:
        return np.asarray(pixel_array(image, raw=True))
    decode = native_by_simpleitk if syntax in _WITHOUT_PYDICOM_DECODER else native_pixels
    return decode(_bare_file(image), math.prod(shape) * pixel_bytes)


def _check_frames(image: Dataset, shape: tuple[int, int, int], pixel_bytes: int) -> None:
    """Hold every compressed frame against what the header announces."""
    packed_bytes = len(image.PixelData)
    if swells(math.prod(shape) * pixel_bytes, packed_bytes):
        raise UnreadableInputError(
            f"the pixels unpack to more than {MAX_RATIO} times their size, which no images do"
        )
    offsets = None
    if "ExtendedOffsetTable" in image:
        offsets = (image.ExtendedOffsetTable, image.ExtendedOffsetTableLengths)
    frames = generate_frames(image.PixelData, number_of_frames=shape[0], extended_offsets=offsets)
    for frame in frames:
        check_codestream(frame, shape[1], shape[2], pixel_bytes)


def _bare_file(image: Dataset) -> bytes:
    """Make a file of the compressed stream and its format only."""
    bare = Dataset()
    for keyword in _KEPT_FOR_DECODING:
        if keyword in image:
            bare[keyword] = image[keyword]
    bare.PhotometricInterpretation = "MONOCHROME2"
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = image.file_meta.TransferSyntaxUID
    bare.file_meta.MediaStorageSOPClassUID = bare.SOPClassUID = SecondaryCaptureImageStorage
    bare.file_meta.MediaStorageSOPInstanceUID = bare.SOPInstanceUID = UID("1.2.3")
    content = BytesIO()
    bare.save_as(content, enforce_file_format=True)
    return content.getvalue()


def rescale_of(images: RawImages, frame_number: int | None) -> tuple[float, float]:
    """Read rescale slope and intercept of one frame; 1 and 0 where there are none.

    Raises
    ------
    UnreadableInputError
        If they are no numbers, beyond all bounds, or the slope is zero.
    """
    with refused_as("RescaleSlope or RescaleIntercept is no number"):
        values = _rescale_elements(images, frame_number)
        slope = (numbers(values, 0x00281053) or (1.0,))[0]
        intercept = (numbers(values, 0x00281052) or (0.0,))[0]
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
    groups = items_of(images.dataset, "PerFrameFunctionalGroupsSequence")[frame_number - 1 :][:1]
    groups += items_of(images.dataset, "SharedFunctionalGroupsSequence")
    for group in groups:
        for item in items_of(group, "PixelValueTransformationSequence"):
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
