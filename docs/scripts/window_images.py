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
        self.truth = write_phantom(folder / "phantom", PhantomSpec(ifs_mm=14.0, qfs_mm=9.0))
        self.viewer = napari.Viewer(title="IFSpace")
        self.dock: Any = open_dock(self.viewer)
        hide_panels(self.viewer)
        self.dock.open_path(self.truth.image_path)
        self.until(lambda: self.dock.scene is not None)
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

    def place(self, mark: Any) -> None:
        """Place one true mark."""
        from napari_ifspace import layers
        from napari_ifspace.desk import Spot
        from napari_ifspace.steps import step_of

        at = layers.slice_of(self.dock.desk.volume, mark)
        self.dock.scene.show_slice(at)
        self.dock.desk.choose(step_of(mark))
        self.dock.desk.place(Spot(at, mark.position_lps_mm))
        self.wait(30)


def main() -> None:
    """Take every picture."""
    folder = Path(tempfile.mkdtemp(prefix="ifspace-pictures-"))
    os.environ["IFSPACE_STATE_DIR"] = os.environ["IFSPACE_CONFIG_DIR"] = str(folder)
    from ifspace.io.session import read_session
    from ifspace.model import Side
    from napari_ifspace.desk import Spot

    camera = Photographer(folder)
    dock = camera.dock
    camera.shoot("start")

    seeds = json.loads(camera.truth.truth_path.read_text())["sides"]["right"]["seeds_lps_mm"]
    dock.commands.act("propose")
    for name in ("ischium_marrow", "femur_marrow"):
        point_lps_mm = np.array(seeds[name])
        dock.desk.place(Spot(dock.desk.volume.nearest_slice(point_lps_mm)[0], point_lps_mm))
    camera.until(lambda: "Looking" not in dock.message.text())
    dock.scene.zoom_to(Side.RIGHT)
    camera.shoot("proposal")
    while dock.desk.history.can_undo:
        dock.desk.undo()
    dock.scene.show_outlines(())

    for mark in smallest_pairs(read_session(camera.truth.session_path).marks):
        camera.place(mark)
    dock.desk.select(None)
    dock.desk.set_reader("A")
    dock.scene.zoom_to(Side.LEFT)
    camera.shoot("measured")

    dock.desk.confirm(everything=True)
    dock.desk.note_acquisition("hip_rotation", "neutral")
    dock.desk.note_finding(Side.LEFT, "qf_oedema", "moderate")
    dock.tabs.setCurrentIndex(1)
    camera.viewer.theme = "light"
    camera.shoot("findings")
    camera.viewer.theme = "dark"
    dock.desk.sign()
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
    dock.commands.card.grab().save(str(folder / "keys.png"))
    camera.save(Image.open(folder / "keys.png"), "keys")
    dock.desk.saved()
    camera.viewer.close()


def smallest_pairs(marks: Any) -> list[Any]:
    """Give the marks of the headline values, in the order of the steps."""
    from napari_ifspace.steps import STEPS, step_of

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
