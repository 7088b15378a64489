"""How fast the window follows the mouse, and how fast a study opens.

Run under an X server: ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/viewer.py``.
Prints the time from a mouse move to the updated distance, table and ruler, in one process, and
the time to the first image against napari opening the same array.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

ROUNDS = 200
MEDIAN_LIMIT_MS, P95_LIMIT_MS = 16.0, 33.0
OPENED_SLICES, OPENINGS, OPENING_LIMIT = 40, 9, 1.5


def big_volume(slices: int):
    from ifspace.geometry import Plane
    from ifspace.model import Series, Slice, SliceSource, Volume

    shape = (slices, 512, 512)
    voxels = np.random.default_rng(0).normal(300.0, 60.0, shape).astype(np.float32)
    stack = tuple(
        Slice(
            Plane(
                np.array([-190.0, -150.0, -300.0 + 3.0 * k]),
                np.array([1.0, 0.0, 0.0]),
                np.array([0.0, 1.0, 0.0]),
                0.74,
                0.74,
                (512, 512),
            ),
            SliceSource(Path(f"{k}.dcm"), f"1.2.3.{k}"),
        )
        for k in range(slices)
    )
    series = Series(
        sources=tuple(item.source for item in stack),
        rows=512,
        columns=512,
        study_instance_uid="1.2.1",
        series_instance_uid="1.2.2",
        row_spacing_mm=0.74,
        column_spacing_mm=0.74,
    )
    return Volume(series, stack, voxels)


def study_of(volume):
    from ifspace.io import Inventory
    from ifspace.reading.study import OpenStudy
    from ifspace.workflow import LoadedStudy

    loaded = LoadedStudy(volume.series, volume)
    return OpenStudy(Path("memory"), Inventory((), ()), loaded, volume)


def follow_the_mouse(viewer, dock) -> tuple[list[float], list[float]]:
    """Times of a move by the clock, and of the thread alone: a busy machine spares that."""
    from qtpy.QtGui import QPixmap
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    from ifspace.reading.controller import SlicePoint

    dock.opening.show_study(study_of(big_volume(60)))
    dock.viewer_layers.add_drawing()
    controller, viewer_layers = dock.controller, dock.viewer_layers
    viewer_layers.show_slice(30)
    plane = controller.volume.slices[30].plane
    for row, column in ((250, 190), (251, 160), (262, 188), (255, 161)):
        controller.place(SlicePoint(30, plane.to_lps_mm([row, column])))
    for row, column in ((250, 330), (251, 360), (262, 331)):
        controller.place(SlicePoint(30, plane.to_lps_mm([row, column])))
    QTest.qWait(200)
    paper = QPixmap(dock.assessment.ruler.size())
    times_ms, thread_ms = [], []
    for number in range(ROUNDS):
        world = (90.0, (255.0 + 0.02 * number) * 0.74, (359.0 + 0.03 * number) * 0.74)
        event = SimpleNamespace(position=world, modifiers=(), type="mouse_move", button=None)
        start, thread_start = time.perf_counter(), time.thread_time()
        viewer_layers.mouse.move(viewer, event)
        dock._live.stop()
        dock._follow()
        dock.assessment.ruler.render(paper)
        times_ms.append(1000.0 * (time.perf_counter() - start))
        thread_ms.append(1000.0 * (time.thread_time() - thread_start))
        assert controller.cursor.preview is not None, "the distance did not follow"
        # Canvas and window are painted in between, as in life; how long that takes depends on the
        # graphics card and is not counted.
        QApplication.processEvents()
    return times_ms, thread_ms


@dataclass
class Stopwatch:
    """Seconds by the clock and of the thread, which a busy machine does not stretch."""

    clock_s: list[float] = field(default_factory=list)
    thread_s: list[float] = field(default_factory=list)

    @contextmanager
    def lap(self):
        start, thread_start = time.perf_counter(), time.thread_time()
        yield
        self.clock_s.append(time.perf_counter() - start)
        self.thread_s.append(time.thread_time() - thread_start)


def open_by_turns(viewer, dock) -> dict[str, Stopwatch]:
    """Open a study with the dock and the same array with napari, by turns."""
    volume = big_volume(OPENED_SLICES)
    found = {name: Stopwatch() for name in ("dock", "drawing", "napari")}
    for _ in range(OPENINGS):
        with found["dock"].lap():
            dock.opening.show_study(study_of(replace(volume)))
            paint(viewer)
        assert not dock.viewer_layers.has_drawing, "the letters came before the image"
        with found["drawing"].lap():
            dock.viewer_layers.add_letters()
            paint(viewer)
            dock.viewer_layers.add_drawing()
            paint(viewer)
        dock.clear()
        with found["napari"].lap():
            layer = viewer.add_image(volume.voxels)
            viewer.reset_view()
            paint(viewer)
        viewer.layers.remove(layer)
    return found


def paint(viewer) -> None:
    """Paint the canvas now, and see that it is not empty."""
    pixels = viewer.screenshot(canvas_only=True, flash=False)
    assert np.ptp(pixels[..., 0]) > 0, "nothing was painted"


def print_openings(found: dict[str, Stopwatch]) -> None:
    for clock in ("clock_s", "thread_s"):
        dock_s, drawing_s, napari_s = (
            statistics.median(getattr(found[name], clock)) for name in ("dock", "drawing", "napari")
        )
        words = "by the clock" if clock == "clock_s" else "of the thread"
        print(
            f"first image of {OPENED_SLICES} slices, in memory, median of {OPENINGS}, {words}: "
            f"{dock_s:.2f} s, napari alone {napari_s:.2f} s, "
            f"ratio {dock_s / napari_s:.2f} (limit {OPENING_LIMIT}); "
            f"letters, marks and lines {drawing_s:.2f} s later"
        )


def main() -> None:
    folder = tempfile.mkdtemp(prefix="ifspace-bench-")
    os.environ["IFSPACE_STATE_DIR"] = folder
    os.environ["IFSPACE_CONFIG_DIR"] = folder
    import napari

    from napari_ifspace.app import open_dock

    viewer = napari.Viewer()
    dock = open_dock(viewer)
    # Random voxels have no lesser trochanter, and looking for it would take the time of the thread.
    dock.opening.seeks_level = False
    dock.ask = lambda _parent, _title, _question, answers: answers[-2]
    for clock, values_ms in zip(
        ("by the clock", "of the thread"), follow_the_mouse(viewer, dock), strict=True
    ):
        median_ms, p95_ms = np.percentile(values_ms, [50, 95])
        print(
            f"mouse move to distance, table and ruler, 512 x 512 x 60, {ROUNDS} moves, {clock}: "
            f"median {median_ms:.1f} ms (limit {MEDIAN_LIMIT_MS:.0f}), "
            f"95th percentile {p95_ms:.1f} ms (limit {P95_LIMIT_MS:.0f})"
        )
    print_openings(open_by_turns(viewer, dock))
    viewer.close()


if __name__ == "__main__":
    main()
