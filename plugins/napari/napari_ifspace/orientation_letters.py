"""The words on the canvas: the letters at its edges and the number of the slice. No Qt."""

from __future__ import annotations

from functools import partial
from textwrap import shorten
from typing import Any

from napari.components.overlays import TextOverlay

from ifspace.reading import screen
from ifspace.reading.controller import ReadingController
from ifspace.reading.study import describe

_POSITIONS = {
    "left": "middle_left",
    "right": "middle_right",
    "top": "top_center",
    "bottom": "bottom_center",
}
_OVERLAY = "ifspace_{}"


# In points; the sides of the patient have to be read first.
_SIDE_SIZE, _OTHER_SIZE, _SLICE_SIZE, _IDENTITY_SIZE = 20, 13, 11, 9


def _words(position: str, size: int) -> TextOverlay:
    return TextOverlay(text="", position=position, font_size=size, visible=True, box=True)


_MAKERS = {
    _OVERLAY.format(edge): partial(
        _words, position, _SIDE_SIZE if edge in ("left", "right") else _OTHER_SIZE
    )
    for edge, position in _POSITIONS.items()
} | {
    _OVERLAY.format("slice"): partial(_words, "top_left", _SLICE_SIZE),
    _OVERLAY.format("identity"): partial(_words, "top_right", _IDENTITY_SIZE),
}
# A longer name of patient or series is cut on the image.
IDENTITY_LENGTH = 40


class OrientationLetters:
    """R, L, A, P … and the slice number on the canvas of one viewer.

    Attributes
    ----------
    added
        Whether they are there already.
    identity
        Who the patient is, one row each; empty where nobody says, or it was taken out.
    shows_identity
        Whether patient, series and reader stand on the image.
    """

    def __init__(self, viewer: Any, controller: ReadingController) -> None:
        """Blacken the canvas; :meth:`add` writes on it."""
        self.viewer = viewer
        self.controller = controller
        # Films are read on black, whatever the theme of the window.
        self._background = viewer.canvas.background_color_override
        viewer.canvas.background_color_override = "black"
        self.added = False
        self.identity: tuple[str, ...] = ()
        self.shows_identity = True
        self._had_scale_bar = viewer.canvas.overlays.scale_bar.visible

    def add(self) -> None:
        """Put the words and the scale bar on the canvas.

        Words that an earlier study left there are used again: each costs napari as much time as
        an image.
        """
        overlays = self.viewer.canvas.overlays
        for name, make in _MAKERS.items():
            if name not in overlays:
                overlays[name] = make()
        overlays.scale_bar.visible = True
        self.added = True

    def write(self, slice_index: int, *, measurable: bool) -> None:
        """Write R, L, A, P … where they are now, and the slice number.

        Parameters
        ----------
        slice_index
            The slice in view, counted from 0.
        measurable
            Whether acquired slices are in view: on others no letter is written.
        """
        if not self.added:
            return
        overlays = self.viewer.canvas.overlays
        self.write_identity()
        letters = self._letters() if measurable else dict.fromkeys(_POSITIONS, "")
        count = self.controller.display.shape_kji[0]
        for name, words in (letters | {"slice": f"slice {slice_index + 1} of {count}"}).items():
            overlay = overlays[_OVERLAY.format(name)]
            overlay.text = words
            overlay.visible = True

    def write_identity(self) -> None:
        """Write who is read, of when and by whom; nothing where that is switched off."""
        if not self.added:
            return
        series = self.controller.volume.series
        rows = [
            *self.identity,
            series.description or describe(series),
            f"Reader {self.controller.session.reader}" if self.controller.session.reader else "",
        ]
        shown = [shorten(row, IDENTITY_LENGTH, placeholder=" …") for row in rows if row]
        overlay = self.viewer.canvas.overlays[_OVERLAY.format("identity")]
        overlay.text = "\n".join(shown)
        overlay.visible = self.shows_identity

    def toggle_identity(self) -> None:
        """Hide who is read, for screenshots, or show it again."""
        self.shows_identity = not self.shows_identity
        self.write_identity()

    def _letters(self) -> dict[str, str]:
        down, right = self.viewer.scene.camera.orientation2d
        letters = screen.edge_letters(
            self.controller.volume, self.controller.display, right=str(right), down=str(down)
        )
        if self.viewer.dims.displayed[0] > self.viewer.dims.displayed[1]:
            return {
                "top": letters["left"],
                "bottom": letters["right"],
                "left": letters["top"],
                "right": letters["bottom"],
            }
        return letters

    def remove(self) -> None:
        """Give the canvas back as it was."""
        self.viewer.canvas.background_color_override = self._background
        overlays = self.viewer.canvas.overlays
        overlays.scale_bar.visible = self._had_scale_bar
        for name in _MAKERS:
            if name in overlays:
                overlays[name].visible = False
