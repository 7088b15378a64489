"""The report on paper: PDF/A-2a and PDF/UA-1, made by typst.

The page is data: everything reaches the template as one JSON string, so that a name or a series
description can hold whatever it likes without becoming markup.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final, Literal

import typst
from PIL import Image

from ifspace.errors import OutputError
from ifspace.model import PatientIdentity, Side, StudyResult
from ifspace.notice import NOTICE
from ifspace.report import details, sheet, studies, wording
from ifspace.report.files import picture_name
from ifspace.report.references import number_references
from ifspace.report.texts import Texts, load_texts

# For archives and for screen readers.
PDF_STANDARDS: Final[list[Literal["a-2a", "ua-1"]]] = ["a-2a", "ua-1"]

# 1980-01-01, the oldest date a ZIP archive can hold, is widely read as "no date".
NO_DATE_EPOCH = 315_532_800

# What to install for letters that the bundled Noto Sans (Latin, Greek, Cyrillic) does not have,
# by the first word of their Unicode name.
FONT_FOR_SCRIPT: Mapping[str, tuple[str, str]] = {
    "HANGUL": ("Korean", "Noto Sans CJK"),
    "CJK": ("Chinese or Japanese", "Noto Sans CJK"),
    "HIRAGANA": ("Japanese", "Noto Sans CJK"),
    "KATAKANA": ("Japanese", "Noto Sans CJK"),
    "ARABIC": ("Arabic", "Noto Sans Arabic"),
    "HEBREW": ("Hebrew", "Noto Sans Hebrew"),
    "THAI": ("Thai", "Noto Sans Thai"),
    "DEVANAGARI": ("Devanagari", "Noto Sans Devanagari"),
}
REPLACEMENT = "\ufffd"
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LAST_OF_BASIC_PLANE = 0xFFFF
BUNDLED_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")


def report_pdf(
    result: StudyResult,
    pictures: Mapping[Side, bytes],
    identity: PatientIdentity | None,
    *,
    font_folders: tuple[Path, ...] = (),
    system_fonts: bool = True,
) -> bytes:
    """Make the PDF; the same input gives the same bytes.

    Parameters
    ----------
    result
        What was measured.
    pictures
        Key images as PNG; a side without one is said to have none.
    identity
        Who the patient is; without it, no page names anybody.
    font_folders
        Folders with more fonts.
    system_fonts
        Whether fonts of this computer may be used for letters that the bundled ones lack.

    Raises
    ------
    OutputError
        If a text holds letters that no font can draw; names the script and a font.
    """
    data = printable(page_data(result, pictures, identity))
    for with_system in (False, True) if system_fonts else (False,):
        try:
            return _compile(data, pictures, font_folders, system_fonts=with_system)
        except typst.TypstError as error:
            # Without the fonts of the computer first: they differ from one to the next.
            problem = error
    raise OutputError(_font_sentence(data, problem)) from problem


def _font_sentence(data: dict[str, Any], problem: typst.TypstError) -> str:
    if not _foreign_letters(data):
        return f"the PDF could not be set ({problem.message}); leave the PDF out and report this"
    script, font = _missing_script(data)
    return (
        f"the report holds {script} letters and no installed font can draw them; install the"
        f" font {font} or leave the PDF out"
    )


def printable(value: Any) -> Any:
    """Replace what no page can show, in every text of nested JSON values.

    Control characters, bidirectional overrides (they can make a name read backwards), private and
    lone surrogate code points, and emoji: none of them belongs into a header, all of them occur.
    """
    if isinstance(value, str):
        return "".join(REPLACEMENT if _is_unprintable(letter) else letter for letter in value)
    if isinstance(value, dict):
        return {key: printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printable(item) for item in value]
    return value


def _is_unprintable(letter: str) -> bool:
    category = unicodedata.category(letter)
    is_emoji = category == "So" and ord(letter) > LAST_OF_BASIC_PLANE
    return category in {"Cc", "Co", "Cs", "Cn"} or letter in BIDI_CONTROLS or is_emoji


def page_data(
    result: StudyResult, pictures: Mapping[Side, bytes], identity: PatientIdentity | None
) -> dict[str, Any]:
    """Put every word and number of the pages together."""
    texts = load_texts()
    references = number_references(result)
    return {
        "texts": dict(texts),
        "notice": NOTICE,
        "software": f"ifspace {result.software_version}",
        "final": result.is_final,
        "state": wording.state_line(result, texts),
        "identified": identity is not None,
        "patient": sheet.patient_block(result, identity, texts),
        "sides": [texts[f"side.{side.value}"] for side in wording.SIDES_AS_SEEN],
        "table": sheet.table(result, texts),
        "rulers": sheet.rulers(result, references, texts),
        "summary": sheet.summary(result, texts),
        "cautions": sheet.cautions(result, texts),
        "panel_note": result.panel_note,
        "pictures": _picture_entries(result, pictures, texts),
        "technique": details.technique(result, texts),
        "cutoffs": studies.cutoff_table(result, references, texts),
        "means": details.group_means(result, references, texts),
        "origins": details.origins(result, texts),
        "without_number": details.without_number(result, texts),
        "curves": details.curves(result, texts),
        "findings": details.findings(result, texts),
        "caveats": details.caveats(texts),
        "flags": details.flags(result, texts),
        "provenance": details.provenance(result, texts),
        "creation_epoch": creation_epoch(result, identity),
    }


def _picture_entries(
    result: StudyResult, pictures: Mapping[Side, bytes], texts: Texts
) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for side in wording.SIDES_AS_SEEN if pictures else ():
        if side not in pictures:
            entries.append({"words": sheet.no_picture(result, side, texts)})
            continue
        with Image.open(io.BytesIO(pictures[side])) as image:
            width, height = image.size
        alt = sheet.picture_alt(result, side, texts)
        entries.append({"path": picture_name(side), "alt": alt, "width": width, "height": height})
    return entries


def creation_epoch(result: StudyResult, identity: PatientIdentity | None) -> int:
    """Choose the date in the metadata, which PDF/A asks for, without looking at the clock.

    The clock would make two runs differ. So: what the caller wants, else when the reader signed,
    else the day of the study, else a date that is plainly no real one.

    References
    ----------
    https://reproducible-builds.org/specs/source-date-epoch
    """
    wanted = os.environ.get("SOURCE_DATE_EPOCH", "")
    if wanted.isdigit():
        return int(wanted)
    signature = result.session.signature
    dates = [signature.signed_at if signature else "", identity.study_date if identity else ""]
    for text in dates:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    return NO_DATE_EPOCH


def _compile(
    data: dict[str, Any],
    pictures: Mapping[Side, bytes],
    font_folders: tuple[Path, ...],
    *,
    system_fonts: bool,
) -> bytes:
    """Set the pages in a folder that holds nothing but template, pictures and data."""
    room = files("ifspace.report")
    with (
        tempfile.TemporaryDirectory(prefix="ifspace-") as folder,
        as_file(room / "fonts") as fonts,
        as_file(room / "templates") as templates,
    ):
        root = Path(folder)
        for template in templates.glob("*.typ"):
            (root / template.name).write_bytes(template.read_bytes())
        for side, png in pictures.items():
            (root / picture_name(side)).write_bytes(png)
        epoch: int = data["creation_epoch"]
        return typst.compile(
            root / "report.typ",
            root=root,
            font_paths=[fonts, *font_folders],
            ignore_system_fonts=not system_fonts,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            pdf_standards=[*PDF_STANDARDS],
            timestamp=epoch,
        )


def _foreign_letters(data: dict[str, Any]) -> list[str]:
    """List the letters of the page that belong to no bundled script."""
    text = json.dumps(data, ensure_ascii=False)
    return [
        character
        for character in dict.fromkeys(text)
        if character.isalpha() and _script(character) not in BUNDLED_SCRIPTS
    ]


def _missing_script(data: dict[str, Any]) -> tuple[str, str]:
    """Name the script to blame and the font to install."""
    for character in _foreign_letters(data):
        if _script(character) in FONT_FOR_SCRIPT:
            return FONT_FOR_SCRIPT[_script(character)]
    return "unusual", "Noto Sans for that script"


def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ")[0].split("-")[0]
