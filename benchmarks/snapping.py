"""How near a misplaced mark comes to the edge, how often it is refused, and how long one takes.

On analytic hips that no constant was chosen on. Prints the table of docs/measurements/snapping.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.accuracy.cohort import Case, image_of, make_case, to_lps_mm

from ifspace.landmarks import snap_to_edge
from ifspace.model import MARKS_OF_KIND, Kind, Mark, MarkName, Refusal

SEQUENCES = ("T1", "PD", "T2")
HIPS = {Kind.IFS: range(2020, 2030), Kind.QFS: range(9200, 9208)}
OFFSETS_MM = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


@dataclass(frozen=True)
class Row:
    """One misplaced mark: what is left of its error, unless it was refused."""

    name: MarkName
    offset_mm: float
    error_mm: float | None
    u95_mm: float
    seconds: float


def rows_of(case: Case, kind: Kind, sequence: str, *, partner: bool) -> Iterator[Row]:
    """Misplace both marks of one space on every slice with a truth, and snap them."""
    volume = image_of(case, sequence)
    for k, truth in enumerate(case.truth if kind is Kind.IFS else case.truth_qfs):
        if truth is None:
            continue
        level = case.scan.levels[k]
        ends = [to_lps_mm(case.scan, uv, level) for uv in (truth.ischium_uv, truth.femur_uv)]
        for name, edge, other in zip(MARKS_OF_KIND[kind], ends, ends[::-1], strict=True):
            outward = (other - edge) / np.linalg.norm(other - edge)
            for offset_mm in OFFSETS_MM:
                mark = Mark(name, case.side, edge + offset_mm * outward)
                start = time.perf_counter()
                answer = snap_to_edge(volume, k, mark, toward_lps_mm=other if partner else None)
                seconds = time.perf_counter() - start
                if isinstance(answer, Refusal):
                    yield Row(name, offset_mm, None, 0.0, seconds)
                else:
                    error_mm = float((answer.point_lps_mm - edge) @ outward)
                    yield Row(name, offset_mm, error_mm, answer.u95_mm, seconds)


def line_of(title: str, rows: list[Row]) -> str:
    """Write one row of the table."""
    found = [row for row in rows if row.error_mm is not None]
    off = np.abs([row.error_mm for row in found])
    within = np.mean([abs(row.error_mm or 0.0) <= row.u95_mm for row in found])
    return (
        f"| {title} | {len(rows)} | {len(found) / len(rows):.0%} | {np.median(off):.2f} | "
        f"{np.percentile(off, 95):.2f} | {np.mean(off > 1.0):.1%} | {within:.0%} |"
    )


def main() -> None:
    """Print both tables."""
    for partner in (True, False):
        print("\nwith the partner placed" if partner else "\nwithout a partner")
        print("| marks | n | moved | median, mm | 95th percentile, mm | > 1 mm | within ± |")
        print("|---|---|---|---|---|---|---|")
        every: list[Row] = []
        for kind, hips in HIPS.items():
            if kind is Kind.QFS and not partner:
                continue  # refused by design
            for sequence in SEQUENCES:
                rows = [
                    row
                    for number in hips
                    for row in rows_of(
                        make_case(number, tendon=kind is Kind.QFS), kind, sequence, partner=partner
                    )
                ]
                every += rows
                for name in MARKS_OF_KIND[kind]:
                    mine = [row for row in rows if row.name is name]
                    print(line_of(f"{name.value.replace('_', ' ')}, {sequence}", mine))
        print(line_of("all", every))
        print(line_of("all, placed right", [row for row in every if row.offset_mm == 0.0]))
        times_ms = 1000.0 * np.array([row.seconds for row in every])
        print(f"one call: {np.median(times_ms):.0f} ms, 95 % {np.percentile(times_ms, 95):.0f} ms")


if __name__ == "__main__":
    main()
