"""Further readings of the same series: begin, show and abandon them, load one from a file."""

from __future__ import annotations

from psygnal import Signal

from ifspace.model import Session, Volume
from ifspace.reading import edits
from ifspace.reading.active_step import ActiveStep
from ifspace.reading.blinding import ABANDON_FIRST, OWN_MARKS, is_blind
from ifspace.reading.edits import RefusedError, State
from ifspace.reading.record import Record


class Readings:
    """All readings of one series; one of them is being made."""

    said = Signal(str, bool)

    def __init__(self, volume: Volume, record: Record, active_step: ActiveStep) -> None:
        """Command the readings of a record."""
        self.volume = volume
        self.record = record
        self.active_step = active_step

    @property
    def blind(self) -> bool:
        """Whether the marks of earlier readers must stay hidden from the reader."""
        return is_blind(self.record.history, self.active_step.skipped)

    def begin_second(self, reader: str) -> bool:
        """Hide this reading and begin an independent one."""

        def after() -> State:
            if self.blind:
                raise RefusedError(ABANDON_FIRST)
            if reader.strip() in self.record.history.abandoned_by:
                raise RefusedError(
                    f"Reader {reader.strip()} abandoned a reading here and may have seen the first "
                    "marks; somebody else has to read."
                )
            return edits.second_reading(self.record.state, self.volume, reader.strip())

        return self._began(self.record.do("begin second reading", after))

    def show(self, index: int) -> None:
        """Go to another reading, unless the one being made is still blind."""

        def after() -> State:
            if self.blind:
                raise RefusedError(ABANDON_FIRST)
            return edits.shown_reading(self.record.state, index)

        self._began(self.record.do("show another reading", after))

    def abandon(self) -> bool:
        """Give an unfinished second reading up, for good; the log keeps it and says by whom."""
        if not self.blind:
            self.said.emit("There is no unfinished second reading to abandon.", False)
            return False
        reader = self.record.session.reader or "no reader ID"
        done = self._began(self.record.abandon(f"abandon second reading of {reader}"))
        if done:
            words = f"The second reading of {reader} is abandoned; the log keeps it."
            self.said.emit(words, False)
        return done

    def load(self, session: Session) -> bool:
        """Take a session from a file in place of the reading being made; tells if it did."""
        others = {item.reader for item in self.record.state.sessions}
        others -= {self.record.session.reader, None}
        if self.blind and session.reader in others:
            self.said.emit(OWN_MARKS, True)
            return False
        self.record.do("load session", lambda: self.record.state.with_session(session))
        self.active_step.start_over()
        return True

    def _began(self, done: bool) -> bool:
        if done:
            self.active_step.start_over()
        return done
