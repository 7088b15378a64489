"""What can be wrong with the input, as a tree.

::

    IfspaceError                 one plain sentence: what was found, what was expected, what to do
    ├── UnreadableInputError     a file, folder or archive that cannot be read at all
    │   ├── UnsafeArchiveError   an archive that asks for more than it may have
    │   └── UnsafePathError      a name from outside that leads out of its folder
    ├── GeometryError            the millimetres of this series cannot be trusted
    ├── SeriesChoiceError        no series, or not the named one, can be measured
    ├── SessionError             marks that do not belong to this series, or are not marks
    ├── EvidenceError            a published value that does not exist or cannot be used
    ├── OutputError              the results cannot be written where they were asked for
    ├── SegmenterError           an installed segmentation program is missing, or has failed
    ├── NetworkError             a DICOM node or server cannot be used as it was asked to be
    └── MissingExtraError        an optional library is not installed

A caller's mistake is a ``ValueError``; a space that could not be measured is no error at all
but a :class:`ifspace.model.NotMeasured`.
"""


class IfspaceError(Exception):
    """Anything wrong with what the user gave; its text is fit for the user's eyes."""


class UnreadableInputError(IfspaceError):
    """A file, folder or archive cannot be read."""


class UnsafeArchiveError(UnreadableInputError):
    """An archive is encrypted, too large, or names paths outside itself."""


class UnsafePathError(UnreadableInputError):
    """A name from outside leads out of the folder that it belongs in."""


class GeometryError(IfspaceError):
    """The geometry of a series cannot be trusted."""


class SeriesChoiceError(IfspaceError):
    """No series, or not the named one, can be measured."""


class SessionError(IfspaceError):
    """A session is malformed or belongs to other images."""


class EvidenceError(IfspaceError):
    """A published value is unknown or malformed."""


class OutputError(IfspaceError):
    """Results cannot be written."""


class SegmenterError(IfspaceError):
    """A segmentation program that the user installed is not there, or failed."""


class NetworkError(IfspaceError):
    """A DICOM node is unknown, cannot be reached, or refuses."""


class MissingExtraError(IfspaceError):
    """An optional library is not installed."""

    def __init__(self, what: str, library: str, extra: str) -> None:
        """Say what needs which library, and the extra that brings it."""
        super().__init__(
            f"{what} needs {library}, which is not installed; install it with:"
            f" pip install 'ifspace[{extra}]'"
        )
