"""No verb but ``pacs`` touches a network: every one of them is run, and every call is watched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.waiting import LIMIT_S

from ifspace.phantom import PhantomSpec, Size, write_phantom

# An audit hook sees what Python's sockets do, whichever library asks for it, and cannot be taken
# away again; hence a process of its own.
WATCHED = """
import json, sys
touched = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"):
        # What urllib3 does when it is imported, to learn whether this machine has IPv6: it
        # neither listens nor speaks.
        if event == "socket.bind" and arguments[1][:2] == ("::1", 0):
            return
        touched.append(event)
        raise PermissionError(event)
sys.addaudithook(watch)
from ifspace.cli import app
from ifspace.cli.exits import run
codes = {}
for verb, arguments in json.loads(sys.argv[1]).items():
    sys.argv = ["ifspace", *arguments]
    codes[verb] = int(run(app))
print(json.dumps({"touched": touched, "codes": codes}), file=sys.stderr)
"""


def watched(verbs: dict[str, Sequence[object]]) -> tuple[list[str], dict[str, int]]:
    """Run verbs; tell what they did to sockets, and how each ended."""
    plain = {name: [str(item) for item in arguments] for name, arguments in verbs.items()}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(plain)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    # Shown by pytest if the test fails.
    sys.stderr.write(done.stderr)
    said = json.loads(done.stderr.strip().splitlines()[-1])
    return said["touched"], said["codes"]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    return Path(write_phantom(folder, PhantomSpec(size=Size.TINY)).image_path).parent


@pytest.mark.slow
def test_the_watch_sees_a_network(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "ifspace").mkdir()
    (tmp_path / "ifspace" / "nodes.toml").write_text(
        '[near]\nhost = "127.0.0.1"\nport = 9\ncalled_aet = "NEAR"\n'
    )
    touched, codes = watched({"echo": ("pacs", "echo", "near")})
    assert touched
    assert codes == {"echo": 1}


@pytest.mark.slow
def test_no_other_verb_touches_a_network(study, tmp_path) -> None:
    images, session = study / "dicom", study / "session.json"
    out = tmp_path / "out"
    verbs = {
        "series": ("series", images),
        "measure": ("measure", images, "--session", session, "-o", out),
        "validate": ("validate", out / "sr.dcm"),
        "report": ("report", out / "result.json", "-o", tmp_path / "again"),
        "evidence": ("evidence", "--json"),
        "doctor": ("doctor", "--json"),
        "phantom": ("phantom", tmp_path / "p", "--ifs-mm", "13", "--qfs-mm", "7"),
        "batch": ("batch", study, "-o", tmp_path / "batch", "--jobs", "1"),
    }
    touched, codes = watched(verbs)
    assert touched == []
    assert {name: code for name, code in codes.items() if code} == {}
