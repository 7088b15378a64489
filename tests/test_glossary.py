from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

GLOSSARY = Path(__file__).parents[1] / "docs" / "glossary.md"
CODE_WORD = re.compile(r"`([a-z_]+(?:\.\w+)*)`")


def sources() -> list[str]:
    rows = [line.split("|") for line in GLOSSARY.read_text().splitlines() if line.startswith("| ")]
    cells = [row[3] for row in rows]
    return sorted({word for cell in cells for word in CODE_WORD.findall(cell)})


@pytest.mark.parametrize("source", sources())
def test_every_word_of_the_glossary_names_a_part_that_exists(source: str) -> None:
    names = source.split(".")
    part = import_module(f"ifspace.{names[0]}")
    for number, name in enumerate(names[1:], start=2):
        if not hasattr(part, name):
            import_module(f"ifspace.{'.'.join(names[:number])}")
        part = getattr(part, name)
