"""The layers drawn on the images: marks, lines and millimetres. No Qt.

They are a picture of the controller: whatever happens to them, they are drawn again from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Layer, Points, Vectors

from ifspace.geometry import Floats
from ifspace.model import (
    MARKS_OF_KIND,
    Kind,
    Mark,
    MarkState,
    Measurement,
    Session,
    StudyResult,
)
from ifspace.reading import screen
from ifspace.reading.controller import ReadingController
from ifspace.reading.edits import mark_at
from ifspace.reading.steps import Step, step_of

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

# In screen pixels: the outline of a mark, a line, the way from a line to its words.
MARK_SIZE_PX = 13.0
RING_SHARE = 0.13
LINE_WIDTH_PX = 1.6
HELD_ARM_PX = 7.0
LABEL_OFFSET_PX = 20.0
LABEL_WIDTH_PX = 75.0
TEXT_SIZE = 12
# Copies of the text in black around the white one, so that it is read on fat as well as on air.
_HALO_PX = 1.5
_HALO = tuple(_HALO_PX * np.array(way) for way in ((-1, -1), (-1, 1), (1, -1), (1, 1)))

MARKS_NAME, LINES_NAME, TEXT_NAME = ("IFSpace marks", "IFSpace distances", "IFSpace millimetres")


class Drawing:
    """The layers on the image of one controller in one viewer."""

    def __init__(self, viewer: Any, controller: ReadingController) -> None:
        """Make the layers; :meth:`add` shows them."""
        self.viewer = viewer
        self.controller = controller
        self._drawing = False
        self._style: tuple[Any, ...] | None = None
        self._line_colors: list[str] = []
        self._labels: list[str] = []
        self._result: StudyResult | None = None
        self.lines: Vectors = self._new_lines()
        self.marks: Points = self._new_marks()
        self.text: Points = self._new_text()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that are always there, from bottom to top."""
        return (self.lines, self.marks, self.text)

    def add(self) -> None:
        """Put the layers on top of what is in the viewer."""
        for layer in self.layers:
            self._add(layer)

    def repair(self) -> None:
        """Put back what was deleted by hand."""
        makers = {"lines": self._new_lines, "marks": self._new_marks, "text": self._new_text}
        for name, make in makers.items():
            if getattr(self, name) not in self.viewer.layers:
                setattr(self, name, make())
                self._style, self._line_colors, self._labels = None, [], []
                self._add(getattr(self, name))

    def remove(self) -> None:
        """Take every layer away again."""
        for layer in self.layers:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def _add(self, layer: Layer) -> None:
        self.viewer.add_layer(layer)
        layer.events.visible.connect(self.redraw)

    def _new_lines(self) -> Vectors:
        return Vectors(
            np.zeros((0, 2, 3)),
            ndim=3,
            name=LINES_NAME,
            scale=self.controller.display.scale_mm,
            units="mm",
            vector_style="line",
            edge_width=1.0,
        )

    def _new_marks(self) -> Points:
        layer = Points(
            np.zeros((0, 3)),
            ndim=3,
            name=MARKS_NAME,
            scale=self.controller.display.scale_mm,
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
            scale=self.controller.display.scale_mm,
            units="mm",
            face_color="transparent",
            border_color="transparent",
            size=0.1,
            features={"label": np.array([], dtype=object)},
            text={"string": "{label}", "color": "white", "size": TEXT_SIZE, "anchor": "center"},
        )
        layer.editable = False
        return layer

    def draw(self, result: StudyResult | None) -> None:
        """Draw marks, lines and millimetres of the reading as shown."""
        self._result = result
        if any(layer not in self.viewer.layers for layer in self.layers):
            return
        self._drawing = True
        session = self.controller.cursor.shown
        # napari does not slice a hidden layer, and then stumbles over its new colours and words;
        # it is drawn when it is shown again.
        if self.marks.visible:
            self._draw_marks(session)
        if self.lines.visible and self.text.visible:
            self._draw_lines(session, result)
        self._drawing = False

    def redraw(self) -> None:
        """Draw the same again: after zooming or showing a layer its sizes are others."""
        if not self._drawing:
            self.draw(self._result)

    def _draw_marks(self, session: Session) -> None:
        picture = screen.picture_of(session.marks, self.controller.volume, self.controller.display)
        size = pixel_mm(self.viewer) * MARK_SIZE_PX / self.controller.display.scale_mm[2]
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
            if self.controller.selected is not None and mark is self.controller.selected:
                return row
        return None

    def _draw_lines(self, session: Session, result: StudyResult | None) -> None:
        vectors: list[Floats] = []
        colors: list[str] = []
        spots: list[Floats] = []
        words: list[str] = []
        for marks in self._pairs(session):
            start, end = (
                screen.lps_mm_to_data(
                    mark.position_lps_mm,
                    screen.slice_of(self.controller.volume, mark),
                    self.controller.volume,
                    self.controller.display,
                )
                for mark in marks
            )
            dashed = any(mark.state is MarkState.PROPOSED for mark in marks)
            pieces = screen.dashes(start, end, 7 if dashed else 1)
            vectors.extend(pieces)
            colors.extend([_pair_color(marks)] * len(pieces))
            spots.append(self._label_spot(start, end, marks[0]))
            words.append(self._label(marks, result))
        for piece in self._cross():
            vectors.append(piece)
            colors.append("white")
        for piece in self._held():
            vectors.append(piece)
            colors.append(STATE_COLORS[MarkState.PROPOSED])
        self._set_vectors(vectors, colors)
        self._set_words(spots, words)

    def _cross(self) -> Floats:
        """Draw the cursor of the keyboard, open in the middle."""
        spot = self.controller.cursor.spot
        if spot is None or not self.controller.cursor.cross:
            return np.zeros((0, 2, 3))
        center = screen.lps_mm_to_data(
            spot.point_lps_mm, spot.slice_index, self.controller.volume, self.controller.display
        )
        arm = 10.0 * pixel_mm(self.viewer) / np.asarray(self.controller.display.scale_mm)
        ways = np.array([[0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]]) * arm
        return np.stack([center + 0.3 * ways, ways], axis=1)

    def _held(self) -> Floats:
        """Draw where an outline is being dragged to."""
        held = self.controller.proposer.held
        if held is None:
            return np.zeros((0, 2, 3))
        center = screen.lps_mm_to_data(
            held.point_lps_mm, held.slice_index, self.controller.volume, self.controller.display
        )
        arm = HELD_ARM_PX * pixel_mm(self.viewer) / np.asarray(self.controller.display.scale_mm)
        ways = np.array([[0, 1, 1], [0, 1, -1]]) * arm
        return np.stack([center - ways, 2.0 * ways], axis=1)

    def _pairs(self, session: Session) -> list[tuple[Mark, Mark]]:
        volume = self.controller.volume
        found = []
        for kind in Kind:
            first, second = MARKS_OF_KIND[kind]
            for mark in session.marks:
                if mark.name is first:
                    other = mark_at(
                        volume, session, Step(second, mark.side), screen.slice_of(volume, mark)
                    )
                    if other is not None:
                        found.append((mark, other))
        return found

    def _label_spot(self, start: Floats, end: Floats, mark: Mark) -> Floats:
        """Put the words beside the middle of a line: above it for the IFS, below for the QFS."""
        scale_mm = np.asarray(self.controller.display.scale_mm[1:])
        down_mm, right_mm = (end - start)[1:] * scale_mm
        beside = np.array([-abs(right_mm), np.copysign(1.0, right_mm) * down_mm])
        if step_of(mark).kind is Kind.QFS:
            beside = -beside
        beside /= max(float(np.linalg.norm(beside)), 1e-6)
        # Words are wider than high, so they have to keep farther away from a steep line.
        reach_px = np.hypot(*(beside * (LABEL_OFFSET_PX, LABEL_WIDTH_PX)))
        spot = (start + end) / 2.0
        spot[1:] += beside * reach_px * pixel_mm(self.viewer) / scale_mm
        return np.asarray(spot)

    def _label(self, marks: tuple[Mark, Mark], result: StudyResult | None) -> str:
        kind, side = step_of(marks[0]).kind, marks[0].side
        slice_index = screen.slice_of(self.controller.volume, marks[0])
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
        width = LINE_WIDTH_PX * pixel_mm(self.viewer) / self.controller.display.scale_mm[2]
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
        pixel = pixel_mm(self.viewer) / np.asarray(self.controller.display.scale_mm[1:])
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


def pixel_mm(viewer: Any) -> float:
    """Give the size of a screen pixel in the patient."""
    return float(1.0 / max(viewer.scene.camera.zoom, 1e-3))


@contextmanager
def _quietly(layer: Layer) -> Iterator[None]:
    """Change a layer and tell the canvas once.

    By itself napari slices the layer twice, draws its thumbnail and measures all layers with
    every change, which takes longer than a move of the mouse may.
    """
    with layer.events.blocker_all(), layer._block_refresh():
        yield
    layer.refresh(thumbnail=False, highlight=False, extent=False)


def _pair_color(marks: tuple[Mark, Mark]) -> str:
    order = list(MarkState)
    return STATE_COLORS[min((mark.state for mark in marks), key=order.index)]
