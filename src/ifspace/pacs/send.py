"""Send files so that every object arrives once: retries, a ledger, and an outcome for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ifspace.errors import NetworkError
from ifspace.pacs import dimse, web
from ifspace.pacs.ledger import Ledger
from ifspace.pacs.nodes import DimseNode, Node
from ifspace.pacs.objects import SendOutcome, SendStatus, ToSend, files_to_send

ATTEMPTS = 4
# Doubled after each attempt: long enough for a service to restart within the last.
FIRST_PAUSE_S = 0.5
NOT_CHECKED = "as noted here; the node was not asked, or does not say whether it still has it"

Storer = Callable[[Sequence[ToSend]], Iterator[tuple[ToSend, str | None]]]


def send(
    node: Node,
    paths: Iterable[Path],
    *,
    dry_run: bool = False,
    again: bool = False,
    ledger: Ledger | None = None,
    attempts: int = ATTEMPTS,
    first_pause_s: float = FIRST_PAUSE_S,
) -> tuple[SendOutcome, ...]:
    """Send files and folders to a node.

    What was sent before is asked for there, and sent again where the node no longer has it.

    Parameters
    ----------
    node
        Where to.
    paths
        Files, or folders of them.
    dry_run
        Send nothing; say what would be sent.
    again
        Send also what the node has taken before, for when it was deleted there.
    ledger
        What was sent before; the user's own where absent.
    attempts, first_pause_s
        How often to try, and how long to wait after the first time, then twice as long each time.

    Returns
    -------
    tuple of SendOutcome
        One per object, in the order found.

    Raises
    ------
    NetworkError
        If there is nothing to send. A node that is not there is an outcome of every object.
    """
    ledger = ledger or Ledger()
    items = files_to_send(paths)
    outcomes: dict[str, SendOutcome] = {}
    noted = [item for item in items if not again and ledger.holds(node, item)]
    for outcome in _sent_before(noted) if dry_run else _checked(node, noted):
        outcomes[outcome.item.sop_instance_uid] = outcome
    if dry_run:
        for item in items:
            outcomes.setdefault(item.sop_instance_uid, SendOutcome(item, SendStatus.PLANNED))
    if not dry_run:
        waiting = [item for item in items if item.sop_instance_uid not in outcomes]
        for outcome in _attempts(node, waiting, ledger, attempts, first_pause_s):
            outcomes[outcome.item.sop_instance_uid] = outcome
    return tuple(outcomes[item.sop_instance_uid] for item in items)


def _sent_before(noted: Sequence[ToSend]) -> Iterator[SendOutcome]:
    return (SendOutcome(item, SendStatus.SENT_BEFORE, NOT_CHECKED) for item in noted)


def _checked(node: Node, noted: Sequence[ToSend]) -> Iterator[SendOutcome]:
    """Give what the node still has of the objects that it took before; all if it does not say."""
    if not noted:
        return
    try:
        if isinstance(node, DimseNode):
            there = list(dimse.holds(node, noted))
        else:
            there = list(web.holds(node, noted))
    except (NetworkError, ValueError, RuntimeError):
        yield from _sent_before(noted)
        return
    for item, found in zip(noted, there, strict=True):
        if found:
            yield SendOutcome(item, SendStatus.SENT_BEFORE)


def _attempts(
    node: Node, waiting: Sequence[ToSend], ledger: Ledger, attempts: int, pause_s: float
) -> Iterator[SendOutcome]:
    """Try again what did not arrive; what has arrived is never sent twice."""
    reasons: dict[str, str] = {}
    for attempt in range(attempts):
        if not waiting:
            return
        if attempt:
            time.sleep(pause_s * 2 ** (attempt - 1))
        left = {item.sop_instance_uid: item for item in waiting}
        try:
            for item, reason in _storer(node)(waiting):
                if reason is None:
                    ledger.add(node, item)
                    del left[item.sop_instance_uid]
                    yield SendOutcome(item, SendStatus.SENT)
                else:
                    reasons[item.sop_instance_uid] = reason
        except NetworkError as error:
            reasons.update({uid: str(error) for uid in left if uid not in reasons})
        waiting = tuple(left.values())
    for item in waiting:
        yield SendOutcome(item, SendStatus.FAILED, reasons.get(item.sop_instance_uid, ""))


def _storer(node: Node) -> Storer:
    if isinstance(node, DimseNode):
        return lambda items: dimse.store(node, items)
    return lambda items: web.store(node, items)
