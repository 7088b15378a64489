"""Where received objects are put: each complete, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.uid import UID

from ifspace.errors import NetworkError, OutputError
from ifspace.pacs.objects import Received

if TYPE_CHECKING:
    from pynetdicom.evt import Event

# PS3.4 B.2.3 and C.4.3.1.4.
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700


class ReceivedFiles:
    """Where received objects are put, each complete or not at all."""

    def __init__(self, out: Path) -> None:
        """Remember the folder; it is made when the first object comes."""
        self._out = out
        self._paths: list[Path] = []
        self.trouble: OutputError | None = None

    def put(self, event: Event) -> int:
        """Write one object as it came, byte for byte; gives the status to answer with."""
        uid = UID(str(getattr(event.request, "AffectedSOPInstanceUID", "")))
        if not uid.is_valid:
            return OUT_OF_RESOURCES
        return self.keep(f"{uid}.dcm", event.encoded_dataset())

    def keep(self, name: str, content: bytes) -> int:
        """Write one file under a temporary name and rename it."""
        temporary: str | None = None
        try:
            self._out.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".receiving-", dir=self._out)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self._out / name)
        except OSError as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            reason = f"a received object cannot be written: {error.strerror}; make room for it"
            self.trouble = OutputError(reason)
            return OUT_OF_RESOURCES
        self._paths.append(self._out / name)
        return SUCCESS

    def received(self, address: str, failed: int) -> Received:
        """Sum up.

        Raises
        ------
        NetworkError
            If nothing came.
        """
        if not self._paths:
            message = (
                f"{address} sent nothing ({failed} failed); the study may have been deleted there"
            )
            raise NetworkError(message)
        return Received(tuple(self._paths), failed)
