"""Set pages with typst: no clock, no network, the same bytes every time.

Everything reaches a template as one JSON string, so that a name or a series description can hold
whatever it likes without becoming markup.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal

import typst
from typst import TypstError

Format = Literal["pdf", "svg", "png"]
Standard = Literal["a-2a", "ua-1"]

# 1980-01-01, the oldest date a ZIP archive can hold, is widely read as "no date": the clock would
# make two runs differ.
NO_DATE_EPOCH = 315_532_800
# Enough for a journal's half-page figure, and three dots to a millimetre more than a screen.
PNG_DOTS_PER_INCH = 220.0


def wanted_epoch() -> int | None:
    """Give the date that the caller wants in the metadata, in seconds since 1970.

    References
    ----------
    https://reproducible-builds.org/specs/source-date-epoch
    """
    wanted = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(wanted) if wanted.isdigit() else None


def set_page(
    template: str,
    data: Mapping[str, Any],
    *,
    system_fonts: bool,
    kind: Format = "pdf",
    epoch: int | None = None,
    standards: Sequence[Standard] = ("a-2a",),
    packages: Sequence[str] = ("ifspace.report",),
    pictures: Mapping[str, bytes] | None = None,
    font_folders: Sequence[Path] = (),
) -> bytes:
    """Set a template in a folder that holds nothing but templates, pictures and data.

    Parameters
    ----------
    template
        Its file name, in the folder ``templates`` of one of `packages`.
    data
        What it reads, in plain JSON values.
    system_fonts
        Whether fonts of this computer may be used for letters that the bundled ones lack.
    epoch
        The date in the metadata, which PDF/A asks for; the caller's or none where absent.
    pictures
        By the name that the template has for them.

    Raises
    ------
    typst.TypstError
        If a letter has no font.
    """
    if epoch is None:
        epoch = wanted_epoch()
    with (
        tempfile.TemporaryDirectory(prefix="ifspace-") as folder,
        as_file(files("ifspace.report") / "fonts") as fonts,
    ):
        root = Path(folder)
        for package in packages:
            with as_file(files(package) / "templates") as templates:
                for source in templates.glob("*.typ"):
                    (root / source.name).write_bytes(source.read_bytes())
        for name, content in (pictures or {}).items():
            (root / name).write_bytes(content)
        made = typst.compile(
            root / template,
            root=root,
            font_paths=[fonts, *font_folders],
            ignore_system_fonts=not system_fonts,
            format=kind,
            ppi=PNG_DOTS_PER_INCH,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            pdf_standards=[*standards] if kind == "pdf" else [],
            timestamp=NO_DATE_EPOCH if epoch is None else epoch,
        )
    # Pages of one page each come as a list.
    page = made[0] if isinstance(made, list) else made
    return page if isinstance(page, bytes) else bytes(str(page), "utf-8")


__all__ = ["NO_DATE_EPOCH", "Format", "Standard", "TypstError", "set_page", "wanted_epoch"]
