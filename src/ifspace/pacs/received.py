"""Where received objects are put: each complete, or not at all, and never over another file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ifspace.atomic import whole_file
from ifspace.errors import NetworkError, OutputError, UnsafePathError
from ifspace.pacs.objects import Received
from ifspace.safe_paths import uid_path

if TYPE_CHECKING:
    from pynetdicom.evt import Event

# PS3.7 C, PS3.4 B.2.3 and C.4.3.1.4.
SUCCESS, DUPLICATE, INVALID, OUT_OF_RESOURCES = 0x0000, 0x0111, 0x0117, 0xA700
OTHER_CONTENT = "a file of the same object with other content is already in the folder; it is kept"


class ReceivedFiles:
    """Where received objects are put, each complete or not at all."""

    def __init__(self, out: Path) -> None:
        """Remember the folder; it is made when the first object comes."""
        self._out = out
        self._paths: list[Path] = []
        self._refused: list[str] = []
        self.trouble: OutputError | None = None

    def put(self, event: Event) -> int:
        """Write one object as it came, byte for byte; gives the status to answer with."""
        uid = str(getattr(event.request, "AffectedSOPInstanceUID", ""))
        return self.keep(uid, event.encoded_dataset())

    def keep(self, uid: str, content: bytes) -> int:
        """Write one object; gives the DIMSE status."""
        try:
            target = uid_path(self._out, uid, ".dcm")
            with whole_file(target, overwrite=False) as file:
                file.write(content)
        except UnsafePathError as error:
            self._refused.append(str(error))
            return INVALID
        except FileExistsError:
            if target.is_symlink() or target.read_bytes() != content:
                self._refused.append(OTHER_CONTENT)
                return DUPLICATE
        except OSError as error:
            reason = f"a received object cannot be written: {error.strerror}; make room for it"
            self.trouble = OutputError(reason)
            return OUT_OF_RESOURCES
        self._paths.append(target)
        return SUCCESS

    def received(self, address: str, failed: int) -> Received:
        """Sum up.

        Raises
        ------
        NetworkError
            If nothing came, or nothing of it could be kept.
        """
        detail = "; ".join(dict.fromkeys(self._refused))
        # A node counts what we refused among its failures; a web server does not know of it.
        failed = max(failed, len(self._refused))
        if not self._paths:
            why = detail or "the study may have been deleted there"
            raise NetworkError(f"{address} sent nothing that can be kept ({failed} failed); {why}")
        return Received(tuple(self._paths), failed, detail)
