"""All texts that reports show, by id, so that a second language is a second file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

Texts = Mapping[str, str]

DEFAULT_LANGUAGE = "en"


@cache
def load_texts(language: str = DEFAULT_LANGUAGE) -> Texts:
    """Read the texts of one language.

    Raises
    ------
    ValueError
        If there is no such language.
    """
    resource = files("ifspace.report") / "texts" / f"{language}.json"
    if not resource.is_file():
        message = f"no report texts in language {language!r}"
        raise ValueError(message)
    return MappingProxyType(json.loads(resource.read_text(encoding="utf-8")))
