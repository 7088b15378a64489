"""The cursor over the image: what it points at, and what a mark there would measure.

Mouse and keyboard both move it. Nothing here changes the reading.
"""

from __future__ import annotations

from psygnal import Signal

from ifspace.model import Mark, Session, Volume
from ifspace.reading import edits
from ifspace.reading.active_step import ActiveStep
from ifspace.reading.edits import RefusedError, State
from ifspace.reading.placement import SlicePoint
from ifspace.reading.proposer import Proposer
from ifspace.reading.record import Record
from ifspace.reading.steps import Step


class Cursor:
    """Where the reader points.

    Attributes
    ----------
    spot
        The point under the cursor; nothing while it is off the image.
    cross
        Whether the keyboard moves the cursor, so that it has to be drawn.
    preview
        What would be decided if the mark under the cursor were set down now.
    """

    pointed = Signal()

    def __init__(
        self, volume: Volume, record: Record, active_step: ActiveStep, proposer: Proposer
    ) -> None:
        """Point at nothing yet."""
        self.volume = volume
        self.record = record
        self.active_step = active_step
        self.proposer = proposer
        self.spot: SlicePoint | None = None
        self.cross = False
        self.preview: State | None = None

    @property
    def shown(self) -> Session:
        """The reading as it would be if the mark under the cursor were set down now."""
        return (self.preview or self.record.state).session

    def point(self, spot: SlicePoint | None, *, by_key: bool = False) -> None:
        """Follow the cursor: the distance is shown as if the step's mark were there."""
        self.spot = spot
        self.cross = by_key
        self.preview = None
        ready = self.active_step.blocked is None and self.proposer.seeding is None
        step = self.active_step.step if ready else None
        if (
            spot is not None
            and step is not None
            and self.active_step.is_armed(spot.slice_index)
            and self._partner_on(spot, step)
        ):
            try:
                self.preview = self.with_mark(spot, step)
            except RefusedError:
                self.preview = None
        self.pointed.emit()

    def release(self, slice_index: int) -> None:
        """Let go of the selected mark; the cross that the keys move starts where it was.

        While a seed is asked for, stop asking instead.
        """
        if self.proposer.stop():
            return
        plane = self.volume.slices[slice_index].plane
        rows, columns = plane.shape_ji
        start_lps_mm = plane.to_lps_mm([(rows - 1) / 2.0, (columns - 1) / 2.0])
        if self.active_step.selected is not None:
            start_lps_mm = plane.foot_lps_mm(self.active_step.selected.position_lps_mm)
        elif self.spot is not None:
            start_lps_mm = plane.foot_lps_mm(self.spot.point_lps_mm)
        self.active_step.select(None)
        self.point(SlicePoint(slice_index, start_lps_mm), by_key=True)

    def carry(self, slice_index: int) -> None:
        """Take the cross of the keyboard along to another slice."""
        if self.spot is not None and self.cross:
            plane = self.volume.slices[slice_index].plane
            self.point(
                SlicePoint(slice_index, plane.foot_lps_mm(self.spot.point_lps_mm)), by_key=True
            )

    def drag(self, mark: Mark, spot: SlicePoint) -> None:
        """Show a mark somewhere else without moving it yet."""
        self.spot = spot
        try:
            self.preview = edits.moved(self.record.state, self.volume, mark, spot.point_lps_mm)
        except RefusedError:
            self.preview = None
        self.pointed.emit()

    def with_mark(self, spot: SlicePoint, step: Step) -> State:
        """Give what would be decided if a step's mark were set down.

        Raises
        ------
        RefusedError
            If the reading takes no mark there.
        """
        return edits.placed(
            self.record.state,
            self.volume,
            step,
            spot.point_lps_mm,
            spot.slice_index,
            keep_levels=self.active_step.keep_levels,
        )

    def _partner_on(self, spot: SlicePoint, step: Step) -> bool:
        session = self.record.session
        return edits.mark_at(self.volume, session, step.partner, spot.slice_index) is not None
