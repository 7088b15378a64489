"""Talk to DICOM nodes and DICOMweb servers: outgoing, and only when asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ifspace.errors import NetworkError
from ifspace.pacs import dimse, web
from ifspace.pacs.ledger import Ledger, ledger_path
from ifspace.pacs.nodes import DimseNode, Node, WebNode, find_node, nodes_path, read_nodes
from ifspace.pacs.objects import RETURNED, Level, Query, Received, SendOutcome, SendStatus, ToSend
from ifspace.pacs.send import send

__all__ = [
    "DimseNode",
    "Ledger",
    "Level",
    "Node",
    "Query",
    "Received",
    "SendOutcome",
    "SendStatus",
    "ToSend",
    "WebNode",
    "echo",
    "find",
    "find_node",
    "find_values",
    "get",
    "ledger_path",
    "nodes_path",
    "read_nodes",
    "send",
]


def echo(node: Node) -> float:
    """Ask whether a node is there; gives the seconds it took.

    Raises
    ------
    NetworkError
        If it is not, or refuses.
    """
    return dimse.echo(node) if isinstance(node, DimseNode) else web.echo(node)


def find(
    node: Node, query: Query, incomplete: Callable[[str], None] = web.LOG.warning
) -> tuple[Dataset, ...]:
    """Search a node for patients, studies or series.

    `incomplete` is told, in a sentence, where a list may have been cut by the server.

    Raises
    ------
    NetworkError
        If the search fails.
    """
    if isinstance(node, DimseNode):
        return dimse.find(node, query)
    return web.find(node, query, incomplete)


def find_values(
    node: Node, query: Query, incomplete: Callable[[str], None] = web.LOG.warning
) -> list[dict[str, str]]:
    """Search a node, and give each match as plain texts by DICOM keyword; see :func:`find`.

    Raises
    ------
    NetworkError
        If the search fails.
    """
    return [
        {keyword: _text(match, keyword) for keyword in RETURNED[query.level]}
        for match in find(node, query, incomplete)
    ]


def _text(match: Dataset, keyword: str) -> str:
    """Write a value as DICOM writes it, several of them behind each other."""
    value = match.get(keyword)
    if value is None:
        return ""
    if isinstance(value, (list, MultiValue)):
        return "\\".join(str(part) for part in value)
    return str(value)


def get(
    node: Node,
    out: Path,
    *,
    study_uid: str,
    series_uid: str | None = None,
    by_move: bool = False,
) -> Received:
    """Retrieve a study, or one of its series, into a folder.

    Parameters
    ----------
    node
        From where.
    out
        The folder for the files, named after their objects.
    study_uid, series_uid
        What to retrieve.
    by_move
        Have the node open a connection to us (C-MOVE) where it cannot do otherwise.

    Raises
    ------
    NetworkError
        If the retrieval fails, brings nothing, or cannot be done as asked.
    OutputError
        If what comes cannot be written.
    """
    if isinstance(node, WebNode):
        if by_move:
            message = f"node {node.name!r} speaks DICOMweb, which has no C-MOVE; leave it out"
            raise NetworkError(message)
        return web.get(node, out, study_uid=study_uid, series_uid=series_uid)
    retrieve = dimse.move if by_move else dimse.get
    return retrieve(node, out, study_uid=study_uid, series_uid=series_uid)
