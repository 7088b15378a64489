"""Which letters a page can show, and what to install for those it cannot."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

# What to install for letters that the bundled Noto Sans (Latin, Greek, Cyrillic) does not have,
# by the first word of their Unicode name.
FONT_FOR_SCRIPT: Mapping[str, tuple[str, str]] = {
    "HANGUL": ("Korean", "Noto Sans CJK"),
    "HIRAGANA": ("Japanese", "Noto Sans CJK"),
    "KATAKANA": ("Japanese", "Noto Sans CJK"),
    # After the others: Korean and Japanese names hold Chinese characters too.
    "CJK": ("Chinese or Japanese", "Noto Sans CJK"),
    "ARABIC": ("Arabic", "Noto Sans Arabic"),
    "HEBREW": ("Hebrew", "Noto Sans Hebrew"),
    "THAI": ("Thai", "Noto Sans Thai"),
    "DEVANAGARI": ("Devanagari", "Noto Sans Devanagari"),
}
REPLACEMENT = "\ufffd"
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LAST_OF_BASIC_PLANE = 0xFFFF
BUNDLED_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")


def without_foreign_letters(value: Any) -> Any:
    """Replace letters that only a font of the computer could draw, in nested JSON values."""
    return _each_letter(value, _is_foreign)


def printable(value: Any) -> Any:
    """Replace what no page can show, in every text of nested JSON values.

    Control characters, bidirectional overrides (they can make a name read backwards), private and
    lone surrogate code points, and emoji: none of them belongs into a header, all of them occur.
    """
    return _each_letter(value, _is_unprintable)


def _each_letter(value: Any, is_bad: Callable[[str], bool]) -> Any:
    if isinstance(value, str):
        return "".join(REPLACEMENT if is_bad(letter) else letter for letter in value)
    if isinstance(value, dict):
        return {key: _each_letter(item, is_bad) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_letter(item, is_bad) for item in value]
    return value


def _is_unprintable(letter: str) -> bool:
    category = unicodedata.category(letter)
    is_emoji = category == "So" and ord(letter) > LAST_OF_BASIC_PLANE
    return category in {"Cc", "Co", "Cs", "Cn"} or letter in BIDI_CONTROLS or is_emoji


def foreign_letters(data: object) -> list[str]:
    """List the letters of a text, or of all texts in a value, that no bundled font may have."""
    text = json.dumps(data, ensure_ascii=False)
    return [letter for letter in dict.fromkeys(text) if _is_foreign(letter)]


def _is_foreign(letter: str) -> bool:
    if unicodedata.east_asian_width(letter) in {"W", "F"}:
        return True
    return letter.isalpha() and _script(letter) not in BUNDLED_SCRIPTS


def script_and_font(data: dict[str, Any]) -> tuple[str, str]:
    """Name the script to blame and the font to install."""
    found = {_script(letter) for letter in foreign_letters(data)}
    for script, names in FONT_FOR_SCRIPT.items():
        if script in found:
            return names
    return "unusual", "Noto Sans for that script"


def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ")[0].split("-")[0]
