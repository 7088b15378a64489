"""Run the parts of the benchmark; every row is one slice of one hip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from benchmarks.accuracy import real
from benchmarks.accuracy.cohort import image_of, make_case, rough_seeds, timed
from benchmarks.accuracy.hips import Hip, Scan
from benchmarks.accuracy.labels import network_labels, perfect_labels, shifted, tall_case
from benchmarks.accuracy.levels import apex_level

from ifspace.labels import LabelMap
from ifspace.landmarks import Level, QualityGrade, from_masks, from_seeds, level_from_masks
from ifspace.landmarks.borders.signal import blur_of
from ifspace.landmarks.borders.stack import cut_stack
from ifspace.landmarks.grading import exclusion
from ifspace.landmarks.grading.tissue import check_gap
from ifspace.landmarks.outline.search import search
from ifspace.landmarks.outline.slices import examine
from ifspace.model import Kind, Refusal, Side


@dataclass(frozen=True)
class SliceRow:
    """One slice: what was found, whether it would be shown, and the truth."""

    sequence: str
    snr: float
    hip: int
    slice_index: int
    true_mm: float
    found_mm: float
    u95_mm: float
    grade: QualityGrade | None
    room_true_mm: float | None
    room_mm: float
    room_u95_mm: float
    room_grade: QualityGrade | None
    seconds: float

    @property
    def error_mm(self) -> float:
        """Found minus true."""
        return self.found_mm - self.true_mm


def _examined(case, volume, seeds):
    """Examine every slice, also those that would not be shown."""
    first, last = case.level_range
    chosen = exclusion.seeds_of(seeds, case.side)
    positions = {bone: seed.position_lps_mm for bone, seed in chosen.items()}
    stack = cut_stack(volume, positions, range(first, last + 1))
    found = search(stack)
    blur_mm = blur_of(volume)
    seen = [examine(stack, found, k, blur_mm) for k in range(last - first + 1)]
    muscle = float(np.median([level.muscle for level in found.levels]))
    refusal = exclusion.check_signal(stack, muscle) or exclusion.check_outlines(
        stack, found.outlines
    )
    refusal = refusal or check_gap(stack, found.levels, found.outlines)
    return seen, refusal


def assisted_rows(
    seeds: Iterable[int], sequence: str, snr: float, tendon: bool = False
) -> list[SliceRow]:
    """Measure a cohort from rough marrow seeds, one per bone and hip."""
    rows = []
    for number in seeds:
        case = make_case(number, tendon=tendon)
        volume = image_of(case, sequence, snr)
        clicks = rough_seeds(case, np.random.default_rng(number + 5))
        (seen, refusal), seconds = timed(_examined, case, volume, clicks)
        for offset, item in enumerate(seen):
            k = case.level_range[0] + offset
            truth, room = case.truth[k], case.truth_qfs[k]
            if truth is None or item is None:
                continue
            bones_mm = np.stack([item.gap.ischium_mm, item.gap.femur_mm])
            no_room = refusal or item.room.refusal(k, bones_mm)
            rows.append(
                SliceRow(
                    sequence,
                    snr,
                    number,
                    k,
                    truth.distance_mm,
                    item.gap.value_mm,
                    item.u95_mm,
                    None if refusal else item.grade(item.u95_mm),
                    room.distance_mm if room else None,
                    item.room.value_mm,
                    item.room_u95_mm,
                    None if no_room else item.grade(item.room_u95_mm),
                    seconds,
                )
            )
    return rows


# Bones nearer than this touch on the image.
TOUCHING_MM = 3.0

PERFECT, NETWORK = "perfect", "1.5 mm as of a network"
# Every kind of label map, by how it is made from the perfect one's hip.
LABEL_KINDS = (PERFECT, NETWORK, "2 mm as of a network", "1.5 mm, moved as a whole")


@dataclass(frozen=True)
class LabelRow:
    """One hip measured from one kind of label map.

    `label_mm` are the errors of the labels alone, `found_mm` those of what is reported, `u95_mm`
    the half-widths that were reported; each per slice. `level_mm` is the error of the apex.
    """

    sequence: str
    kind: str
    label_mm: tuple[float, ...]
    found_mm: tuple[float, ...]
    u95_mm: tuple[float, ...]
    level_mm: float | None
    seconds: float


def _label_maps(number: int, hip: Hip, scan: Scan) -> dict[str, LabelMap]:
    """Make every kind of label map of a hip."""
    network = network_labels(hip, scan, np.random.default_rng(number), 1.5)
    coarse = network_labels(hip, scan, np.random.default_rng(number + 1), 2.0)
    moved = shifted(network, np.random.default_rng(number + 2))
    maps = (perfect_labels(hip, scan), network, coarse, moved)
    return dict(zip(LABEL_KINDS, maps, strict=True))


def label_rows(seeds: Iterable[int], sequence: str) -> list[LabelRow]:
    """Measure hips from perfect labels and from such as networks make."""
    rows = []
    for number in seeds:
        case = tall_case(number, sequence)
        apex = apex_level(case.hip, case.scan)
        for kind, labels in _label_maps(number, case.hip, case.scan).items():
            found, seconds = timed(from_masks, case.volume, labels, case.side, case.level_range)
            level = level_from_masks(case.volume, labels, case.side)
            readings = [
                (item, case.truth[item.slice_index])
                for item in found.readings(Kind.IFS)
                if case.truth.get(item.slice_index, 0) > TOUCHING_MM and item.label_mm is not None
            ]
            rows.append(
                LabelRow(
                    sequence,
                    kind,
                    tuple(item.label_mm - true for item, true in readings),
                    tuple(item.value_mm - true for item, true in readings),
                    tuple(item.u95_mm for item, _ in readings),
                    level.apex_height_mm + float(case.scan.levels[0]) - apex
                    if isinstance(level, Level)
                    else None,
                    seconds,
                )
            )
    return rows


@dataclass(frozen=True)
class LabelRoomRow:
    """The quadratus femoris space of one hip, its bones from one kind of label map, per slice.

    `hidden` slices of the range gave no number.
    """

    sequence: str
    kind: str
    found_mm: tuple[float, ...]
    u95_mm: tuple[float, ...]
    hidden: int


def label_room_rows(seeds: Iterable[int], sequence: str) -> list[LabelRoomRow]:
    """Measure the quadratus femoris space of hips with a tendon on the path from label maps."""
    rows = []
    for number in seeds:
        case = tall_case(number, sequence, tendon=True)
        for kind, labels in _label_maps(number, case.hip, case.scan).items():
            found = from_masks(case.volume, labels, case.side, case.level_range)
            real = [k for k, true in case.truth.items() if true > TOUCHING_MM]
            readings = [
                (item, case.truth_qfs[item.slice_index])
                for item in found.readings(Kind.QFS)
                if item.slice_index in real and item.slice_index in case.truth_qfs
            ]
            refused = {item.slice_index for item in found.qfs if isinstance(item, Refusal)}
            rows.append(
                LabelRoomRow(
                    sequence,
                    kind,
                    tuple(item.value_mm - true for item, true in readings),
                    tuple(item.u95_mm for item, _ in readings),
                    len(refused.intersection(case.truth_qfs)),
                )
            )
    return rows


def negative_controls(seeds: Iterable[int]) -> dict[str, tuple[int, int]]:
    """Count fat-suppressed hips without any number: refused, of all."""
    out = {}
    for sequence in ("PD-FS", "STIR"):
        refused, count = 0, 0
        for number in seeds:
            case = make_case(number)
            clicks = rough_seeds(case, np.random.default_rng(number + 5))
            found = from_seeds(image_of(case, sequence), clicks, case.side, case.level_range)
            refused += not found.readings(Kind.IFS)
            count += 1
        out[sequence] = (refused, count)
    return out


@dataclass(frozen=True)
class RealRow:
    """One real hip: what was found, the mean of two readers, and the bones of a CT.

    `again_mm` are the values from other clicks, as far as they gave one.
    """

    name: str
    side: str
    readers_mm: dict[Kind, float]
    found_mm: dict[Kind, float]
    u95_mm: dict[Kind, float]
    again_mm: dict[Kind, tuple[float, ...]]
    ct_mm: float | None
    reason: str


def real_rows() -> list[RealRow]:
    """Measure the real hips from their frozen seeds; nothing where the data are absent."""
    if not real.DATA.is_dir():
        return []
    rows = []
    for (name, side), (_, _, readers, shown) in real.HIPS.items():
        found = real.found_in(name, side)
        best = {kind: found.best(kind) for kind in Kind}
        reasons = {str(item.reason) for item in found.ifs if hasattr(item, "reason")}
        if found.refusal is not None:
            reasons = {str(found.refusal.reason)}
        rows.append(
            RealRow(
                name,
                str(side),
                readers,
                {kind: item.value_mm for kind, item in best.items() if item is not None},
                {kind: item.u95_mm for kind, item in best.items() if item is not None},
                _again(name, side),
                real.smallest_in_ct_mm(name, side, shown),
                ", ".join(sorted(reasons)),
            )
        )
    return rows


def _again(name: str, side: Side) -> dict[Kind, tuple[float, ...]]:
    """Measure with other clicks; the values of those that gave one."""
    found = real.found_again(name, side)
    best = {kind: [one.best(kind) for one in found] for kind in Kind}
    return {
        kind: tuple(item.value_mm for item in items if item is not None)
        for kind, items in best.items()
    }
