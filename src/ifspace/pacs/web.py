"""Echo, find, get and send over DICOMweb: QIDO-RS, WADO-RS, STOW-RS."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from dicomweb_client.web import DICOMwebClient
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from requests.adapters import HTTPAdapter

from ifspace.errors import NetworkError, UnreadableInputError
from ifspace.io.elements import read_dataset
from ifspace.pacs.credentials import credential, variable_name
from ifspace.pacs.nodes import WebNode
from ifspace.pacs.objects import RETURNED, Level, Query, Received, ToSend
from ifspace.pacs.received import ReceivedFiles

# PS3.18 8.7.3: without this, a server may convert what it has into another encoding.
AS_STORED = (("application/dicom", "*"),)
UNAUTHORISED = (401, 403)
NOT_FOUND = 404
# One request per object never needs to be cut into pieces, which some servers cannot put together.
WHOLE = 2**31
# No search of a person needs more; a server that never ends fills no memory.
MOST_MATCHES = 100_000

LOG = logging.getLogger(__name__)

Search = Callable[..., list[dict[str, Any]]]


class _LiteralWildcards(HTTPAdapter):
    """Sends ``*`` as it is: several servers do not decode ``%2A`` and find nothing."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send a request."""
        if request.url and "?" in request.url:
            request.url = request.url.replace("%2A", "*").replace("%2a", "*")
        return super().send(request, *args, **kwargs)


@contextmanager
def client(node: WebNode) -> Iterator[DICOMwebClient]:
    """Open a session with a server; what goes wrong in it is explained.

    Raises
    ------
    NetworkError
        If the server cannot be reached, is not trusted, or refuses.
    """
    # Addresses of searches hold patient IDs, and both libraries log addresses.
    for name in ("dicomweb_client", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with requests.Session() as session, _explained(node):
        # Neither a proxy nor a password file of the machine has a say in where data go.
        session.trust_env = False
        session.mount("http://", _LiteralWildcards())
        session.mount("https://", _LiteralWildcards())
        _trust_and_identify(session, node)
        opened = DICOMwebClient(node.url, session=session, timeout=node.timeout_s)
        opened.set_http_retry_params(retry=False)
        opened.set_chunk_size(WHOLE)
        yield opened


def _trust_and_identify(session: requests.Session, node: WebNode) -> None:
    """Say whom we trust, and who we are."""
    if node.ca_file:
        if not Path(node.ca_file).is_file():
            message = f"ca_file of node {node.name!r} is not there; correct its path"
            raise NetworkError(message)
        session.verify = node.ca_file
    secret = credential(node.name, node.username)
    if (secret.token or (node.username and secret.password)) and not node.may_have_secrets:
        message = (
            f"node {node.name!r} would get a password or token over plain http, which anybody "
            "between can read; use https, or set secrets_over_http = true for this node"
        )
        raise NetworkError(message)
    if secret.token:
        session.headers["Authorization"] = f"Bearer {secret.token}"
    elif node.username and secret.password is not None:
        session.auth = (node.username, secret.password)


@contextmanager
def _explained(node: WebNode) -> Iterator[None]:
    """Turn what the libraries raise into one sentence."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        message = f"the certificate of {node.url} is not trusted; set ca_file"
        raise NetworkError(message) from error
    except requests.exceptions.HTTPError as error:
        raise NetworkError(_refusal(node, error)) from error
    except requests.exceptions.Timeout as error:
        message = f"{node.url} does not answer within {node.timeout_s:g} s; try again later"
        raise NetworkError(message) from error
    except ValueError as error:
        # Neither JSON nor DICOM: a login page, or another service behind the address.
        message = f"{node.url} gives no DICOMweb answers; check the address"
        raise NetworkError(message) from error
    except requests.exceptions.RequestException as error:
        message = f"{node.url} cannot be reached; check the address and the network"
        raise NetworkError(message) from error


def _refusal(node: WebNode, error: requests.exceptions.HTTPError) -> str:
    code = error.response.status_code if error.response is not None else 0
    if code in UNAUTHORISED:
        password, token = variable_name("PASSWORD", node.name), variable_name("TOKEN", node.name)
        return f"{node.url} refuses user name or password; set {password} or {token}"
    if code == NOT_FOUND:
        return f"{node.url} does not have it; it may have been deleted there"
    return f"{node.url} answered {code}; ask its administrator"


def echo(node: WebNode) -> float:
    """Ask whether the server is there and lets us in; gives the seconds it took."""
    start = time.monotonic()
    with client(node) as opened:
        opened.search_for_studies(limit=1)
    return time.monotonic() - start


def find(
    node: WebNode, query: Query, incomplete: Callable[[str], None] = LOG.warning
) -> tuple[Dataset, ...]:
    """Search a server (QIDO-RS), page by page.

    DICOMweb has no search for patients: those of the matching studies are given, each once.
    `incomplete` is told where the server does not show that its list is whole.
    """
    fields = list(RETURNED[query.level])
    filters = dict(query.filters)
    with client(node) as opened:
        if query.level is Level.SERIES:
            study_uid = filters.pop("StudyInstanceUID")
            ask: Search = partial(opened.search_for_series, study_uid)
        else:
            ask = opened.search_for_studies
        answers = _all_pages(partial(ask, fields=fields, search_filters=filters), incomplete)
    matches = [Dataset.from_json(answer) for answer in answers]
    if query.level is Level.PATIENT:
        return tuple({str(match.get("PatientID", "")): match for match in matches}.values())
    return tuple(matches)


def _all_pages(ask: Search, incomplete: Callable[[str], None]) -> list[dict[str, Any]]:
    """Ask until nothing more comes: a server may cut its list anywhere (PS3.18 8.3.4.4)."""
    matches = ask()
    known = {json.dumps(match, sort_keys=True) for match in matches}
    while matches and len(matches) < MOST_MATCHES:
        try:
            page = ask(offset=len(matches))
        except requests.exceptions.HTTPError:
            page = None
        if page == []:
            return matches
        added = [item for item in page or () if json.dumps(item, sort_keys=True) not in known]
        if not added:
            break
        matches.extend(added)
        known.update(json.dumps(item, sort_keys=True) for item in added)
    if matches:
        incomplete(
            f"the list may be incomplete: the server gave {len(matches)} matches and does not "
            "continue; search for less"
        )
    return matches


def holds(node: WebNode, items: Sequence[ToSend]) -> Iterator[bool]:
    """Ask for each object whether the server has it (QIDO-RS).

    Raises
    ------
    NetworkError
        If the server does not answer that.
    """
    with client(node) as opened:
        for item in items:
            answers = opened.search_for_instances(
                item.study_uid,
                item.series_uid,
                search_filters={"SOPInstanceUID": item.sop_instance_uid},
            )
            found = (Dataset.from_json(answer) for answer in answers)
            yield any(match.get("SOPInstanceUID") == item.sop_instance_uid for match in found)


def get(node: WebNode, out: Path, *, study_uid: str, series_uid: str | None = None) -> Received:
    """Retrieve a study or one of its series (WADO-RS), as it is stored.

    Raises
    ------
    NetworkError
        If the retrieval fails or brings nothing.
    OutputError
        If what comes cannot be written.
    """
    shelf = ReceivedFiles(out)
    with client(node) as opened:
        if series_uid is None:
            items = opened.iter_study(study_uid, media_types=AS_STORED)
        else:
            items = opened.iter_series(study_uid, series_uid, media_types=AS_STORED)
        for item in items:
            written = BytesIO()
            dcmwrite(written, item, enforce_file_format=True)
            shelf.keep(str(item.get("SOPInstanceUID", "")), written.getvalue())
            if shelf.trouble is not None:
                raise shelf.trouble
    return shelf.received(node.address, 0)


def store(node: WebNode, items: Sequence[ToSend]) -> Iterator[tuple[ToSend, str | None]]:
    """Send files (STOW-RS), one request each; gives each with nothing, or with why it failed.

    Raises
    ------
    NetworkError
        If the server cannot be reached or refuses us; what was given before has arrived.
    """
    with client(node) as opened:
        for item in items:
            try:
                content = read_dataset(item.path, pixels=True)
            except UnreadableInputError as error:
                yield item, f"it cannot be sent: {error}"
                continue
            answer = opened.store_instances([content])
            # Some servers name the sequence of failures and leave it empty when all is well.
            failures = answer.get("FailedSOPSequence") or []
            reason = None
            if failures:
                code = int(failures[0].get("FailureReason", 0))
                reason = f"{node.url} did not take it: 0x{code:04X}"
            yield item, reason
