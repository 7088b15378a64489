"""What mouse and second series may ask of the layers that they belong to."""

from __future__ import annotations

from typing import Any, Protocol

from napari.layers import Image, Layer

from ifspace.reading.controller import ReadingController
from napari_ifspace.framing import Framing
from napari_ifspace.gray_window import GrayWindow
from napari_ifspace.outlines import Outlines


class SliceView(Protocol):
    """The slices of one reading in a viewer."""

    viewer: Any
    controller: ReadingController
    image: Image
    outlines: Outlines
    framing: Framing
    gray: GrayWindow

    @property
    def slice_index(self) -> int:
        """The slice in view."""

    @property
    def layer_in_view(self) -> Image:
        """The images that lie on top."""

    @property
    def measurable(self) -> bool:
        """Whether acquired slices are in view, neither reformatted nor in three dimensions."""

    def show_slice(self, slice_index: int) -> None:
        """Bring a slice into view."""

    def add_drawing(self) -> None:
        """Draw on the image, if nothing is drawn yet."""

    def keep_in_place(self, layer: Layer) -> None:
        """Undo whatever shifts a layer."""
