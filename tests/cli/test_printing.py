"""Nothing that others wrote is obeyed by a terminal."""

from __future__ import annotations

import json
import sys
import unicodedata

import pydicom
import pytest

from ifspace.cli import app
from ifspace.cli.exits import run, say
from ifspace.cli.printing import print_json, print_line, print_table, printable
from ifspace.phantom import PhantomSpec, Size, write_phantom

# Title and clipboard of a terminal, colours, the one-letter CSI, erased letters, a line of its own,
# text from right to left, and half of a surrogate pair as a file name holds one.
HOSTILE = "a\x1b]52;c;aGk=\x07b\x1b[31mc\x9b2Jd\x08\x7f\re\nforged\u202ef\udcffg"


def assert_harmless(text: str) -> None:
    for letter in text:
        assert letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def test_what_a_terminal_would_obey_is_written_as_its_code() -> None:
    assert printable("ä 中 é [red] ½") == "ä 中 é [red] ½"
    assert printable("a\x1b[31m\x9b\n") == "a\\x1b[31m\\x9b\\n"


def test_every_door_is_closed(capsys) -> None:
    print_line(HOSTILE)
    print_table(HOSTILE, ["description"], [[HOSTILE]])
    say(HOSTILE)
    print_json({"text": HOSTILE})
    out, err = capsys.readouterr()
    assert_harmless(out + err)
    assert "forged" not in [line.strip() for line in (out + err).splitlines()]
    assert json.loads(out[out.index("{") :]) == {"text": HOSTILE}


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["table", "json"])
def test_descriptions_and_file_names_print_without_escapes(
    options, capsys, monkeypatch, tmp_path
) -> None:
    truth = write_phantom(tmp_path / "phantom", PhantomSpec(size=Size.TINY))
    for path in sorted(truth.image_path.rglob("*.dcm")):
        image = pydicom.dcmread(path)
        image["SeriesDescription"].value = "evil\x1b]0;owned\x07"
        image.save_as(path)
    (truth.image_path / "evil\x1b[2J\n.nii").write_text("no image")
    monkeypatch.setattr(sys, "argv", ["ifspace", "series", str(truth.image_path), *options])
    assert run(app) in (0, 3)
    out, err = capsys.readouterr()
    assert "evil" in out
    assert_harmless(out + err)
