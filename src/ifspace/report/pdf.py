"""The report on paper: PDF/A-2a and PDF/UA-1."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from PIL import Image

from ifspace.errors import OutputError
from ifspace.model import SIDES_AS_SEEN, PatientIdentity, Side, StudyResult
from ifspace.notice import NOTICE
from ifspace.report import details, sheet, studies, wording
from ifspace.report.conclusion import conclusion
from ifspace.report.files import picture_name
from ifspace.report.letters import (
    foreign_letters,
    printable,
    script_and_font,
    without_foreign_letters,
)
from ifspace.report.references import number_references
from ifspace.report.ruler import rulers
from ifspace.report.texts import Texts, load_texts
from ifspace.report.typeset import NO_DATE_EPOCH, Standard, TypstError, set_page, wanted_epoch

Pages = Literal["clinical", "full"]
# JPEG quality of key images on paper.
PAPER_QUALITY = 88
# For archives and for screen readers.
PDF_STANDARDS: Final[tuple[Standard, ...]] = ("a-2a", "ua-1")


def report_pdf(
    result: StudyResult,
    pictures: Mapping[Side, bytes],
    identity: PatientIdentity | None,
    *,
    pages: Pages = "full",
    deidentified: bool = False,
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
    pages
        ``clinical`` for page one alone, which needs no other, ``full`` for the annex as well.
    deidentified
        Whether even the name of the image file is left out.
    font_folders
        Folders with more fonts.
    system_fonts
        Whether fonts of this computer may be used for letters that the bundled ones lack.

    Raises
    ------
    OutputError
        If the patient could not be named with the fonts at hand; says the script and a font.
    """
    source = "" if deidentified else sheet.source_file(result, load_texts())
    more = {"pages": pages, "source_file": source}
    data = printable({**page_data(result, pictures, identity), **more})
    for with_system in (False, True) if system_fonts else (False,):
        try:
            return _compile(data, pictures, font_folders, system_fonts=with_system)
        except TypstError as error:
            # Without the fonts of the computer first: they differ from one to the next.
            problem = error
    if not _can_be_named(identity):
        script, font = script_and_font(data)
        message = (
            f"the patient is named in {script} letters only and no installed font can draw them;"
            f" install the font {font} or leave the PDF out"
        )
        raise OutputError(message) from problem
    return _compile_plainly(result, pictures, identity, more)


def _compile_plainly(
    result: StudyResult,
    pictures: Mapping[Side, bytes],
    identity: PatientIdentity | None,
    more: Mapping[str, str],
) -> bytes:
    """Set the pages with the bundled fonts alone, and say on page one which letters they lack."""
    script, font = script_and_font(printable(page_data(result, pictures, identity)))
    data = {**page_data(result, pictures, _in_drawable_letters(identity)), **more}
    data["font_note"] = load_texts()["patient.fonts"].format(script=script, font=font)
    try:
        return _compile(without_foreign_letters(printable(data)), pictures, (), system_fonts=False)
    except TypstError as error:
        message = f"the PDF could not be set ({error.message}); leave it out and report this"
        raise OutputError(message) from error


def _can_be_named(identity: PatientIdentity | None) -> bool:
    """Tell whether a spelling of the name and the ID can be drawn with the bundled fonts."""
    if identity is None or not identity.name:
        return True
    spelled = _in_drawable_letters(identity)
    return bool(spelled and spelled.name) and not foreign_letters(identity.patient_id)


def _in_drawable_letters(identity: PatientIdentity | None) -> PatientIdentity | None:
    """Keep the spellings of the name (DICOM PS3.5 6.2.1 has up to three) that can be drawn."""
    if identity is None:
        return None
    groups = [group for group in identity.name.split("=") if not foreign_letters(group)]
    return replace(identity, name="=".join(groups))


def page_data(
    result: StudyResult, pictures: Mapping[Side, bytes], identity: PatientIdentity | None
) -> dict[str, Any]:
    """Put every word and number of the pages together."""
    texts = load_texts()
    references = number_references(result, details.cited_by_caveats())
    first = {
        "conclusion": conclusion(result, references, texts),
        "table": sheet.table(result, references, texts),
        "rulers": rulers(result, references, texts),
        "cautions": sheet.cautions(result, references, texts),
    }
    return {
        **first,
        "sources": references.short(re.findall(r"\[[0-9,]+\]", str(first))),
        "texts": dict(texts),
        "notice": NOTICE,
        "software": f"ifspace {result.software_version}",
        "final": result.is_final,
        "state": wording.state_line(result, texts),
        "identified": identity is not None,
        "font_note": "",
        "patient": sheet.patient_block(result, identity, texts),
        "request": sheet.request_block(result, texts),
        "sides": [texts[f"side.{side.value}"] for side in SIDES_AS_SEEN],
        "value_note": sheet.value_note(result, texts),
        "impression": result.session.impression or "",
        "references": list(references.citations),
        "pictures": _picture_entries(result, pictures, texts),
        "technique": details.technique(result, texts),
        "cutoffs": studies.cutoff_table(result, references, texts),
        "means": details.group_means(result, references, texts),
        "origins": details.origins(result, texts),
        "without_number": details.without_number(result, texts),
        "curves": details.curves(result, texts),
        "findings": details.findings(result, texts),
        "caveats": details.caveats(references, texts),
        "flags": details.flags(result, texts),
        "provenance": details.provenance(result, texts),
        "creation_epoch": creation_epoch(result, identity),
    }


def _picture_entries(
    result: StudyResult, pictures: Mapping[Side, bytes], texts: Texts
) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for side in SIDES_AS_SEEN if pictures else ():
        if side not in pictures:
            entries.append({"words": sheet.no_picture(result, side, texts)})
            continue
        with Image.open(io.BytesIO(pictures[side])) as image:
            width, height = image.size
        alt = sheet.picture_alt(result, side, texts)
        entries.append({"path": _paper_name(side), "alt": alt, "width": width, "height": height})
    return entries


def _paper_name(side: Side) -> str:
    return str(Path(picture_name(side)).with_suffix(".jpg"))


def _for_paper(png: bytes) -> bytes:
    """Make a key image small; without loss it stands in its own file and DICOM object."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(buffer, format="JPEG", quality=PAPER_QUALITY)
    return buffer.getvalue()


def creation_epoch(result: StudyResult, identity: PatientIdentity | None) -> int:
    """Choose the date in the metadata, which PDF/A asks for, without looking at the clock.

    The clock would make two runs differ. So: what the caller wants, else when the reader signed,
    else the day of the study, else a date that is plainly no real one.
    """
    wanted = wanted_epoch()
    if wanted is not None:
        return wanted
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
    return set_page(
        "report.typ",
        data,
        system_fonts=system_fonts,
        epoch=data["creation_epoch"],
        standards=PDF_STANDARDS,
        pictures={_paper_name(side): _for_paper(png) for side, png in pictures.items()},
        font_folders=font_folders,
    )
