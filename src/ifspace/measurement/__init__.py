"""Distances between marks in one slice, their uncertainty and the side they belong to."""

from ifspace.measurement.headline import LevelDistance, headline
from ifspace.measurement.reader_precision import read_reader_precision
from ifspace.measurement.sides import side_of_pair, side_of_point, sides_are_crossed
from ifspace.measurement.spaces import level_range_indices, measure_space, slice_of_mark
from ifspace.measurement.uncertainty import Budget, ReaderPrecision, half_width_95_mm

__all__ = [
    "Budget",
    "LevelDistance",
    "ReaderPrecision",
    "half_width_95_mm",
    "headline",
    "level_range_indices",
    "measure_space",
    "read_reader_precision",
    "side_of_pair",
    "side_of_point",
    "sides_are_crossed",
    "slice_of_mark",
]
