"""Measure the accuracy of assisted, label-map and proposed landmarks, and write the page.

``python -m benchmarks.accuracy`` runs 24 hips per part, ``--full`` 80.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

# One thread: the figures for time are those of one core, and tiny products gain nothing.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.accuracy import pictures
from benchmarks.accuracy.page import write_page
from benchmarks.accuracy.run import (
    assisted_rows,
    label_rows,
    negative_controls,
    real_rows,
)

# Seeds above these were never used while developing or calibrating.
FRESH, FRESH_TENDON, FRESH_LABELS = 7000, 9200, 8000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="80 hips instead of 24")
    parser.add_argument("--out", type=Path, default=Path("docs/accuracy.md"))
    arguments = parser.parse_args()
    count = 80 if arguments.full else 24
    fresh = range(FRESH, FRESH + count)
    sequences = [("T1", 20.0), ("PD", 20.0), ("T2", 20.0)]
    if arguments.full:
        sequences.append(("T1", 10.0))
    bones = [row for name, snr in sequences for row in assisted_rows(fresh, name, snr)]
    tendon = range(FRESH_TENDON, FRESH_TENDON + max(12, count // 3))
    rooms = [
        row for name, snr in sequences[:3] for row in assisted_rows(tendon, name, snr, tendon=True)
    ]
    few = range(FRESH_LABELS, FRESH_LABELS + count // 3)
    labels = [row for name in ("T1", "PD") for row in label_rows(few, name)]
    refused = negative_controls(range(FRESH, FRESH + count // 2))
    write_page(
        arguments.out,
        hips=count,
        bones=bones,
        rooms=rooms,
        labels=labels,
        refused=refused,
        real=real_rows(),
    )
    pictures.write_worst(bones, arguments.out.with_name("accuracy-worst.jpg"))


if __name__ == "__main__":
    main()
