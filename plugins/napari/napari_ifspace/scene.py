"""Show a desk in a napari viewer, and turn mouse events into commands of the desk. No Qt.

The layers are a picture: whatever happens to them, they are drawn again from the desk. Works on a
:class:`napari.components.ViewerModel` without any window.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.components.overlays import TextOverlay
from napari.layers import Image, Layer, Points, Vectors
from psygnal import Signal

from ifspace.geometry import Floats
from ifspace.landmarks import SliceOutline
from ifspace.model import (
    MARKS_OF_KIND,
    Kind,
    Mark,
    MarkState,
    Measurement,
    Session,
    Side,
    StudyResult,
)
from napari_ifspace import layers
from napari_ifspace.desk import Desk, Spot
from napari_ifspace.reading import mark_at
from napari_ifspace.steps import Step, step_of

# Okabe and Ito's colours, told apart with any kind of colour vision; the shapes tell as well.
STATE_COLORS = {
    MarkState.PROPOSED: "#CC79A7",
    MarkState.PLACED: "#F0E442",
    MarkState.CONFIRMED: "#56B4E9",
}
STATE_SYMBOLS = {
    MarkState.PROPOSED: "diamond",
    MarkState.PLACED: "disc",
    MarkState.CONFIRMED: "square",
}

# In screen pixels: the outline of a mark, a line, the reach of the mouse, a drag that is no click.
MARK_SIZE_PX = 13.0
RING_SHARE = 0.13
LINE_WIDTH_PX = 1.6
REACH_PX = 6.0
DRAG_PX = 3.0
LABEL_OFFSET_PX = 20.0
OUTLINE_LEAP_MM = 8.0
LABEL_WIDTH_PX = 75.0
TEXT_SIZE = 12
# Copies of the text in black around the white one, so that it is read on fat as well as on air.
_HALO_PX = 1.5
_HALO = tuple(_HALO_PX * np.array(way) for way in ((-1, -1), (-1, 1), (1, -1), (1, 1)))

IMAGE_NAME, OUTLINES_NAME, MARKS_NAME, LINES_NAME, TEXT_NAME = (
    "Images",
    "IFSpace outlines",
    "IFSpace marks",
    "IFSpace distances",
    "IFSpace millimetres",
)
_EDGES = {
    "left": "middle_left",
    "right": "middle_right",
    "top": "top_center",
    "bottom": "bottom_center",
}
_OVERLAY = "ifspace_{}"


class Scene:
    """The layers, overlays and mouse of one desk in one viewer."""

    lost = Signal(str)
    turned = Signal()

    def __init__(self, viewer: Any, desk: Desk, *, furnished: bool = True) -> None:
        """Add the image and listen; without `furnished`, wait for :meth:`furnish` to draw on it."""
        self.viewer = viewer
        self.desk = desk
        self._closing = False
        self._drawing = False
        self._slice_index = 0
        self._zoomed: Side | None = None
        self._outlines: Vectors | None = None
        self._style: tuple[Any, ...] | None = None
        self._line_colors: list[str] = []
        self._labels: list[str] = []
        self._result: StudyResult | None = None
        self.image: Image = self._new_image()
        self.lines: Vectors = self._new_lines()
        self.marks: Points = self._new_marks()
        self.text: Points = self._new_text()
        self._furnished = False
        viewer.add_layer(self.image)
        viewer.layers.selection.active = self.image
        self._add_overlays()
        self._listen()
        if furnished:
            self.furnish()

    def furnish(self) -> None:
        """Add the layers that are drawn on the image."""
        if self._closing or self._furnished:
            return
        for layer in (self.lines, self.marks, self.text):
            self.viewer.add_layer(layer)
            layer.events.visible.connect(self._on_zoom)
        self._furnished = True
        self.viewer.layers.selection.active = self.image
        self.draw(self._result)

    # ---------------------------------------------------------------------------------- slices

    @property
    def slice_index(self) -> int:
        """The slice in view; the last one while no stack is in the viewer."""
        if self.viewer.dims.ndim >= 3:
            self._slice_index = layers.slice_shown(self.viewer.dims.point[-3:], self.desk.display)
        return self._slice_index

    def show_slice(self, slice_index: int) -> None:
        """Bring a slice into view."""
        last = self.desk.display.shape_kji[0] - 1
        index = min(max(slice_index, 0), last)
        dims = self.viewer.dims
        if dims.ndim < 3:
            return
        dims.set_point(dims.ndim - 3, index * self.desk.display.scale_mm[0])

    @property
    def measurable(self) -> bool:
        """Whether the acquired slices are in view, two-dimensional and not reformatted."""
        dims = self.viewer.dims
        in_plane = {dims.ndim - 2, dims.ndim - 1}
        return dims.ndim >= 3 and dims.ndisplay == 2 and set(dims.displayed) == in_plane

    def toggle_zoom(self, side: Side | None) -> None:
        """Zoom to one hip, or from there back to the whole slice."""
        self._zoomed = None if self._zoomed is side else side
        self.zoom_to(self._zoomed)

    def zoom_to(self, side: Side | None) -> None:
        """Fill the view with one hip, or with the whole slice."""
        down_mm, right_mm = self._size_mm()
        width_mm = right_mm if side is None else right_mm / 2.0
        across_mm = right_mm / 2.0
        if side is not None:
            left_letter = layers.edge_letters(self.desk.volume, self.desk.display)["left"]
            on_left = left_letter.startswith("R") is (side is Side.RIGHT)
            across_mm = right_mm * (0.25 if on_left else 0.75)
        canvas_px = min(self.viewer.canvas.size)
        self.viewer.camera.center = (0.0, down_mm / 2.0, across_mm)
        self.viewer.camera.zoom = 0.95 * canvas_px / max(width_mm, 1.0)

    def _size_mm(self) -> tuple[float, float]:
        _, down, right = self.desk.display.shape
        _, down_mm, right_mm = self.desk.display.scale_mm
        return down * down_mm, right * right_mm

    # ----------------------------------------------------------------------------------- layers

    def _new_image(self) -> Image:
        volume = self.desk.volume
        return Image(
            self.desk.display.array(volume.voxels),
            name=IMAGE_NAME,
            scale=self.desk.display.scale_mm,
            units="mm",
            contrast_limits=layers.window(volume),
            interpolation2d="linear",
            metadata={
                # Kept aside on purpose: napari must not slice through a rotated affine.
                "affine_lps_mm": volume.grid.affine_lps_mm.tolist(),
                "series_instance_uid": volume.series.series_instance_uid,
            },
        )

    def _new_lines(self) -> Vectors:
        return Vectors(
            np.zeros((0, 2, 3)),
            ndim=3,
            name=LINES_NAME,
            scale=self.desk.display.scale_mm,
            units="mm",
            vector_style="line",
            edge_width=1.0,
        )

    def _new_marks(self) -> Points:
        layer = Points(
            np.zeros((0, 3)),
            ndim=3,
            name=MARKS_NAME,
            scale=self.desk.display.scale_mm,
            units="mm",
            face_color="transparent",
            border_width_is_relative=True,
        )
        layer.editable = False
        return layer

    def _new_text(self) -> Points:
        layer = Points(
            np.zeros((0, 3)),
            ndim=3,
            name=TEXT_NAME,
            scale=self.desk.display.scale_mm,
            units="mm",
            face_color="transparent",
            border_color="transparent",
            size=0.1,
            features={"label": np.array([], dtype=object)},
            text={"string": "{label}", "color": "white", "size": TEXT_SIZE, "anchor": "center"},
        )
        layer.editable = False
        return layer

    def _ours(self) -> tuple[Layer, ...]:
        return (self.image, self.lines, self.marks, self.text)

    def repair(self) -> None:
        """Put back what was deleted or shifted by hand."""
        if self._closing:
            return
        self.furnish()
        slice_index = self._slice_index
        makers = {
            "image": self._new_image,
            "lines": self._new_lines,
            "marks": self._new_marks,
            "text": self._new_text,
        }
        for name, make in makers.items():
            if getattr(self, name) not in self.viewer.layers:
                layer = make()
                setattr(self, name, layer)
                self._style, self._line_colors, self._labels = None, [], []
                self.viewer.add_layer(layer)
                layer.events.visible.connect(self._on_zoom)
                if name == "image":
                    self.viewer.layers.move(self.viewer.layers.index(layer), 0)
                    self._listen_to_image()
        self.viewer.layers.selection.active = self.image
        self.straighten()
        self.show_slice(slice_index)
        self.draw(self._result)

    def straighten(self) -> None:
        """Undo any shift, turn or stretch of our layers: a picture of the scan stays in place."""
        self._drawing = True
        scale = self.desk.display.scale_mm
        for layer in self._ours():
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
        self._drawing = False

    # ---------------------------------------------------------------------------------- drawing

    def draw(self, result: StudyResult | None) -> None:
        """Draw marks, lines and millimetres of the reading as shown."""
        self._result = result
        if any(layer not in self.viewer.layers for layer in self._ours()):
            return
        self._drawing = True
        session = self.desk.shown
        # napari does not slice a hidden layer, and then stumbles over its new colours and words;
        # it is drawn when it is shown again.
        if self.marks.visible:
            self._draw_marks(session)
        if self.lines.visible and self.text.visible:
            self._draw_lines(session, result)
        self._drawing = False

    def _draw_marks(self, session: Session) -> None:
        picture = layers.picture_of(session.marks, self.desk.volume, self.desk.display)
        size = self._pixel_mm() * MARK_SIZE_PX / self.desk.display.scale_mm[2]
        style = (picture.states, self._selected_row(session), size)
        if not np.array_equal(picture.data, self.marks.data):
            self._change(self.marks, picture.data)
            self.marks.selected_data = set()
        if style != self._style and len(picture.data):
            self._restyle_marks(*style)
        self._style = style

    def _restyle_marks(
        self, states: tuple[MarkState, ...], selected: int | None, size: float
    ) -> None:
        widths = np.full(len(states), RING_SHARE)
        if selected is not None:
            widths[selected] *= 2.0
        self.marks.size = np.full(len(states), size)
        self.marks.symbol = [STATE_SYMBOLS[state] for state in states]
        self.marks.border_color = [STATE_COLORS[state] for state in states]
        self.marks.border_width = widths
        self.marks.face_color = "transparent"

    def _selected_row(self, session: Session) -> int | None:
        for row, mark in enumerate(session.marks):
            if self.desk.selected is not None and mark is self.desk.selected:
                return row
        return None

    def _draw_lines(self, session: Session, result: StudyResult | None) -> None:
        vectors: list[Floats] = []
        colors: list[str] = []
        spots: list[Floats] = []
        words: list[str] = []
        for marks in self._pairs(session):
            start, end = (
                layers.lps_mm_to_data(
                    mark.position_lps_mm,
                    layers.slice_of(self.desk.volume, mark),
                    self.desk.volume,
                    self.desk.display,
                )
                for mark in marks
            )
            dashed = any(mark.state is MarkState.PROPOSED for mark in marks)
            pieces = layers.dashes(start, end, 7 if dashed else 1)
            vectors.extend(pieces)
            colors.extend([_pair_color(marks)] * len(pieces))
            spots.append(self._label_spot(start, end, marks[0]))
            words.append(self._label(marks, result))
        for piece in self._cross():
            vectors.append(piece)
            colors.append("white")
        self._set_vectors(vectors, colors)
        self._set_words(spots, words)

    def show_outlines(self, outlines: Sequence[SliceOutline]) -> None:
        """Draw the bone outlines that proposals rest on: the reader judges by them."""
        if self._outlines is not None and self._outlines in self.viewer.layers:
            self.viewer.layers.remove(self._outlines)
        self._outlines = None
        pieces = [self._pieces(outline) for outline in outlines if len(outline.points_lps_mm) > 1]
        if not pieces:
            return
        self._outlines = Vectors(
            np.concatenate(pieces),
            name=OUTLINES_NAME,
            scale=self.desk.display.scale_mm,
            units="mm",
            vector_style="line",
            edge_color=STATE_COLORS[MarkState.PROPOSED],
            edge_width=LINE_WIDTH_PX * self._pixel_mm() / self.desk.display.scale_mm[2],
            opacity=0.8,
        )
        self.viewer.layers.insert(1, self._outlines)
        self.viewer.layers.selection.active = self.image

    def _pieces(self, outline: SliceOutline) -> Floats:
        volume, display = self.desk.volume, self.desk.display
        points = np.array(
            [
                layers.lps_mm_to_data(point, outline.slice_index, volume, display)
                for point in outline.points_lps_mm
            ]
        )
        steps = np.diff(points, axis=0)
        lengths_mm = np.linalg.norm(steps * np.asarray(display.scale_mm), axis=1)
        # An outline may be made of bone and tendon: the leap between them is no border.
        near = lengths_mm < OUTLINE_LEAP_MM
        return np.stack([points[:-1][near], steps[near]], axis=1)

    def _cross(self) -> Floats:
        """Draw the cursor of the keyboard, open in the middle."""
        spot = self.desk.spot
        if spot is None or not self.desk.cross:
            return np.zeros((0, 2, 3))
        center = layers.lps_mm_to_data(
            spot.point_lps_mm, spot.slice_index, self.desk.volume, self.desk.display
        )
        arm = 10.0 * self._pixel_mm() / np.asarray(self.desk.display.scale_mm)
        ways = np.array([[0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]]) * arm
        return np.stack([center + 0.3 * ways, ways], axis=1)

    def _pairs(self, session: Session) -> list[tuple[Mark, Mark]]:
        volume = self.desk.volume
        found = []
        for kind in Kind:
            first, second = MARKS_OF_KIND[kind]
            for mark in session.marks:
                if mark.name is first:
                    other = mark_at(
                        volume, session, Step(second, mark.side), layers.slice_of(volume, mark)
                    )
                    if other is not None:
                        found.append((mark, other))
        return found

    def _label_spot(self, start: Floats, end: Floats, mark: Mark) -> Floats:
        """Put the words beside the middle of a line: above it for the IFS, below for the QFS."""
        scale_mm = np.asarray(self.desk.display.scale_mm[1:])
        down_mm, right_mm = (end - start)[1:] * scale_mm
        beside = np.array([-abs(right_mm), np.copysign(1.0, right_mm) * down_mm])
        if step_of(mark).kind is Kind.QFS:
            beside = -beside
        beside /= max(float(np.linalg.norm(beside)), 1e-6)
        # Words are wider than high, so they have to keep farther away from a steep line.
        reach_px = np.hypot(*(beside * (LABEL_OFFSET_PX, LABEL_WIDTH_PX)))
        spot = (start + end) / 2.0
        spot[1:] += beside * reach_px * self._pixel_mm() / scale_mm
        return np.asarray(spot)

    def _label(self, marks: tuple[Mark, Mark], result: StudyResult | None) -> str:
        kind, side = step_of(marks[0]).kind, marks[0].side
        slice_index = layers.slice_of(self.desk.volume, marks[0])
        for space in result.spaces if result is not None else ():
            outcome = space.outcome
            if (
                not isinstance(outcome, Measurement)
                or outcome.kind is not kind
                or outcome.side is not side
            ):
                continue
            if outcome.slice_index == slice_index:
                return f"{kind.value.upper()} {outcome.value_mm:.1f} mm"
            for level in outcome.curve:
                if level.slice_index == slice_index:
                    return f"{kind.value.upper()} {level.value_mm:.1f} mm"
        return f"{kind.value.upper()} not measured"

    def _set_vectors(self, vectors: Sequence[Floats], colors: Sequence[str]) -> None:
        data = np.array(vectors).reshape(len(vectors), 2, 3)
        width = LINE_WIDTH_PX * self._pixel_mm() / self.desk.display.scale_mm[2]
        same = np.array_equal(data, self.lines.data) and list(colors) == self._line_colors
        if same and np.isclose(self.lines.edge_width, width):
            return
        with _quietly(self.lines):
            self.lines.data = data
            if colors:
                self.lines.edge_color = list(colors)
                self.lines.edge_width = width
        self._line_colors = list(colors)

    def _change(self, layer: Points | Vectors, data: Floats) -> None:
        """Give a layer other data; quietly where rows only move and none comes or goes."""
        if len(data) == len(layer.data):
            with _quietly(layer):
                layer.data = data
        else:
            layer.data = data

    def _set_words(self, spots: Sequence[Floats], words: Sequence[str]) -> None:
        pixel = self._pixel_mm() / np.asarray(self.desk.display.scale_mm[1:])
        rows = [spot + np.array([0.0, *(way * pixel)]) for way in _HALO for spot in spots] + list(
            spots
        )
        data = np.array(rows).reshape(len(rows), 3)
        labels = list(words) * (len(_HALO) + 1)
        if np.array_equal(data, self.text.data) and labels == self._labels:
            return
        if len(data) == len(self.text.data):
            with _quietly(self.text):
                self.text.data = data
                self.text.features = {"label": np.array(labels, dtype=object)}
        else:
            # napari has to hear of rows that come or go before it is told their words.
            self.text.data = data
            self.text.features = {"label": np.array(labels, dtype=object)}
            tones = ["black"] * (len(_HALO) * len(spots)) + ["white"] * len(spots)
            self.text.text.color = {"array": tones, "default": "white"}
        self.text.selected_data = set()
        self._labels = labels

    def _pixel_mm(self) -> float:
        return float(1.0 / max(self.viewer.camera.zoom, 1e-3))

    # --------------------------------------------------------------------------------- overlays

    def _add_overlays(self) -> None:
        # Films are read on black, whatever the theme of the window.
        self._background = self.viewer.canvas.background_color_override
        self.viewer.canvas.background_color_override = "black"
        overlays = self.viewer.canvas.overlays
        for edge, position in _EDGES.items():
            big = edge in ("left", "right")
            overlays[_OVERLAY.format(edge)] = TextOverlay(
                text="",
                position=position,
                font_size=20 if big else 13,
                visible=True,
                box=True,
            )
        overlays[_OVERLAY.format("slice")] = TextOverlay(
            text="", position="top_left", font_size=11, visible=True, box=True
        )
        overlays.scale_bar.visible = True
        self.write_edges()

    def write_edges(self) -> None:
        """Write R, L, A, P … where they are now, and the slice number."""
        if self._closing:
            return
        overlays = self.viewer.canvas.overlays
        letters = dict.fromkeys(_EDGES, "")
        if self.measurable:
            down, right = self.viewer.camera.orientation2d
            letters = layers.edge_letters(
                self.desk.volume, self.desk.display, right=str(right), down=str(down)
            )
            if self.viewer.dims.displayed[0] > self.viewer.dims.displayed[1]:
                letters = {
                    "top": letters["left"],
                    "bottom": letters["right"],
                    "left": letters["top"],
                    "right": letters["bottom"],
                }
        for edge, letter in letters.items():
            overlays[_OVERLAY.format(edge)].text = letter
        count = self.desk.display.shape_kji[0]
        overlays[_OVERLAY.format("slice")].text = f"slice {self.slice_index + 1} of {count}"

    # ------------------------------------------------------------------------------------ mouse

    def spot_at(self, world: Sequence[float]) -> Spot:
        """Give the patient point under a cursor position in napari's world."""
        here = tuple(world)[-3:]
        volume, display = self.desk.volume, self.desk.display
        return Spot(
            layers.slice_shown(here, display), layers.world_to_lps_mm(here, volume, display)
        )

    def mark_near(self, world: Sequence[float]) -> Mark | None:
        """Find the mark under the mouse on the slice in view."""
        here = np.asarray(tuple(world)[-3:])
        slice_index = layers.slice_shown(here, self.desk.display)
        best: tuple[float, Mark] | None = None
        for mark in self.desk.session.marks:
            at = layers.slice_of(self.desk.volume, mark)
            if at != slice_index:
                continue
            data = layers.lps_mm_to_data(
                mark.position_lps_mm, at, self.desk.volume, self.desk.display
            )
            gap_px = float(np.linalg.norm((self.desk.display.to_world(data) - here)[1:]))
            gap_px *= float(self.viewer.camera.zoom)
            if gap_px <= REACH_PX and (best is None or gap_px < best[0]):
                best = (gap_px, mark)
        return best[1] if best else None

    def _free(self, event: Any) -> bool:
        """Whether the mouse is ours: slices in view, and no other layer being drawn on."""
        active = self.viewer.layers.selection.active
        busy = active is not None and str(active.mode) != "pan_zoom"
        return self.measurable and not busy and not event.modifiers and not self._closing

    def _on_move(self, _viewer: Any, event: Any) -> None:
        if self._free(event):
            self.desk.point(self.spot_at(event.position))

    def _on_press(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        if event.button != 1 or not self._free(event):
            if event.button == 1 and not self.measurable and not self._closing:
                self.desk.say(
                    "Marks can be placed on the acquired slices only; press Ctrl+R and 2D view.",
                    warning=True,
                )
            return
        mark = self.mark_near(event.position)
        pressed_px, pressed = np.asarray(event.pos, dtype=float), self.spot_at(event.position)
        offset_lps_mm = np.zeros(3) if mark is None else mark.position_lps_mm - pressed.point_lps_mm
        could_pan = viewer.camera.mouse_pan
        viewer.camera.mouse_pan = could_pan and mark is None
        dragged = False
        spot = pressed
        try:
            yield
            while event.type == "mouse_move":
                gap_px = float(np.linalg.norm(np.asarray(event.pos, dtype=float) - pressed_px))
                dragged = dragged or gap_px > DRAG_PX
                if mark is not None and dragged:
                    here = self.spot_at(event.position)
                    spot = Spot(here.slice_index, here.point_lps_mm + offset_lps_mm)
                    self.desk.drag(mark, spot)
                yield
        finally:
            viewer.camera.mouse_pan = could_pan
        if mark is not None and dragged:
            self.desk.move(mark, spot.point_lps_mm)
        elif mark is not None and not self.desk.wants_mark:
            self.desk.select(mark)
        elif not dragged:
            # Marks of the two spaces may lie on top of each other: the step in hand goes first.
            self.desk.place(pressed)

    def _on_wheel(self, viewer: Any, event: Any) -> None:
        if self._closing or viewer.dims.ndisplay != 2:
            return
        notches = float(np.clip(event.delta[1], -1.0, 1.0))
        if not event.modifiers:
            self.show_slice(self.slice_index + (1 if notches > 0 else -1))
            event.handled = True
        elif "Shift" in event.modifiers:
            # Qt turns Shift and wheel into a sideways wheel on some systems.
            notches = notches or float(np.clip(event.delta[0], -1.0, 1.0))
            viewer.camera.zoom *= 1.2**notches
            event.handled = True

    # --------------------------------------------------------------------------------- listening

    def _listen(self) -> None:
        viewer = self.viewer
        viewer.mouse_move_callbacks.append(self._on_move)
        viewer.mouse_drag_callbacks.append(self._on_press)
        viewer.mouse_wheel_callbacks.insert(0, self._on_wheel)
        viewer.dims.events.point.connect(self._on_turned)
        viewer.dims.events.order.connect(self._on_turned)
        viewer.dims.events.ndisplay.connect(self._on_turned)
        viewer.camera.events.orientation.connect(self._on_turned)
        viewer.camera.events.zoom.connect(self._on_zoom)
        viewer.layers.events.removed.connect(self._on_removed)
        self._listen_to_image()

    def _listen_to_image(self) -> None:
        events = self.image.events
        for name in ("scale", "translate", "rotate", "shear", "affine"):
            getattr(events, name).connect(self._on_shifted)

    def _on_turned(self) -> None:
        self.write_edges()
        self.turned.emit()

    def _on_zoom(self) -> None:
        if not self._drawing:
            self.draw(self._result)

    def _on_removed(self, event: Any) -> None:
        if not self._closing and event.value in self._ours():
            self.lost.emit(str(event.value.name))

    def _on_shifted(self) -> None:
        if not self._drawing and not self._closing:
            self.straighten()

    def close(self) -> None:
        """Take the layers, the overlays and the callbacks away again."""
        self._closing = True
        viewer = self.viewer
        viewer.mouse_move_callbacks.remove(self._on_move)
        viewer.mouse_drag_callbacks.remove(self._on_press)
        viewer.mouse_wheel_callbacks.remove(self._on_wheel)
        for emitter in (
            viewer.dims.events.point,
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
            viewer.camera.events.orientation,
        ):
            emitter.disconnect(self._on_turned)
        viewer.camera.events.zoom.disconnect(self._on_zoom)
        viewer.layers.events.removed.disconnect(self._on_removed)
        viewer.canvas.background_color_override = self._background
        for name in (*_EDGES, "slice"):
            viewer.canvas.overlays.pop(_OVERLAY.format(name), None)
        for layer in (*self._ours(), self._outlines):
            if layer is not None and layer in viewer.layers:
                viewer.layers.remove(layer)


@contextmanager
def _quietly(layer: Layer) -> Iterator[None]:
    """Change a layer and tell the canvas once.

    By itself napari slices the layer twice, draws its thumbnail and measures the whole scene with
    every change, which takes longer than a move of the mouse may.
    """
    with layer.events.blocker_all(), layer._block_refresh():
        yield
    layer.refresh(thumbnail=False, highlight=False, extent=False)


def _pair_color(marks: tuple[Mark, Mark]) -> str:
    order = list(MarkState)
    return STATE_COLORS[min((mark.state for mark in marks), key=order.index)]
