"""The layers of one reading in a viewer: image, drawings, letters, mouse. No Qt.

They show the controller and hold no state of their own. Works on a
:class:`napari.components.ViewerModel` without any window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Layer
from psygnal import Signal

from ifspace.model import Kind, Side, StudyResult
from ifspace.reading import screen
from ifspace.reading.controller import ReadingController
from ifspace.reading.steps import Step, step_of
from napari_ifspace.drawing import Drawing
from napari_ifspace.framing import Framing
from napari_ifspace.gray_window import GrayWindow, series_key
from napari_ifspace.mouse import MouseCommands
from napari_ifspace.orientation_letters import OrientationLetters
from napari_ifspace.outlines import Outlines
from napari_ifspace.second_series import SecondSeries

IMAGE_NAME = "Images"


class ViewerLayers:
    """The layers, overlays and mouse of one controller in one viewer."""

    lost = Signal(str)
    turned = Signal()

    def __init__(
        self, viewer: Any, controller: ReadingController, *, has_drawing: bool = True
    ) -> None:
        """Add the image and listen; without `has_drawing`, wait for :meth:`add_drawing`."""
        self.viewer = viewer
        self.controller = controller
        self._closing = False
        self._straightening = False
        self._slice_index = 0
        self._result: StudyResult | None = None
        self._drawing: Drawing | None = None
        self.image: Image = self._new_image()
        self.outlines = Outlines(viewer, controller)
        self.second = SecondSeries(self)
        viewer.add_layer(self.image)
        self.framing = Framing(viewer, controller)
        self.gray = GrayWindow()
        self.gray.adopt(self.image, series_key(controller.volume.series))
        viewer.layers.selection.active = self.image
        self.letters = OrientationLetters(viewer, controller)
        self.mouse = MouseCommands(self)
        self._listen()
        if has_drawing:
            self.add_drawing()

    @property
    def has_letters(self) -> bool:
        """Whether the letters of the sides are on the image."""
        return self.letters.added

    @property
    def has_drawing(self) -> bool:
        """Whether letters, marks, lines and words are on the image."""
        return self._drawing is not None

    @property
    def drawing(self) -> Drawing:
        """Marks, lines and words; put on the image now if they were not yet."""
        self.add_drawing()
        if self._drawing is None:
            raise ValueError("nothing is drawn in a viewer that was closed")
        return self._drawing

    def add_letters(self) -> None:
        """Write the letters of the sides on the canvas, the first thing that an image needs."""
        if not self._closing:
            self.letters.add()
            self.write_edges()

    def add_drawing(self) -> None:
        """Write and draw on the image; whatever needs that may call it, once is enough."""
        if self._closing or self._drawing is not None:
            return
        self.add_letters()
        self._drawing = Drawing(self.viewer, self.controller)
        self._drawing.add()
        self.viewer.layers.selection.active = self.image
        self._drawing.draw(self._result)

    # ---------------------------------------------------------------------------------- slices

    @property
    def slice_index(self) -> int:
        """The slice in view; the last one while no stack is in the viewer."""
        if self.viewer.dims.ndim >= 3:
            self._slice_index = screen.slice_shown(
                self.viewer.dims.point[-3:], self.controller.display
            )
        return self._slice_index

    def show_slice(self, slice_index: int) -> None:
        """Bring a slice into view."""
        last = self.controller.display.shape_kji[0] - 1
        index = min(max(slice_index, 0), last)
        dims = self.viewer.dims
        if dims.ndim < 3:
            return
        dims.set_point(dims.ndim - 3, index * self.controller.display.scale_mm[0])

    @property
    def measurable(self) -> bool:
        """Whether the acquired slices are in view, two-dimensional and not reformatted."""
        dims = self.viewer.dims
        in_plane = {dims.ndim - 2, dims.ndim - 1}
        return dims.ndim >= 3 and dims.ndisplay == 2 and set(dims.displayed) == in_plane

    @property
    def layer_in_view(self) -> Image:
        """The images that lie on top: the measured ones, or the second series over them."""
        second = self.second.layer
        return second if second is not None and second.visible else self.image

    # ----------------------------------------------------------------------------------- layers

    def _new_image(self) -> Image:
        volume = self.controller.volume
        return Image(
            self.controller.display.array(volume.voxels),
            name=IMAGE_NAME,
            scale=self.controller.display.scale_mm,
            units="mm",
            contrast_limits=screen.window(volume),
            interpolation2d="linear",
            metadata={
                # Kept aside on purpose: napari must not slice through a rotated affine.
                "affine_lps_mm": volume.grid.affine_lps_mm.tolist(),
                "series_instance_uid": volume.series.series_instance_uid,
            },
        )

    def _ours(self) -> tuple[Layer, ...]:
        return (self.image, *(self._drawing.layers if self._drawing is not None else ()))

    def repair(self) -> None:
        """Put back what was deleted or shifted by hand."""
        if self._closing:
            return
        self.add_drawing()
        slice_index = self._slice_index
        if self.image not in self.viewer.layers:
            self.image = self._new_image()
            self.viewer.layers.insert(0, self.image)
            self.gray.adopt(self.image, series_key(self.controller.volume.series))
            self._listen_to_image()
        self.drawing.repair()
        self.viewer.layers.selection.active = self.image
        self.straighten()
        self.show_slice(slice_index)
        self.drawing.redraw()

    def straighten(self) -> None:
        """Undo any shift, turn or stretch of our layers: a picture of the scan stays in place."""
        self._straightening = True
        scale = self.controller.display.scale_mm
        for layer in (*self._ours(), *self.second.layers):
            if layer.ndim == len(scale):
                layer.mode = "pan_zoom"
                if not np.allclose(layer.scale, scale):
                    layer.scale = scale
                if np.any(layer.translate):
                    layer.translate = (0.0, 0.0, 0.0)
                if not np.allclose(layer.rotate, np.eye(3)):
                    layer.rotate = np.eye(3)
                if np.any(layer.shear):
                    layer.shear = (0.0, 0.0, 0.0)
                if not np.allclose(layer.affine.affine_matrix, np.eye(4)):
                    layer.affine = np.eye(4)
        self._straightening = False

    def look_closely(self, what: Step | Kind, side: Side | None, result: StudyResult) -> None:
        """Show the mark of a step, or those of a measured space, on their slice and large."""
        if isinstance(what, Step):
            mine = (mark for mark in self.controller.session.marks if step_of(mark) == what)
            marks = tuple(mine)[:1]
        else:
            of = [item for item in result.measurements if (item.kind, item.side) == (what, side)]
            marks = of[0].marks if of else ()
        if marks:
            self.show_slice(screen.slice_of(self.controller.volume, marks[0]))
            self.framing.show_marks(marks)

    def restore_view(self) -> None:
        """Show the acquired slices again, as they were opened: flat, upright, whole."""
        viewer, slice_index = self.viewer, self._slice_index
        viewer.dims.ndisplay = 2
        viewer.dims.order = tuple(range(viewer.dims.ndim))
        viewer.scene.camera.orientation2d = ("down", "right")
        self.image.visible = True
        self.straighten()
        self.show_slice(slice_index)
        self.framing.show_side(None)

    # ---------------------------------------------------------------------------------- drawing

    def draw(self, result: StudyResult | None) -> None:
        """Draw marks, lines and millimetres of the reading as shown, as soon as that can be."""
        self._result = result
        if self._drawing is not None:
            self._drawing.draw(result)

    def _redraw(self) -> None:
        if self._drawing is not None:
            self._drawing.redraw()

    def show_outlines(self) -> None:
        """Draw the bone outlines that proposals rest on: the reader judges by them."""
        if self.has_drawing and not self._closing:
            self.outlines.show(self.controller.proposer.found, self.controller.state.dragged)
            self.viewer.layers.selection.active = self.image

    def write_edges(self) -> None:
        """Write R, L, A, P … where they are now, and the slice number."""
        if not self._closing:
            self.letters.write(self.slice_index, measurable=self.measurable)

    # --------------------------------------------------------------------------------- listening

    def _listen(self) -> None:
        viewer = self.viewer
        viewer.dims.events.point.connect(self._on_turned)
        viewer.dims.events.order.connect(self._on_turned)
        viewer.dims.events.ndisplay.connect(self._on_turned)
        viewer.scene.camera.events.orientation.connect(self._on_turned)
        viewer.scene.camera.events.zoom.connect(self._redraw)
        viewer.layers.events.removed.connect(self._on_removed)
        self._listen_to_image()

    def _listen_to_image(self) -> None:
        self.keep_in_place(self.image)

    def keep_in_place(self, layer: Layer) -> None:
        """Undo whatever shifts, turns or stretches a layer of images."""
        for name in ("scale", "translate", "rotate", "shear", "affine"):
            getattr(layer.events, name).connect(self._on_shifted)

    def _on_turned(self) -> None:
        self.write_edges()
        self.second.write()
        self.turned.emit()

    def _on_removed(self, event: Any) -> None:
        if not self._closing and event.value in self._ours():
            self.lost.emit(str(event.value.name))

    def _on_shifted(self) -> None:
        if not self._straightening and not self._closing:
            self.straighten()

    def close(self) -> None:
        """Take the layers, the overlays and the callbacks away again."""
        self._closing = True
        viewer = self.viewer
        self.mouse.close()
        self.framing.close()
        for emitter in (
            viewer.dims.events.point,
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
            viewer.scene.camera.events.orientation,
        ):
            emitter.disconnect(self._on_turned)
        viewer.scene.camera.events.zoom.disconnect(self._redraw)
        viewer.layers.events.removed.disconnect(self._on_removed)
        self.second.remove()
        self.letters.remove()
        if self._drawing is not None:
            self._drawing.remove()
        self.outlines.remove()
        if self.image in viewer.layers:
            viewer.layers.remove(self.image)
