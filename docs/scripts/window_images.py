"""Make the pictures of the window for the docs, on the built-in phantom.

Needs an X server: ``xvfb-run -a -s "-screen 0 1600x1000x24" python docs/scripts/window_images.py``.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

IMAGES = Path(__file__).parents[1] / "images"
LARGEST_PX = (1200, 800)


class Photographer:
    """A window on the phantom, and a camera."""

    def __init__(self, folder: Path) -> None:
        """Open the phantom."""
        import napari
        from qtpy.QtTest import QTest

        from ifspace.phantom import PhantomSpec, write_phantom
        from napari_ifspace.app import hide_panels, open_dock

        self.wait = QTest.qWait
        spec = PhantomSpec(ifs_mm=14.0, qfs_mm=9.0, extra_contrasts=("PD-FS",))
        self.truth = write_phantom(folder / "phantom", spec)
        self.viewer = napari.Viewer(title="IFSpace")
        self.dock: Any = open_dock(self.viewer)
        hide_panels(self.viewer)
        self.dock.open_path(self.truth.image_path)
        self.until(lambda: "Opened at" in self.dock.message.text())
        self.wait(300)

    def until(self, done: Any) -> None:
        """Wait for a worker."""
        end = time.monotonic() + 300.0
        while not done() and time.monotonic() < end:
            self.wait(30)

    def shoot(self, name: str) -> None:
        """Photograph the whole window."""
        self.wait(250)
        pixels = self.viewer.window.screenshot(canvas_only=False, flash=False)
        self.save(Image.fromarray(pixels[..., :3]), name)

    def save(self, picture: Image.Image, name: str) -> None:
        """Write a PNG that fits a page."""
        small = picture.convert("RGB")
        small.thumbnail(LARGEST_PX, Image.Resampling.LANCZOS)
        small.save(IMAGES / f"window-{name}.png", optimize=True)

    def place(self, mark: Any, off_lps_mm: Any = 0.0) -> None:
        """Place one true mark, or beside it."""
        from ifspace.reading import screen
        from ifspace.reading.controller import SlicePoint
        from ifspace.reading.steps import step_of

        at = screen.slice_of(self.dock.controller.volume, mark)
        self.dock.viewer_layers.show_slice(at)
        self.dock.controller.active_step.choose(step_of(mark))
        self.dock.controller.place(SlicePoint(at, mark.position_lps_mm + off_lps_mm))
        self.wait(30)


def main() -> None:
    """Take every picture."""
    folder = Path(tempfile.mkdtemp(prefix="ifspace-pictures-"))
    os.environ["IFSPACE_STATE_DIR"] = os.environ["IFSPACE_CONFIG_DIR"] = str(folder)
    from ifspace.io.session import read_session
    from ifspace.model import Side
    from ifspace.reading.controller import SlicePoint

    camera = Photographer(folder)
    dock = camera.dock
    camera.until(lambda: "Looking" not in dock.message.text())
    camera.shoot("start")

    seeds = json.loads(camera.truth.truth_path.read_text())["sides"]["right"]["seeds_lps_mm"]
    dock.commands.act("propose")
    for name in ("ischium_marrow", "femur_marrow"):
        point_lps_mm = np.array(seeds[name])
        dock.controller.place(
            SlicePoint(dock.controller.volume.nearest_slice(point_lps_mm)[0], point_lps_mm)
        )
    camera.until(lambda: "Looking" not in dock.message.text())
    dock.viewer_layers.zoom_to(Side.RIGHT)
    camera.shoot("proposal")
    correct_an_outline(camera, Side.RIGHT)
    camera.shoot("correction")
    while dock.controller.history.can_undo:
        dock.controller.undo()

    pairs = smallest_pairs(read_session(camera.truth.session_path).marks)
    dock.commands.act("snap_switch")
    ischium, trochanter = pairs[:2]
    way = trochanter.position_lps_mm - ischium.position_lps_mm
    way /= np.linalg.norm(way)
    camera.place(ischium, 1.3 * way)
    camera.place(trochanter, -1.7 * way)
    dock.viewer_layers.zoom_to(Side.RIGHT)
    camera.shoot("snapped")
    dock.second_row.box.setCurrentIndex(1)
    dock.second_row.box.activated.emit(1)
    camera.until(lambda: dock.viewer_layers.second.layer is not None)
    camera.shoot("second")
    dock.viewer_layers.second.remove()
    dock.second_row.box.setCurrentIndex(0)
    dock.second_row.refresh()
    dock.commands.act("snap_switch")
    while dock.controller.history.can_undo:
        dock.controller.undo()

    for mark in pairs:
        camera.place(mark)
    dock.controller.active_step.select(None)
    dock.controller.notes.set_reader("A")
    dock.viewer_layers.zoom_to(Side.LEFT)
    camera.shoot("measured")

    dock.controller.confirm(everything=True)
    dock.controller.notes.note_acquisition("hip_rotation", "neutral")
    dock.controller.notes.note_finding(Side.LEFT, "qf_oedema", "moderate")
    dock.tabs.setCurrentIndex(1)
    camera.viewer.theme = "light"
    camera.shoot("findings")
    camera.viewer.theme = "dark"
    dock.controller.notes.sign()
    dock.reports.folder.setText(str(folder / "report"))
    dock.reports.export()
    camera.until(lambda: bool(dock.reports.last_files))
    dock.reports.folder.setText("/reports/case-17")
    dock.reports.written.setText(
        "Written to /reports/case-17:<br>"
        + ", ".join(path.name for path in dock.reports.last_files)
    )
    dock.say(f"{len(dock.reports.last_files)} file(s) written to case-17.")
    dock.tabs.setCurrentIndex(2)
    camera.shoot("report")
    dock.commands.act("card")
    camera.wait(300)
    dock.commands.shortcut_list.grab().save(str(folder / "keys.png"))
    camera.save(Image.open(folder / "keys.png"), "keys")
    dock.controller.saved()
    camera.viewer.close()


def correct_an_outline(camera: Photographer, side: Any) -> None:
    """Drag the back of the femur's outline outwards by a millimetre and a half."""
    from ifspace.landmarks import Bone
    from ifspace.model import Kind
    from ifspace.reading.proposer import HeldOutline

    dock = camera.dock
    k = dock.viewer_layers.slice_index
    outline = next(
        item.points_lps_mm
        for item in dock.controller.proposer.found[side].outlines
        if (item.structure, item.slice_index, item.kind) == (Bone.FEMUR, k, Kind.IFS)
    )
    start = max(outline, key=lambda point: float(point[1]))
    dock.controller.proposer.hold(HeldOutline(side, Bone.FEMUR, k, start))
    dock.controller.proposer.drag(start + np.array([0.0, 1.5, 0.0]))
    dock.controller.proposer.drop()
    camera.until(lambda: not dock.controller.proposer.searching)


def smallest_pairs(marks: Any) -> list[Any]:
    """Give the marks of the headline values, in the order of the steps."""
    from ifspace.reading.steps import STEPS, step_of

    chosen = []
    for step in STEPS:
        mine = [mark for mark in marks if step_of(mark) == step]
        others = {m.sop_instance_uid: m for m in marks if step_of(m) == step.partner}
        chosen.append(
            min(
                mine,
                key=lambda mark: float(
                    np.linalg.norm(
                        others[mark.sop_instance_uid].position_lps_mm - mark.position_lps_mm
                    )
                ),
            )
        )
    return chosen


if __name__ == "__main__":
    main()
