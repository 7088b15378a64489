"""The caveats in the words of the window, each told once. Pure."""

from __future__ import annotations

from ifspace.evidence.panel import AGE_UNKNOWN_NOTE
from ifspace.model import Flag, Severity, StudyResult


def caveats_of(result: StudyResult) -> tuple[Flag, ...]:
    """Give the flags that a reader has to weigh."""
    return tuple(flag for flag in result.flags if flag.severity is not Severity.INFO)


def panel_words(result: StudyResult) -> str:
    """Say what holds for the published numbers, without what a caveat says already."""
    told = any(flag.code == "age_unknown" for flag in caveats_of(result))
    return result.panel_note.replace(AGE_UNKNOWN_NOTE, "").strip() if told else result.panel_note
