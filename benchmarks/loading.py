"""How fast series are listed and loaded, beside SimpleITK in the same run.

Writes 20 series of 50 slices (512 x 512, 16 bit, about 0.5 GB) into a temporary folder, then
prints medians in seconds and the ratio ours / SimpleITK; below 1 is faster. A ratio needs no
quiet machine, for both take turns. Then the same for compressed files, decoded in a process of
their own (as every command does) and within this one.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    MRImageStorage,
    generate_uid,
)

from ifspace.io import decoding, load_volume, open_study

SERIES, SLICES, LOADED_SLICES, SIDE, ROUNDS = 20, 50, 40, 512, 7


def write_series(folder: Path, number: int, slices: int) -> None:
    """Write one plain axial series."""
    folder.mkdir(parents=True)
    uid, study_uid, frame_uid = generate_uid(), generate_uid(), generate_uid()
    pixels = np.random.default_rng(number).integers(0, 3000, (SIDE, SIDE)).astype("<i2").tobytes()
    for k in range(slices):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = MRImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study_uid, uid
        ds.FrameOfReferenceUID, ds.SeriesNumber, ds.InstanceNumber = frame_uid, number, k + 1
        ds.ImageType, ds.Modality = ["ORIGINAL", "PRIMARY", "M", "ND"], "MR"
        ds.Manufacturer, ds.SeriesDescription = "Maker", "t1_tse_tra"
        ds.PatientName, ds.PatientID = "Bench^Mark", "1"
        ds.PatientSex, ds.PatientAge, ds.StudyDate = "F", "050Y", "20200101"
        ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "SE", "SK", ""
        ds.RepetitionTime, ds.EchoTime, ds.EchoNumbers = "600", "12", 1
        ds.SliceThickness, ds.MagneticFieldStrength = "4.0", "3"
        ds.AcquisitionMatrix, ds.PatientPosition = [0, SIDE, SIDE, 0], "HFS"
        ds.ImagePositionPatient = [-150.5, -140.25, -100 + 4.4 * k]
        ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.6, 0.6]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows = ds.Columns = SIDE
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.PixelData = pixels
        ds["PixelData"].VR = "OW"
        ds.save_as(folder / f"{k:04d}.dcm", enforce_file_format=True)


def compare(
    name: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    peer: str = "SimpleITK",
) -> float:
    """Time both in turns and print the medians and their ratio."""
    seconds: dict[str, list[float]] = {"ours": [], peer: []}
    for round_number in range(ROUNDS + 1):
        for who, task in (("ours", ours), (peer, theirs)):
            begin = time.perf_counter()
            task()
            if round_number:  # the first round fills the caches
                seconds[who].append(time.perf_counter() - begin)
    a, b = statistics.median(seconds["ours"]), statistics.median(seconds[peer])
    print(f"{name}: ours {a:.3f} s, {peer} {b:.3f} s, ratio {a / b:.2f} (median of {ROUNDS})")
    return a / b


def compare_isolation(folder: Path, room: Path) -> None:
    """Print what a decoding process of its own costs once it runs."""
    y, x = np.mgrid[:SIDE, :SIDE]
    grey = (np.hypot(x - SIDE / 2, y - SIDE / 2) < 0.4 * SIDE) * 1200
    pixels = (grey + np.random.default_rng(0).normal(100, 20, grey.shape)).astype("<i2").tobytes()
    for name, syntax in (("JPEG-LS", JPEGLSLossless), ("JPEG 2000", JPEG2000Lossless)):
        (room / name).mkdir()
        for path in folder.iterdir():
            ds = dcmread(path)
            ds.PixelData = pixels
            ds.compress(syntax)
            ds.save_as(room / name / path.name)
        with open_study(room / name) as inventory:
            series = inventory.choose()

        def load(here: bool, series=series) -> None:
            decoding._DECODER.here = here
            load_volume(series)

        compare(f"load {name}", lambda: load(False), lambda: load(True), "one process")


def main() -> int:
    """Print both ratios; end with 1 where we are slower."""
    with TemporaryDirectory(prefix="ifspace-bench-") as room:
        root = Path(room) / "study"
        for number in range(SERIES):
            write_series(root / f"{number:02d}", number, SLICES)
        folders = sorted(str(item) for item in root.iterdir())
        write_series(Path(room) / "one", 99, LOADED_SLICES)
        files = sorted(str(item) for item in (Path(room) / "one").iterdir())

        def list_ours() -> int:
            with open_study(root) as inventory:
                return len(inventory.ranked)

        def list_theirs() -> int:
            names = sitk.ImageSeriesReader.GetGDCMSeriesIDs
            return sum(len(names(folder)) for folder in folders)

        with open_study(Path(room) / "one") as inventory:
            series = inventory.choose()

        def load_theirs() -> sitk.Image:
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(files)
            return reader.Execute()

        if list_ours() != list_theirs():
            print("the two do not find the same number of series", file=sys.stderr)
            return 1
        ratios = (
            compare(f"list {SERIES * SLICES} files in {SERIES} series", list_ours, list_theirs),
            compare(
                f"load {LOADED_SLICES} slices of {SIDE} x {SIDE} (SimpleITK: names given, sorted)",
                lambda: load_volume(series),
                load_theirs,
            ),
        )
        compare_isolation(Path(room) / "one", Path(room))
    return int(max(ratios) > 1.0)


if __name__ == "__main__":
    sys.exit(main())
