import io
import json
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, HTTPServer

import pydicom
import pytest

from ifspace.cli import app
from ifspace.cli.exits import run


@pytest.fixture
def ifspace(monkeypatch, tmp_path):
    """Run the program with a configuration and a ledger of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ifspace", *(str(item) for item in arguments)])
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(app)
        return code, out.getvalue(), err.getvalue()

    return call


@pytest.fixture
def archive(start_archive, tmp_path):
    archive = start_archive()
    folder = tmp_path / "config" / "ifspace"
    folder.mkdir(parents=True)
    (folder / "nodes.toml").write_text(
        f'[archive]\nhost = "127.0.0.1"\nport = {archive.port}\ncalled_aet = "ARCHIVE"\n'
        '[gone]\nhost = "127.0.0.1"\nport = 9\ncalled_aet = "GONE"\n'
    )
    return archive


def test_echo_find_send_and_get_work_together(ifspace, archive, images, tmp_path) -> None:
    assert ifspace("pacs", "echo", "archive")[0] == 0

    code, out, _ = ifspace("pacs", "send", "archive", images[0].parent, "--dry-run", "--json")
    assert code == 0
    assert {item["status"] for item in json.loads(out)["objects"]} == {"planned"}
    assert archive.came == []

    code, out, _ = ifspace("pacs", "send", "archive", images[0].parent, "--json")
    assert code == 0
    assert {item["status"] for item in json.loads(out)["objects"]} == {"sent"}

    code, out, _ = ifspace("pacs", "find", "archive", "--patient-id", "P1", "--json")
    assert code == 0
    (study,) = json.loads(out)
    uid = str(pydicom.dcmread(images[0]).StudyInstanceUID)
    assert study["StudyInstanceUID"] == uid

    code, out, _ = ifspace("pacs", "find", "archive", "--level", "series", "--study", uid)
    assert code == 0
    assert "MR" in out

    code, out, _ = ifspace("pacs", "get", "archive", "--study", uid, "-o", tmp_path / "in")
    assert code == 0
    assert out == "3 objects received, 0 failed\n"


def test_a_partial_send_ends_with_3_and_its_repeat_with_0(ifspace, archive, images) -> None:
    code, out, _ = ifspace("pacs", "send", "archive", images[0], "--json")
    assert code == 0
    archive.answer = 0xC000
    code, out, err = ifspace("pacs", "send", "archive", *images, "--json")
    assert code == 3
    assert [item["status"] for item in json.loads(out)["objects"]] == [
        "sent_before",
        "failed",
        "failed",
    ]
    assert "2 of 3 objects were not sent" in err
    archive.answer = 0
    code, out, _ = ifspace("pacs", "send", "archive", *images, "--json")
    assert code == 0
    assert len(archive.came) == 3


def test_a_node_that_is_gone_is_one_sentence(ifspace, archive, images) -> None:
    code, out, err = ifspace("pacs", "echo", "gone")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "cannot be reached" in err


def test_a_list_that_may_be_cut_ends_with_3(ifspace, archive, tmp_path) -> None:
    answer = b'[{"0020000D": {"vr": "UI", "Value": ["2.25.1"]}}]'

    class Repeats(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Repeats) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with (tmp_path / "config" / "ifspace" / "nodes.toml").open("a") as file:
            file.write(f'[web]\nurl = "http://127.0.0.1:{server.server_port}"\n')
        code, out, err = ifspace("pacs", "find", "web", "--json")
        server.shutdown()
    assert (code, len(json.loads(out))) == (3, 1)
    assert "may be incomplete" in err


def test_an_unknown_level_is_wrong_usage(ifspace, archive) -> None:
    assert ifspace("pacs", "find", "archive", "--level", "planet")[0] == 2


def test_an_unknown_node_is_named_with_those_there_are(ifspace, archive) -> None:
    code, _, err = ifspace("pacs", "echo", "nowhere")
    assert code == 1
    assert "archive, gone" in err


def test_no_option_takes_a_secret() -> None:
    from typer.main import get_command

    pacs = get_command(app).commands["pacs"]  # type: ignore[attr-defined]
    options = {name for verb in pacs.commands.values() for p in verb.params for name in p.opts}
    assert options
    assert not {name for name in options if "pass" in name or "token" in name or "user" in name}
