"""Run the parts of the benchmark; every row is one slice of one hip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from benchmarks.accuracy import real
from benchmarks.accuracy.cohort import image_of, make_case, rough_seeds, timed
from benchmarks.accuracy.hips import apex_level, trochanter_slices
from benchmarks.accuracy.labels import network_labels, perfect_labels, tall_case

from ifspace.landmarks import FoundSide, Level, from_masks, from_seeds, gates, level_from_masks
from ifspace.landmarks.assisted import blur_of, examine, stage
from ifspace.landmarks.confidence import half_width_mm, light_of, room_half_width_mm
from ifspace.landmarks.search import search
from ifspace.landmarks.values import Light
from ifspace.model import Kind, Side


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
    light: Light | None
    room_true_mm: float | None
    room_mm: float
    room_u95_mm: float
    room_light: Light | None
    seconds: float

    @property
    def error_mm(self) -> float:
        """Found minus true."""
        return self.found_mm - self.true_mm


def _examined(case, volume, seeds):
    """Examine every slice, also those that would not be shown."""
    first, last = case.level_range
    chosen = gates.seeds_of(seeds, case.side)
    positions = {bone: seed.position_lps_mm for bone, seed in chosen.items()}
    scene = stage(volume, positions, range(first, last + 1))
    found = search(scene)
    blur_mm = blur_of(volume)
    seen = [examine(scene, found, k, blur_mm) for k in range(last - first + 1)]
    muscle = float(np.median([level.muscle for level in found.levels]))
    refusal = gates.check_signal(scene, muscle) or gates.check_outlines(scene, found.outlines)
    return seen, refusal


def assisted_rows(
    seeds: Iterable[int], sequence: str, snr: float, *, tendon: bool = False
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
            u95_mm = half_width_mm(item.evidence)
            room_u95_mm = room_half_width_mm(item.evidence, capped=any(item.room.capped.values()))
            score = item.gap.score
            rows.append(
                SliceRow(
                    sequence,
                    snr,
                    number,
                    k,
                    truth.distance_mm,
                    item.gap.value_mm,
                    u95_mm,
                    None if refusal else light_of(u95_mm, score),
                    room.distance_mm if room else None,
                    item.room.value_mm,
                    room_u95_mm,
                    None if refusal else light_of(room_u95_mm, score),
                    seconds,
                )
            )
    return rows


@dataclass(frozen=True)
class LabelRow:
    """One hip measured from labels: errors per slice in mm, error of the level."""

    sequence: str
    perfect_mm: tuple[float, ...]
    network_mm: tuple[float, ...]
    refined_mm: tuple[float, ...]
    level_perfect_mm: float | None
    level_network_mm: float | None
    seconds: float


def _errors(found: FoundSide, truth: dict[int, float], *, of_label: bool) -> tuple[float, ...]:
    """Errors of all slices with a truth."""
    return tuple(
        (item.label_mm if of_label else item.value_mm) - truth[item.slice_index]
        for item in found.readings(Kind.IFS)
        if truth.get(item.slice_index, 0) > 3 and item.label_mm is not None
    )


def label_rows(seeds: Iterable[int], sequence: str) -> list[LabelRow]:
    """Measure hips from perfect labels and from such as a network makes at 1.5 mm."""
    rows = []
    for number in seeds:
        hip, scan, truth, volume = tall_case(number, sequence)
        side = Side.LEFT if hip.side > 0 else Side.RIGHT
        shown = [k for k in truth if k in trochanter_slices(hip, scan)]
        level_range = (min(shown), max(shown))
        perfect = perfect_labels(hip, scan)
        network = network_labels(hip, scan, np.random.default_rng(number), 1.5)
        plain = from_masks(volume, perfect, side, level_range, refine_on_grey=False)
        found, seconds = timed(from_masks, volume, network, side, level_range)
        apex = apex_level(hip, scan)
        levels = [level_from_masks(volume, labels, side) for labels in (perfect, network)]
        errors = [
            item.apex_height_mm + float(scan.levels[0]) - apex if isinstance(item, Level) else None
            for item in levels
        ]
        rows.append(
            LabelRow(
                sequence,
                _errors(plain, truth, of_label=False),
                _errors(found, truth, of_label=True),
                _errors(found, truth, of_label=False),
                errors[0],
                errors[1],
                seconds,
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
    """One real hip: what was found, and the mean of two readers."""

    name: str
    side: str
    readers_mm: dict[Kind, float]
    found_mm: dict[Kind, float]
    reason: str


def real_rows() -> list[RealRow]:
    """Measure the real hips from their frozen seeds; nothing where the data are absent."""
    if not real.DATA.is_dir():
        return []
    rows = []
    for (name, side), (_, _, readers, _) in real.HIPS.items():
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
                ", ".join(sorted(reasons)),
            )
        )
    return rows
