"""Compare the finder with labels of real pelves, and let it look where no hip can be measured.

``python -m benchmarks.finder`` prints one line per hip and label set, and a summary; with
``--shapes N`` the errors of what is proposed on N rendered pelves with exact truth. Needs the extra
``auto`` and the real MRI (IFSPACE_REAL_DATA, IFSPACE_TRAIN_DATA).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from itertools import chain
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from benchmarks.accuracy.real import PATHS, volume_of
from benchmarks.finder.compare import Row, compare
from benchmarks.finder.data import t1_pelves, t2_pelves
from benchmarks.finder.proposals import ShapeRow, shape_rows
from benchmarks.finder.shapes import CONTRASTS, shape_cases

from ifspace.finder import FoundHip, find_hips
from ifspace.model import Kind, Side


def pelves(only: str) -> list[Row]:
    """Compare every labelled pelvis."""
    rows = []
    for case in chain(t1_pelves(), t2_pelves()):
        if only not in case.name:
            continue
        start = time.process_time()
        hips = find_hips(case.volume)
        spent = time.process_time() - start
        for which in case.femur:
            labels = case.label_map(which)
            rows += [compare(case, which, side, hips[side], labels) for side in Side]
        for row in rows[-2 * len(case.femur) :]:
            print(
                f"{row.name:14s} {row.labels:8s} {row.side:6s}"
                f" femur {row.femur_dice:.2f} ischium in {row.ischium_share:.2f}"
                f" on {row.ischium_slices:.2f} level {row.level_error_mm:+6.1f} mm"
                f" ({row.level_error_slices:+.0f}) sure {row.confidence:.2f}"
                f" {'' if row.right_bones else 'WRONG ' + row.said}",
                flush=True,
            )
        print(f"{case.name}: {spent:.1f} s, {len(case.volume.slices)} slices", flush=True)
    return rows


def others() -> None:
    """Print what is found on the hips without labels and on the negatives."""
    for name in PATHS:
        for side, hip in find_hips(volume_of(name)).items():
            if isinstance(hip, FoundHip):
                print(
                    f"{name} {side}: slices {hip.first}-{hip.last}, apex {hip.apex},"
                    f" sure {hip.confidence:.2f}"
                )
            else:
                print(f"{name} {side}: {hip.detail}")


def shapes(count: int, work: Path) -> None:
    """Print errors of the distances that are proposed on unseen draws of the shape model."""
    shown: list[ShapeRow] = []
    asked = dict.fromkeys(Kind, 0)
    for case in shape_cases(count, work):
        for row in shape_rows(case):
            asked[row.kind] += np.isfinite(row.true_mm)
            if np.isfinite(row.error_mm):
                shown.append(row)
                print(
                    f"{row.name} {row.contrast} {row.side:5s} {row.kind}: {row.error_mm:+5.1f} mm"
                    f" of {row.true_mm:.1f}, level {row.level_mm:+.1f} mm",
                    flush=True,
                )
    for kind in Kind:
        for contrast in ("all", *CONTRASTS):
            own = [r for r in shown if r.kind is kind and contrast in ("all", r.contrast)]
            errors = np.abs([row.error_mm for row in own])
            if not own:
                continue
            print(
                f"{kind.name} {contrast}: {len(own)} shown of {asked[kind]} hips (all contrasts),"
                f" mean error {errors.mean():.2f} mm, beyond 3 mm {(errors > 3).sum()},"
                f" within the printed interval {100 * np.mean([r.covered for r in own]):.0f} %"
            )


def summary(rows: list[Row]) -> None:
    """Print the figures of each label set."""
    for which in sorted({row.labels for row in rows}):
        own = [row for row in rows if row.labels == which]
        found = [row for row in own if row.found]
        right = sum(row.right_bones for row in own)
        errors = np.array([row.level_error_slices for row in found])
        print(
            f"{which}: {len(own)} hips, found {len(found)}, right bones {right},"
            f" femur Dice {np.nanmedian([r.femur_dice for r in found]):.2f},"
            f" level within one slice {int((np.abs(errors) <= 1).sum())}"
            f" of {int(np.isfinite(errors).sum())},"
            f" median {np.nanmedian(np.abs([r.level_error_mm for r in found])):.1f} mm"
        )


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--shapes", type=int, help="only this many rendered pelves")
    parser.add_argument("--work", type=Path, help="folder that keeps what was rendered")
    asked = parser.parse_args()
    if asked.shapes:
        shapes(asked.shapes, asked.work or Path(tempfile.mkdtemp()))
        return
    summary(pelves(asked.only))
    others()


if __name__ == "__main__":
    main()
