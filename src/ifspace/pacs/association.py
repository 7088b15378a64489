"""Associations with a DICOM node: opened, explained where refused, and always closed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_role

from ifspace.errors import NetworkError
from ifspace.pacs.nodes import DimseNode

# What is asked and answered names patients, so none of it may reach a log.
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.LOG_HANDLER_LEVEL = "none"

# PS3.8 table 9-21: why an association was rejected, where there is something to do about it.
REJECTIONS = {
    (1, 2): "it does not speak DICOM as asked",
    (1, 3): "it does not know our name {calling}; have it added there",
    (1, 7): "it does not know the name {called}; correct called_aet",
    (3, 1): "it is busy; try again later",
    (3, 2): "it has too many connections; try again later",
}

Handlers = list[tuple[evt.EventType, Callable[..., Any]]]


@contextmanager
def association(
    node: DimseNode,
    contexts: Sequence[PresentationContext],
    *,
    receive: Sequence[str] = (),
    handlers: Handlers | None = None,
) -> Iterator[Association]:
    """Open an association and close it again.

    Parameters
    ----------
    node
        With whom.
    contexts
        What is going to be said.
    receive
        SOP classes that the node may send us on this association (for C-GET).
    handlers
        Called back while it is open.

    Raises
    ------
    NetworkError
        If it cannot be opened; says why as far as can be told.
    """
    entity = application_entity(node)
    tls = tls_context(node) if node.tls else None
    opened = entity.associate(
        node.host,
        node.port,
        contexts=list(contexts),
        ae_title=node.called_aet,
        ext_neg=[build_role(uid, scp_role=True) for uid in receive],
        evt_handlers=[*(handlers or []), (evt.EVT_CONN_OPEN, _without_delay)],
        tls_args=(tls, node.host) if tls else None,
    )
    if not opened.is_established:
        raise NetworkError(_why_not(node, opened, tls))
    try:
        yield opened
    finally:
        if opened.is_established:
            opened.release()
        elif opened.is_alive():
            opened.abort()


def application_entity(node: DimseNode) -> AE:
    """Make our side, patient only as long as the node is configured to be waited for."""
    entity = AE(ae_title=node.calling_aet)
    entity.acse_timeout = node.timeout_s
    entity.dimse_timeout = node.timeout_s
    entity.network_timeout = node.timeout_s
    entity.connection_timeout = node.timeout_s
    return entity


def _without_delay(event: evt.Event) -> None:
    """Send small packets at once: waiting for more costs 40 ms per object."""
    wrapped = event.assoc.dul.socket
    if wrapped is not None and wrapped.socket is not None:
        wrapped.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def tls_context(node: DimseNode) -> ssl.SSLContext:
    """Check the node's certificate, and show ours where there is one.

    Raises
    ------
    NetworkError
        If a certificate file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=node.ca_file)
        if node.certificate_file:
            context.load_cert_chain(node.certificate_file, node.key_file)
    except (OSError, ssl.SSLError) as error:
        message = f"a certificate file of node {node.name!r} cannot be used: {error.strerror}"
        raise NetworkError(message) from error
    return context


def _why_not(node: DimseNode, opened: Association, tls: ssl.SSLContext | None) -> str:
    """Say why there is no association."""
    answer = opened.acceptor.primitive
    if opened.is_rejected and answer is not None:
        known = REJECTIONS.get((answer.result_source or 0, answer.diagnostic or 0))
        reason = known or f"{answer.reason_str}; ask its administrator"
        reason = reason.format(calling=node.calling_aet, called=node.called_aet)
        return f"{node.address} refused the association: {reason}"
    trouble = connection_trouble(node, tls)
    if trouble:
        return trouble
    return f"{node.address} ended the association; it may want TLS or another protocol"


def connection_trouble(node: DimseNode, tls: ssl.SSLContext | None) -> str | None:
    """Try the connection by itself, for its reason: nothing if it can be made."""
    address = f"{node.host}:{node.port}"
    try:
        with socket.create_connection((node.host, node.port), timeout=node.timeout_s) as plain:
            if tls is not None:
                with tls.wrap_socket(plain, server_hostname=node.host):
                    pass
    except ssl.SSLCertVerificationError as error:
        return f"the certificate of {address} is not trusted: {error.verify_message}; set ca_file"
    except ssl.SSLError as error:
        return f"{address} does not speak TLS as asked ({error.reason}); check `tls`"
    except TimeoutError:
        return f"{address} does not answer within {node.timeout_s:g} s; check host and port"
    except OSError as error:
        return f"{address} cannot be reached: {error.strerror}; check host and port"
    return None
