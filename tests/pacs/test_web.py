"""DICOMweb servers that do not behave; one that does stands in the interoperability tests."""

from __future__ import annotations

import http.server
import io
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pydicom
import pytest

from ifspace.errors import NetworkError
from ifspace.pacs import Level, Query, WebNode, echo, find, get, send
from ifspace.pacs.objects import files_to_send
from ifspace.pacs.web import client


class Server:
    """Answers every request with one status, and remembers what it was asked."""

    def __init__(
        self,
        status: int,
        content: bytes | Callable[[str], bytes],
        tls: ssl.SSLContext | None,
        kind: str = "application/dicom+json",
    ) -> None:
        asked: list[tuple[str, str | None]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers.get("Authorization")))
                body = content(self.path) if callable(content) else content
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.asked = asked
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_port}/dicom-web"


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(
        status: int = 200,
        content: bytes | Callable[[str], bytes] = b"[]",
        tls: ssl.SSLContext | None = None,
        **kind: str,
    ) -> Server:
        started.append(Server(status, content, tls, **kind))
        return started[-1]

    yield start
    for item in started:
        item.server.shutdown()
        item.server.server_close()


@pytest.fixture
def serve_objects(serve, images) -> Callable[..., WebNode]:
    """A server that answers a retrieval with one image for each SOP Instance UID."""

    def start(*uids: str, **attributes: object) -> WebNode:
        parts = []
        for uid in uids:
            image = pydicom.dcmread(images[0])
            image.SOPInstanceUID = uid
            for keyword, value in attributes.items():
                setattr(image, keyword, value)
            content = io.BytesIO()
            image.save_as(content)
            head = b"\r\n--part\r\nContent-Type: application/dicom\r\n\r\n"
            parts.append(head + content.getvalue())
        kind = 'multipart/related; type="application/dicom"; boundary=part'
        return WebNode("archive", serve(200, b"".join(parts) + b"\r\n--part--", kind=kind).url)

    return start


@pytest.mark.parametrize("uid", ["../../PWNED", "/{root}/PWNED", "1.2/../../x", "", "..", "1.2.a"])
def test_an_object_whose_uid_is_a_path_is_not_written(uid, serve_objects, tmp_path) -> None:
    root = tmp_path / "room"
    out = root / "a" / "b"
    node = serve_objects(uid.format(root=root), "1.2.3")
    received = get(node, out, study_uid="2.25.1")
    assert [path.name for path in received.paths] == ["1.2.3.dcm"]
    assert received.failed == 1
    assert "SOP Instance UID" in received.detail
    assert [path for path in root.rglob("*") if path.is_file()] == [out / "1.2.3.dcm"]


def test_a_file_that_is_there_is_never_overwritten(serve_objects, tmp_path) -> None:
    get(serve_objects("1.2.3", "1.2.4"), tmp_path / "in", study_uid="2.25.1")
    before = (tmp_path / "in" / "1.2.3.dcm").read_bytes()
    again = get(serve_objects("1.2.3"), tmp_path / "in", study_uid="2.25.1")
    assert [path.name for path in again.paths] == ["1.2.3.dcm"]
    changed = serve_objects("1.2.3", "1.2.5", PatientID="other")
    received = get(changed, tmp_path / "in", study_uid="2.25.1")
    assert [path.name for path in received.paths] == ["1.2.5.dcm"]
    assert (received.failed, "other content" in received.detail) == (1, True)
    assert (tmp_path / "in" / "1.2.3.dcm").read_bytes() == before
    assert len(list((tmp_path / "in").iterdir())) == 3


def test_a_password_is_sent_and_a_wrong_one_is_said(serve, monkeypatch) -> None:
    monkeypatch.setenv("IFSPACE_PASSWORD_ARCHIVE", "hush")
    server = serve(401)
    with pytest.raises(NetworkError, match="refuses user name or password"):
        echo(WebNode("archive", server.url, username="reader"))
    assert server.asked[0][1] == "Basic cmVhZGVyOmh1c2g="


@pytest.mark.parametrize("kind", ["PASSWORD", "TOKEN"])
def test_a_secret_goes_over_plain_http_only_where_that_is_allowed(kind, monkeypatch) -> None:
    monkeypatch.setenv(f"IFSPACE_{kind}_ARCHIVE", "hush")
    plain = WebNode("archive", "http://192.0.2.1/dicom-web", username="reader")
    with pytest.raises(NetworkError, match="secrets_over_http"), client(plain):
        pass
    for node in (
        replace(plain, secrets_over_http=True),
        replace(plain, url="https://192.0.2.1/dicom-web"),
        replace(plain, url="http://[::1]:8042/dicom-web"),
    ):
        with client(node):
            pass
    monkeypatch.delenv(f"IFSPACE_{kind}_ARCHIVE")
    with client(replace(plain, username=None)):
        pass


def test_a_token_is_sent(serve, monkeypatch) -> None:
    monkeypatch.setenv("IFSPACE_TOKEN_ARCHIVE", "abc")
    server = serve()
    assert echo(WebNode("archive", server.url)) > 0.0
    assert server.asked[0][1] == "Bearer abc"


def test_a_wildcard_is_sent_as_it_is(serve) -> None:
    server = serve()
    assert find(WebNode("archive", server.url), Query(Level.STUDY, {"PatientName": "A*"})) == ()
    assert "PatientName=A*" in server.asked[0][0]


def studies(numbers: range) -> bytes:
    """List studies as a server does."""
    return json.dumps(
        [{"0020000D": {"vr": "UI", "Value": [f"2.25.{number}"]}} for number in numbers]
    ).encode()


@pytest.mark.parametrize(
    "query", [Query(Level.STUDY), Query(Level.SERIES, {"StudyInstanceUID": "1.2"})]
)
def test_a_list_that_is_cut_is_asked_for_to_its_end(query, serve) -> None:
    def page(path: str) -> bytes:
        (offset,) = parse_qs(urlsplit(path).query).get("offset", ["0"])
        return studies(range(int(offset), min(int(offset) + 100, 250)))

    told: list[str] = []
    found = find(WebNode("archive", serve(200, page).url), query, told.append)
    assert [item.StudyInstanceUID for item in found] == [f"2.25.{number}" for number in range(250)]
    assert told == []


def test_a_list_that_does_not_continue_is_called_incomplete(serve) -> None:
    told: list[str] = []
    node = WebNode("archive", serve(200, studies(range(100))).url)
    assert len(find(node, Query(Level.STUDY), told.append)) == 100
    (sentence,) = told
    assert "may be incomplete" in sentence


def test_what_the_server_lost_is_sent_again(serve, images, ledger) -> None:
    there = json.dumps([{"00080018": {"vr": "UI", "Value": ["2.25.10"]}}]).encode()
    node = WebNode("archive", serve(200, lambda path: there if "=2.25.10" in path else b"[]").url)
    for item in files_to_send(images):
        ledger.add(node, item)
    outcomes = send(node, images, ledger=ledger, attempts=1)
    # The server takes nothing, so that what it is offered again is seen as failed.
    assert [outcome.status.value for outcome in outcomes] == ["sent_before", "failed", "failed"]


@pytest.mark.parametrize(
    ("status", "said"), [(404, "deleted"), (500, "answered 500"), (403, "refuses")]
)
def test_an_error_of_the_server_is_one_sentence(status, said, serve, tmp_path) -> None:
    node = WebNode("archive", serve(status).url)
    with pytest.raises(NetworkError, match=said):
        get(node, tmp_path, study_uid="1.2.3")


def test_an_answer_that_is_no_dicom_is_one_sentence(serve) -> None:
    node = WebNode("archive", serve(200, b"<html>login</html>").url)
    with pytest.raises(NetworkError, match="no DICOMweb"):
        find(node, Query(Level.STUDY))


def test_a_certificate_that_is_not_trusted_is_said(serve, certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = serve(tls=context)
    with pytest.raises(NetworkError, match="not trusted"):
        echo(WebNode("archive", server.url))
    assert echo(WebNode("archive", server.url, ca_file=str(certificate[0]))) > 0.0


def test_a_certificate_file_that_is_missing_is_said(serve, tmp_path) -> None:
    node = WebNode("archive", "https://127.0.0.1:9/x", ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(NetworkError, match="ca_file"):
        echo(node)


def test_a_move_over_the_web_is_refused(serve, tmp_path) -> None:
    with pytest.raises(NetworkError, match="no C-MOVE"):
        get(WebNode("archive", serve().url), tmp_path, study_uid="1.2.3", by_move=True)
