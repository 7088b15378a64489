"""Measure the ischiofemoral and the quadratus femoris space on MRI.

The names in ``__all__`` are the public interface; everything else may change with any version.
They are loaded when they are first used, so that ``import ifspace`` stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ifspace.version import __version__

if TYPE_CHECKING:
    from ifspace.api.cohorts import reader_agreement, run_batch
    from ifspace.api.files import (
        export_result,
        read_label_map,
        read_result,
        read_session,
        write_phantom,
        write_session,
    )
    from ifspace.api.pictures import figure, key_image, show
    from ifspace.api.studies import list_series, load_study, load_volume, measure, propose
    from ifspace.api.tables import evidence_rows, result_frame, result_rows
    from ifspace.errors import IfspaceError
    from ifspace.model import (
        Kind,
        Mark,
        MarkName,
        Measurement,
        NotMeasured,
        Session,
        Side,
        StudyResult,
        Volume,
    )
    from ifspace.workflow import LoadedStudy

__all__ = [
    "IfspaceError",
    "Kind",
    "LoadedStudy",
    "Mark",
    "MarkName",
    "Measurement",
    "NotMeasured",
    "Session",
    "Side",
    "StudyResult",
    "Volume",
    "__version__",
    "evidence_rows",
    "export_result",
    "figure",
    "key_image",
    "list_series",
    "load_study",
    "load_volume",
    "measure",
    "propose",
    "read_label_map",
    "read_result",
    "read_session",
    "reader_agreement",
    "result_frame",
    "result_rows",
    "run_batch",
    "show",
    "write_phantom",
    "write_session",
]

_NAMES_OF_MODULE = {
    "ifspace.api.cohorts": ("reader_agreement", "run_batch"),
    "ifspace.api.files": (
        *("export_result", "read_label_map", "read_result", "read_session"),
        *("write_phantom", "write_session"),
    ),
    "ifspace.api.pictures": ("figure", "key_image", "show"),
    "ifspace.api.studies": ("list_series", "load_study", "load_volume", "measure", "propose"),
    "ifspace.api.tables": ("evidence_rows", "result_frame", "result_rows"),
    "ifspace.errors": ("IfspaceError",),
    "ifspace.model": (
        *("Kind", "Mark", "MarkName", "Measurement", "NotMeasured"),
        *("Session", "Side", "StudyResult", "Volume"),
    ),
    "ifspace.workflow": ("LoadedStudy",),
}
_MODULE_OF_NAME = {name: module for module, names in _NAMES_OF_MODULE.items() for name in names}


if not TYPE_CHECKING:  # Otherwise every misspelt name would pass a type checker.

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used (PEP 562)."""
        if name not in _MODULE_OF_NAME:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value: object = getattr(import_module(_MODULE_OF_NAME[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
