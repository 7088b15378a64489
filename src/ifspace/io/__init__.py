"""What comes in: series from DICOM and volume files, with everything that was left out and why."""

from ifspace.io.dicom import Header, identity_of, read_headers, read_identity
from ifspace.io.elements import read_dataset
from ifspace.io.inventory import Inventory, inventory_to_json, load_volume, open_study
from ifspace.io.rank import RankedSeries
from ifspace.io.source import SkippedFile

__all__ = [
    "Header",
    "Inventory",
    "RankedSeries",
    "SkippedFile",
    "identity_of",
    "inventory_to_json",
    "load_volume",
    "open_study",
    "read_dataset",
    "read_headers",
    "read_identity",
]
