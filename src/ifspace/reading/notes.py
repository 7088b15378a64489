"""What the reader notes beside the marks: level, findings, position, reader, signature."""

from __future__ import annotations

from datetime import UTC, datetime

from psygnal import Signal

from ifspace.model import Side, Volume
from ifspace.reading import edits
from ifspace.reading.record import Record


class Notes:
    """Commands that touch no mark; each is one edit of the record."""

    changed = Signal()

    def __init__(self, volume: Volume, record: Record) -> None:
        """Write into the record of a reading."""
        self.volume = volume
        self.record = record

    def level_range(self, side: Side) -> tuple[int, int] | None:
        """Tell which slices show the lesser trochanter of one side, where the reader said so."""
        return edits.level_range_of(self.volume, self.record.session, side)

    def set_level_end(self, side: Side, slice_index: int, *, first: bool) -> None:
        """Set the first or the last slice that shows the lesser trochanter."""
        state, volume = self.record.state, self.volume
        self.record.do(
            f"set {'first' if first else 'last'} level slice, {side.value}",
            lambda: edits.with_level_end(state, volume, side, slice_index, first=first),
        )
        self.changed.emit()

    def note_finding(self, side: Side, finding: str, code: str | None) -> None:
        """Note a companion finding."""
        state = self.record.state
        self.record.do(
            f"note {finding}, {side.value}",
            lambda: edits.with_finding(state, side, finding, code),
        )
        self.changed.emit()

    def note_acquisition(self, fact: str, code: str | None) -> None:
        """Note how the patient lay."""
        state = self.record.state
        self.record.do(f"note {fact}", lambda: edits.with_acquisition(state, fact, code))
        self.changed.emit()

    def set_reader(self, reader: str) -> None:
        """Say who reads."""
        state = self.record.state
        self.record.do("set reader", lambda: edits.with_reader(state, reader.strip()))
        self.changed.emit()

    def sign(self) -> bool:
        """Sign the reading, if every mark is confirmed."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        state = self.record.to_write
        done = self.record.do("sign", lambda: edits.signed(state, self.volume, at))
        self.changed.emit()
        return done
