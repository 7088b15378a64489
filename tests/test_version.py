"""The version stands in one place, and what repeats it says the same."""

from __future__ import annotations

import re
from pathlib import Path

from ifspace import __version__

REPOSITORY = Path(__file__).parents[1]


def test_the_citation_names_this_version() -> None:
    text = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", text, re.MULTILINE) == [__version__]


def test_the_changelog_has_a_section_of_this_version_above_older_ones() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d[^\]]*)\]", text, re.MULTILINE)
    assert released[0] == __version__


def test_the_project_file_repeats_no_version() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert not re.search(r'^version = "', text, re.MULTILINE)
    assert 'dynamic = ["version"]' in text
