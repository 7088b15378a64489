"""Echo, find, get and send over the DICOM upper layer protocol: outgoing only.

The one exception is C-MOVE, where the node opens a connection to us: the listener is opened for
that retrieval alone, on the loopback address unless another one is configured, and closed after.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    EnhancedMRColorImageStorage,
    EnhancedMRImageStorage,
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom import evt
from pynetdicom.presentation import PresentationContext, build_context

from ifspace.errors import NetworkError, UnreadableInputError
from ifspace.io.elements import read_dataset
from ifspace.pacs.association import Handlers, application_entity, association
from ifspace.pacs.nodes import DimseNode
from ifspace.pacs.objects import RETURNED, Level, Query, Received, ToSend
from ifspace.pacs.received import ReceivedFiles

IMAGES = (
    MRImageStorage,
    EnhancedMRImageStorage,
    EnhancedMRColorImageStorage,
    CTImageStorage,
    EnhancedCTImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
DOCUMENTS = (
    GrayscaleSoftcopyPresentationStateStorage,
    EnhancedSRStorage,
    ComprehensiveSRStorage,
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
)
NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
# One context each, so that a stored image comes as it is stored and not converted.
COMPRESSED = (
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    JPEG2000,
    RLELossless,
)

# Key images are written so; a node that takes none of it gets the same pixels uncompressed.
UNPACKED_IF_ASKED = (JPEGLSLossless, RLELossless)

VERIFICATION = UID("1.2.840.10008.1.1")
PATIENT_ROOT_FIND = UID("1.2.840.10008.5.1.4.1.2.1.1")
STUDY_ROOT_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")
STUDY_ROOT_MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
STUDY_ROOT_GET = UID("1.2.840.10008.5.1.4.1.2.2.3")

SUCCESS, PENDING = 0x0000, (0xFF00, 0xFF01)
# PS3.4 B.2.3: coercions and mismatches that did not keep the object from being stored.
WARNINGS = range(0xB000, 0xC000)


def echo(node: DimseNode) -> float:
    """Ask whether the node is there; gives the seconds it took.

    Raises
    ------
    NetworkError
        If it is not, or does not answer.
    """
    start = time.monotonic()
    with association(node, [build_context(VERIFICATION)]) as opened:
        _answered(node, opened.send_c_echo(), "the echo")
    return time.monotonic() - start


def find(node: DimseNode, query: Query) -> tuple[Dataset, ...]:
    """Search a node.

    Returns
    -------
    tuple of Dataset
        One per match. They name patients: show them to whoever asked and keep them out of logs.

    Raises
    ------
    NetworkError
        If the search fails.
    """
    model = PATIENT_ROOT_FIND if query.level is Level.PATIENT else STUDY_ROOT_FIND
    matches: list[Dataset] = []
    with association(node, [build_context(model)]) as opened:
        for status, match in opened.send_c_find(identifier(query), model):
            if _answered(node, status, "the search") in PENDING and match is not None:
                matches.append(match)
    return tuple(matches)


def holds(node: DimseNode, items: Sequence[ToSend]) -> Iterator[bool]:
    """Ask for each object whether the node has it (C-FIND of images).

    Raises
    ------
    NetworkError
        If the node does not answer that.
    """
    with association(node, [build_context(STUDY_ROOT_FIND)]) as opened:
        for item in items:
            asked = _wanted(item.study_uid, item.series_uid)
            asked.QueryRetrieveLevel, asked.SOPInstanceUID = "IMAGE", item.sop_instance_uid
            found = False
            for status, match in opened.send_c_find(asked, STUDY_ROOT_FIND):
                _answered(node, status, "the search")
                uid = None if match is None else match.get("SOPInstanceUID")
                found = found or uid == item.sop_instance_uid
            yield found


def identifier(query: Query) -> Dataset:
    """Put a question into DICOM (PS3.4 C.2.2.1)."""
    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 192"
    asked.QueryRetrieveLevel = query.level.value.upper()
    for keyword in RETURNED[query.level]:
        setattr(asked, keyword, "")
    for keyword, value in query.filters.items():
        setattr(asked, keyword, value)
    return asked


def get(node: DimseNode, out: Path, *, study_uid: str, series_uid: str | None = None) -> Received:
    """Retrieve a study or one of its series on the same association (C-GET).

    Raises
    ------
    NetworkError
        If the retrieval fails or brings nothing.
    OutputError
        If what comes cannot be written.
    """
    model = STUDY_ROOT_GET
    shelf = ReceivedFiles(out)
    handlers: Handlers = [(evt.EVT_C_STORE, shelf.put)]
    contexts = [build_context(model), *_storage_contexts()]
    with association(node, contexts, receive=[*IMAGES, *DOCUMENTS], handlers=handlers) as opened:
        answers = opened.send_c_get(_wanted(study_uid, series_uid), model)
        failed = _failures(node, answers, shelf)
    return shelf.received(node.address, failed)


def move(node: DimseNode, out: Path, *, study_uid: str, series_uid: str | None = None) -> Received:
    """Have a study or one of its series sent to a listener of ours (C-MOVE).

    The node has to know our title, address and port. The listener is closed in any case.

    Raises
    ------
    NetworkError
        If the listener cannot be opened, or the retrieval fails or brings nothing.
    OutputError
        If what comes cannot be written.
    """
    model = STUDY_ROOT_MOVE
    shelf = ReceivedFiles(out)
    with _listener(node, shelf), association(node, [build_context(model)]) as opened:
        answers = opened.send_c_move(_wanted(study_uid, series_uid), node.calling_aet, model)
        failed = _failures(node, answers, shelf)
    return shelf.received(node.address, failed)


@contextmanager
def _listener(node: DimseNode, shelf: ReceivedFiles) -> Iterator[None]:
    entity = application_entity(node)
    entity.supported_contexts = _storage_contexts()
    try:
        server = entity.start_server(
            (node.move_host, node.move_port),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, shelf.put)],
        )
    except OSError as error:
        message = (
            f"cannot listen on {node.move_host}:{node.move_port}: {error.strerror}; "
            "set another move_port"
        )
        raise NetworkError(message) from error
    try:
        yield
    finally:
        if server is not None:
            server.shutdown()


def store(node: DimseNode, items: Sequence[ToSend]) -> Iterator[tuple[ToSend, str | None]]:
    """Send files over one association; gives each with nothing, or with why it was not taken.

    Raises
    ------
    NetworkError
        If the association cannot be opened or breaks; what was given before has arrived.
    """
    with association(node, store_contexts(items)) as opened:
        taken_as = {
            (str(c.abstract_syntax), str(c.transfer_syntax[0])) for c in opened.accepted_contexts
        }
        for item in items:
            try:
                # What pynetdicom cannot read would end the association in the middle.
                content = read_dataset(item.path, pixels=True)
                packed = (item.sop_class_uid, item.transfer_syntax_uid) in taken_as
                if item.transfer_syntax_uid in UNPACKED_IF_ASKED and not packed:
                    content.decompress(generate_instance_uid=False)
                    status = opened.send_c_store(content)
                else:
                    status = opened.send_c_store(item.path)
            except UnreadableInputError as error:
                yield item, f"it cannot be sent: {error}"
                continue
            except ValueError:
                yield item, f"{node.address} does not take {item.sop_class_name}"
                continue
            except RuntimeError as error:
                raise _broken(node) from error
            if "Status" not in status:
                raise _broken(node)
            code = int(status.Status)
            taken = code == SUCCESS or code in WARNINGS
            yield (
                item,
                None if taken else f"{node.address} answered 0x{code:04X} {_comment(status)}",
            )


def store_contexts(items: Sequence[ToSend]) -> list[PresentationContext]:
    """Propose what is to be sent as it is encoded; plain encodings may be exchanged.

    What can be unpacked without loss is proposed so as well.
    """
    wanted: dict[tuple[str, tuple[str, ...]], None] = {}
    for item in items:
        encodings: tuple[str, ...] = (item.transfer_syntax_uid,)
        if item.transfer_syntax_uid in NATIVE:
            encodings = tuple(str(uid) for uid in NATIVE)
        wanted[(item.sop_class_uid, encodings)] = None
        if item.transfer_syntax_uid in UNPACKED_IF_ASKED:
            wanted[(item.sop_class_uid, tuple(str(uid) for uid in NATIVE))] = None
    return [build_context(kind, list(encodings)) for kind, encodings in wanted]


def _broken(node: DimseNode) -> NetworkError:
    return NetworkError(f"{node.address} ended the connection in the middle; send again")


def _storage_contexts() -> list[PresentationContext]:
    """Take what this program reads and writes, native or compressed."""
    native = [build_context(uid, list(NATIVE)) for uid in (*IMAGES, *DOCUMENTS)]
    return native + [build_context(uid, syntax) for uid in IMAGES for syntax in COMPRESSED]


def _wanted(study_uid: str, series_uid: str | None) -> Dataset:
    wanted = Dataset()
    wanted.QueryRetrieveLevel = "STUDY" if series_uid is None else "SERIES"
    wanted.StudyInstanceUID = study_uid
    if series_uid is not None:
        wanted.SeriesInstanceUID = series_uid
    return wanted


def _answered(
    node: DimseNode, status: Dataset, what: str, advice: str = "ask its administrator"
) -> int:
    """Read the status of an answer; an absent one means that there is nobody any more."""
    if "Status" not in status:
        message = f"{node.address} ended the connection before {what} was answered; try again"
        raise NetworkError(message)
    code = int(status.Status)
    if code == SUCCESS or code in PENDING or code in WARNINGS:
        return code
    message = f"{node.address} refused {what}: 0x{code:04X} {_comment(status)}".rstrip()
    raise NetworkError(f"{message}; {advice}")


def _comment(status: Dataset) -> str:
    return str(status.get("ErrorComment", ""))


def _failures(
    node: DimseNode, answers: Iterator[tuple[Dataset, Dataset | None]], shelf: ReceivedFiles
) -> int:
    """Follow a retrieval to its end; gives how many objects did not come."""
    failed = 0
    for status, _ in answers:
        if shelf.trouble is not None:
            raise shelf.trouble
        _answered(node, status, "the retrieval", "the study may have been deleted there")
        failed = int(status.get("NumberOfFailedSuboperations") or 0)
    if shelf.trouble is not None:
        raise shelf.trouble
    return failed
