"""Compare the finder with labels of real pelves, and let it look where no hip can be measured.

``python -m benchmarks.finder`` prints one line per hip and label set, and a summary. Needs the
extra ``auto`` and the real MRI (IFSPACE_REAL_DATA, IFSPACE_TRAIN_DATA).
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import chain

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from benchmarks.accuracy.real import PATHS, volume_of
from benchmarks.finder.compare import Row, compare
from benchmarks.finder.data import t1_pelves, t2_pelves

from ifspace.finder import FoundHip, find_hips
from ifspace.model import Side


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
    asked = parser.parse_args()
    summary(pelves(asked.only))
    others()


if __name__ == "__main__":
    main()
