"""Put a key image into a DICOM object of the study (Secondary Capture Image Storage).

The lines are part of the pixels: the last resort for viewers that show neither SR nor PDF. The
object has no pixel spacing, because a picture scaled for the eye is nothing to measure on.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import JPEGLSLossless, SecondaryCaptureImageStorage

from ifspace.dicom_out.header import identify, new_object
from ifspace.errors import OutputError
from ifspace.model import Side

INSTANCE_NUMBER = {Side.RIGHT: 1, Side.LEFT: 2}


def key_image(
    picture: Path,
    side: Side,
    source: Dataset,
    filed: Dataset,
    *,
    moment: datetime.datetime,
    frame_number: int | None = None,
) -> FileDataset:
    """Wrap a key image.

    Parameters
    ----------
    picture
        The PNG, with its lines drawn in and without any identity.
    side
        Which side it shows.
    source, frame_number
        The image that it shows, and its frame where there are several.
    filed, moment
        Patient and study to file it under, and when it is made.

    Raises
    ------
    OutputError
        If the file cannot be read as an image.

    References
    ----------
    DICOM PS3.3 A.8.1, C.8.6.
    """
    try:
        with Image.open(picture) as opened:
            pixels = opened.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        message = f"{picture.name} cannot be read as an image; write the key images again"
        raise OutputError(message) from error
    made = new_object(filed, SecondaryCaptureImageStorage, "OT", moment)
    made.SeriesDescription = "Key images, ischiofemoral and quadratus femoris space"
    made.InstanceNumber = INSTANCE_NUMBER[side]
    made.BodyPartExamined = "PELVIS"
    made.ImageComments = f"{side.value.capitalize()} side"
    made.ConversionType = "WSD"
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.PatientOrientation = ""
    made.DerivationDescription = "Lines drawn into the image; not for measurement"
    made.SourceImageSequence = [reference_to(source, frame_number)]
    made.BurnedInAnnotation = "NO"
    made.RecognizableVisualFeatures = "NO"
    made.LossyImageCompression = "00"
    _pixels(made, pixels)
    identify(made, series_of=(str(filed.StudyInstanceUID), moment.isoformat()))
    return made


def reference_to(source: Dataset, frame_number: int | None) -> Dataset:
    """Refer to an image, and its frame where there are several."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
    if frame_number is not None:
        reference.ReferencedFrameNumber = frame_number
    return reference


def _pixels(made: FileDataset, pixels: Image.Image) -> None:
    """Write 8-bit RGB, colour by pixel (PS3.3 C.7.6.3), compressed without loss."""
    made.SamplesPerPixel = 3
    made.PhotometricInterpretation = "RGB"
    made.PlanarConfiguration = 0
    made.Columns, made.Rows = pixels.size
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit = 7
    made.PixelRepresentation = 0
    raw = pixels.tobytes()
    made.PixelData = raw + b"\0" * (len(raw) % 2)
    made.compress(JPEGLSLossless, generate_instance_uid=False)
