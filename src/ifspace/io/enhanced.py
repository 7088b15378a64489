"""Read the functional groups of an enhanced multi-frame object: one header per frame.

DICOM PS3.3 C.7.6.16: a macro is either shared by all frames or given for each, never both. Where
both are there and disagree, the frame has no geometry to trust.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from ifspace.errors import UnreadableInputError
from ifspace.io.header import FileFacts, ImageHeader, geometry_problem
from ifspace.io.values import floats_of, items_of

# An MR object with more frames than this is damaged; real ones hold a few thousand.
MAX_FRAMES = 65_536


class _Groups:
    """The functional groups of one frame, shared ones included."""

    def __init__(self, shared: Dataset, own: Dataset) -> None:
        self._shared, self._own = shared, own

    def values(self, macro: str, keyword: str) -> Iterator[object]:
        """Give every value of an attribute: the frame's own first, then the shared one."""
        for group in (self._own, self._shared):
            for item in items_of(group, macro):
                value = item.get(keyword)
                if value is not None and value != "":
                    yield value

    def first(self, macro: str, keyword: str) -> object | None:
        """Give the frame's value, or else the shared one."""
        return next(self.values(macro, keyword), None)

    def floats(self, macro: str, keyword: str) -> tuple[float, ...]:
        """Give the numbers of an attribute, empty where it is absent."""
        return floats_of(self.first(macro, keyword))

    def number(self, macro: str, keyword: str) -> float | None:
        """Give one finite number, absent where it is absent."""
        values = self.floats(macro, keyword)
        return values[0] if values and math.isfinite(values[0]) else None

    def word(self, macro: str, keyword: str) -> str:
        """Give an attribute as a word, empty where it is absent."""
        value = self.first(macro, keyword)
        return "" if value is None else str(value)

    def contradicts(self, macro: str, keyword: str) -> bool:
        """Tell whether the shared and the frame's own value differ."""
        return len({floats_of(value) for value in self.values(macro, keyword)}) > 1


def frame_headers(
    header: Dataset, facts: FileFacts, path: Path, name: str
) -> tuple[ImageHeader, ...]:
    """Read one header per frame.

    Raises
    ------
    UnreadableInputError
        If the groups do not fit the number of frames.
    """
    with disable_value_validation():
        own = items_of(header, "PerFrameFunctionalGroupsSequence")
        shared_sequence = items_of(header, "SharedFunctionalGroupsSequence") or [Dataset()]
        frames = int((*floats_of(header.get("NumberOfFrames")), 0)[0])
        if frames != len(own) or frames > MAX_FRAMES:
            raise UnreadableInputError(
                f"{frames} frames are announced and {len(own)} are described; export it again"
            )
        return tuple(
            _frame_header(header, facts, path, name, index + 1, _Groups(shared_sequence[0], group))
            for index, group in enumerate(own)
        )


def _frame_header(
    header: Dataset, facts: FileFacts, path: Path, name: str, frame_number: int, groups: _Groups
) -> ImageHeader:
    position = groups.floats("PlanePositionSequence", "ImagePositionPatient")
    orientation = groups.floats("PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = groups.floats("PixelMeasuresSequence", "PixelSpacing")
    frame_type: Any = groups.first("MRImageFrameTypeSequence", "FrameType")
    frame_type = frame_type or header.get("ImageType")
    several = frame_type if isinstance(frame_type, (list, MultiValue)) else [frame_type or ""]
    words = tuple(str(word) for word in several if word)
    return ImageHeader(
        file=facts,
        path=path,
        name=name,
        frame_number=frame_number,
        rows=int(floats_of(header.Rows)[0]),
        columns=int(floats_of(header.Columns)[0]),
        position_lps_mm=position,
        orientation_lps=orientation,
        spacing_mm=spacing,
        spacing_source="PixelMeasuresSequence" if spacing else None,
        thickness_mm=groups.number("PixelMeasuresSequence", "SliceThickness"),
        echo_time_ms=groups.number("MREchoSequence", "EffectiveEchoTime"),
        repetition_time_ms=groups.number("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
        inversion_time_ms=groups.number("MRModifierSequence", "InversionTimes"),
        image_type=(*words, *_suppression(groups)),
        acquisition_matrix=_acquired(groups),
        stack_id=groups.word("FrameContentSequence", "StackID"),
        labels=_labels(groups),
        problem=_contradiction(groups) or geometry_problem(position, orientation, spacing, None),
    )


def _contradiction(groups: _Groups) -> str | None:
    """Name an attribute that is given twice and differently."""
    for macro, keyword in (
        ("PixelMeasuresSequence", "PixelSpacing"),
        ("PlaneOrientationSequence", "ImageOrientationPatient"),
        ("PlanePositionSequence", "ImagePositionPatient"),
    ):
        if groups.contradicts(macro, keyword):
            return f"{keyword} of the frame contradicts the shared one"
    return None


def _labels(groups: _Groups) -> tuple[tuple[str, str], ...]:
    """Read the attributes by which frames at one place are told apart."""
    direction = "\\".join(
        f"{value:g}"
        for item in groups.values("MRDiffusionSequence", "DiffusionGradientDirectionSequence")
        for part in (item if isinstance(item, Sequence) else ())
        for value in floats_of(part.get("DiffusionGradientOrientation"))
    )
    candidates = (
        ("temporal position", groups.word("FrameContentSequence", "TemporalPositionIndex")),
        ("b-value", groups.word("MRDiffusionSequence", "DiffusionBValue")),
        ("diffusion direction", direction),
        (
            "trigger time",
            groups.word("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
        ),
        ("inversion time", groups.word("MRModifierSequence", "InversionTimes")),
        ("flip angle", groups.word("MRTimingAndRelatedParametersSequence", "FlipAngle")),
        ("repetition time", groups.word("MRTimingAndRelatedParametersSequence", "RepetitionTime")),
    )
    return tuple((label, value) for label, value in candidates if value)


def _suppression(groups: _Groups) -> tuple[str, ...]:
    """Read whether fat is suppressed, as one more word of the image type."""
    found = groups.word("MRModifierSequence", "SpectrallySelectedSuppression")
    return ("FAT_SUPPRESSED",) if "FAT" in found else ()


def _acquired(groups: _Groups) -> tuple[int, int] | None:
    """Read how many rows and columns were acquired."""
    macro = "MRFOVGeometrySequence"
    frequency = groups.number(macro, "MRAcquisitionFrequencyEncodingSteps")
    phase = groups.number(macro, "MRAcquisitionPhaseEncodingStepsInPlane")
    if not frequency or not phase:
        return None
    along_columns = groups.word(macro, "InPlanePhaseEncodingDirection").startswith("COL")
    rows, columns = (phase, frequency) if along_columns else (frequency, phase)
    return int(rows), int(columns)
