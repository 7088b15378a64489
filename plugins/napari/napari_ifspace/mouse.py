"""Mouse events on the canvas, turned into commands of the controller. No Qt."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from ifspace.model import Mark
from ifspace.reading import screen
from ifspace.reading.controller import SlicePoint
from ifspace.reading.proposer import HeldOutline
from napari_ifspace.gray_window import levels_of
from napari_ifspace.slice_view import SliceView

# In screen pixels: the reach of the mouse, and a drag that is no click.
REACH_PX = 6.0
DRAG_PX = 3.0
# As the canvas numbers the buttons.
LEFT, RIGHT, MIDDLE = 1, 2, 3


class MouseCommands:
    """The mouse: a move points, a click places, a drag moves, the wheel turns.

    The right button changes the grey levels, the middle one carries the picture along.
    """

    def __init__(self, view: SliceView) -> None:
        """Listen to the viewer."""
        self.view = view
        self.controller = view.controller
        self.closed = False
        viewer = view.viewer
        viewer.mouse_move_callbacks.append(self.move)
        viewer.mouse_drag_callbacks.append(self.press)
        # napari would scroll its sliders and layers with Ctrl and Alt, and zoom at a double click.
        self._set_aside = (
            (viewer.mouse_wheel_callbacks, list(viewer.mouse_wheel_callbacks)),
            (viewer.mouse_double_click_callbacks, list(viewer.mouse_double_click_callbacks)),
        )
        for callbacks, _ in self._set_aside:
            callbacks.clear()
        viewer.mouse_wheel_callbacks.append(self.wheel)

    def close(self) -> None:
        """Stop listening; a button that is held down does nothing any more."""
        self.closed = True
        viewer = self.view.viewer
        viewer.mouse_move_callbacks.remove(self.move)
        viewer.mouse_drag_callbacks.remove(self.press)
        viewer.mouse_wheel_callbacks.remove(self.wheel)
        for callbacks, before in self._set_aside:
            callbacks[:0] = before

    def spot_at(self, world: Sequence[float]) -> SlicePoint:
        """Give the patient point under a cursor position in napari's world."""
        here = tuple(world)[-3:]
        volume, display = self.controller.volume, self.controller.display
        return SlicePoint(
            screen.slice_shown(here, display), screen.world_to_lps_mm(here, volume, display)
        )

    def mark_near(self, world: Sequence[float]) -> Mark | None:
        """Find the mark under the mouse on the slice in view."""
        here = np.asarray(tuple(world)[-3:])
        slice_index = screen.slice_shown(here, self.controller.display)
        best: tuple[float, Mark] | None = None
        for mark in self.controller.session.marks:
            at = screen.slice_of(self.controller.volume, mark)
            if at != slice_index:
                continue
            data = screen.lps_mm_to_data(
                mark.position_lps_mm, at, self.controller.volume, self.controller.display
            )
            gap_px = float(np.linalg.norm((self.controller.display.to_world(data) - here)[1:]))
            gap_px *= float(self.view.viewer.scene.camera.zoom)
            if gap_px <= REACH_PX and (best is None or gap_px < best[0]):
                best = (gap_px, mark)
        return best[1] if best else None

    def outline_near(self, spot: SlicePoint) -> HeldOutline | None:
        """Find the outline under the mouse on the slice in view."""
        return self.view.outlines.near(spot, REACH_PX / float(self.view.viewer.scene.camera.zoom))

    def drag_outline(self, held: HeldOutline, spot: SlicePoint) -> None:
        """Carry a point of an outline along, as long as the slice stays in view."""
        if spot.slice_index != held.slice_index:
            return
        proposer = self.controller.proposer
        if proposer.held is not None or proposer.hold(held):
            proposer.drag(spot.point_lps_mm)

    def _free(self, event: Any) -> bool:
        """Whether the mouse is ours: slices in view, and no other layer being drawn on."""
        busy = self._draws_elsewhere() or self.controller.active_step.blocked is not None
        return self.view.measurable and not busy and not event.modifiers

    def _draws_elsewhere(self) -> bool:
        active = self.view.viewer.layers.selection.active
        return active is not None and str(active.mode) != "pan_zoom"

    def _explain(self, event: Any) -> None:
        """Say why a click does nothing, where that is not plain to see."""
        # Who draws on another layer while IFSpace is out of sight does not mean IFSpace.
        elsewhere = self._draws_elsewhere() and self.controller.active_step.unattended() is not None
        if event.button != LEFT or elsewhere:
            return
        if self.controller.active_step.blocked is not None:
            self.controller.say(self.controller.active_step.blocked, warning=True)
        elif not self.view.measurable:
            self.controller.say(
                "Marks can be placed on the acquired slices only; press R to see them again.",
                warning=True,
            )

    def move(self, _viewer: Any, event: Any) -> None:
        """Let the distance follow the cursor."""
        if self._free(event):
            self.controller.cursor.point(self.spot_at(event.position))
        elif (
            self.controller.cursor.spot is not None
            and self.controller.active_step.unattended() is not None
        ):
            self.controller.cursor.point(None)

    def press(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """Place, choose or drag a mark, until the button is let go."""
        self.view.add_drawing()
        if event.button in (RIGHT, MIDDLE) and viewer.dims.ndisplay == 2:
            yield from self._look_closer(viewer, event)
        elif event.button == LEFT and self._free(event):
            yield from self._place_or_drag(viewer, event)
        else:
            self._explain(event)

    def _place_or_drag(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        mark = self.mark_near(event.position)
        pressed_px, pressed = np.asarray(event.pos, dtype=float), self.spot_at(event.position)
        offset_lps_mm = np.zeros(3) if mark is None else mark.position_lps_mm - pressed.point_lps_mm
        held = None if mark is not None else self.outline_near(pressed)
        could_pan = viewer.scene.camera.mouse_pan
        viewer.scene.camera.mouse_pan = could_pan and mark is None and held is None
        dragged = False
        spot = pressed
        try:
            yield
            while event.type == "mouse_move":
                gap_px = float(np.linalg.norm(np.asarray(event.pos, dtype=float) - pressed_px))
                dragged = dragged or gap_px > DRAG_PX
                if mark is not None and dragged:
                    here = self.spot_at(event.position)
                    spot = SlicePoint(here.slice_index, here.point_lps_mm + offset_lps_mm)
                    self.controller.cursor.drag(mark, spot)
                elif held is not None and dragged:
                    self.drag_outline(held, self.spot_at(event.position))
                yield
        finally:
            viewer.scene.camera.mouse_pan = could_pan
        if self.closed:
            return
        if mark is not None and dragged:
            self.controller.drop(mark, spot.point_lps_mm)
        elif held is not None and dragged:
            self.controller.proposer.drop()
        elif mark is not None and not self.controller.takes_click(pressed.slice_index):
            self.controller.active_step.select(mark)
        elif not dragged:
            # Marks of the two spaces may lie on top of each other: the active step goes first.
            self.controller.place(pressed)

    def _look_closer(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """Change the grey levels, or carry the picture along, until the button is let go."""
        layer, button = self.view.layer_in_view, event.button
        levels, middle = levels_of(layer), viewer.scene.camera.center
        pressed_px = np.asarray(event.pos, dtype=float)
        could_pan = viewer.scene.camera.mouse_pan
        # The camera itself would zoom with the right button.
        viewer.scene.camera.mouse_pan = False
        try:
            yield
            while event.type == "mouse_move" and not self.closed:
                now_px = np.asarray(event.pos, dtype=float)
                if button == MIDDLE:
                    self.view.framing.pan(pressed_px, now_px, middle)
                else:
                    self.controller.say(self.view.gray.drag(layer, levels, now_px - pressed_px))
                yield
        finally:
            viewer.scene.camera.mouse_pan = could_pan

    def wheel(self, viewer: Any, event: Any) -> None:
        """Turn the slices; zoom at the cursor with Ctrl or Shift."""
        if viewer.dims.ndisplay != 2:
            return
        notches = float(np.clip(event.delta[1], -1.0, 1.0))
        if not event.modifiers:
            self.view.show_slice(self.view.slice_index + (1 if notches > 0 else -1))
            event.handled = True
        elif set(event.modifiers) & {"Shift", "Control"}:
            # Qt turns Shift and wheel into a sideways wheel on some systems.
            notches = notches or float(np.clip(event.delta[0], -1.0, 1.0))
            self.view.framing.zoom_at(event.position, notches)
            event.handled = True
