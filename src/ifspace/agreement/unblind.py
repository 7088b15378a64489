"""Turn filled reading lists back into readings with the key."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ifspace.agreement.design import LIST_PATTERN
from ifspace.errors import UnreadableInputError
from ifspace.model import Kind
from ifspace.tables import Row, Table, csv_bytes, plain_text, read_table

READINGS_COLUMNS = ("person", "case", "side", "kind", "reader", "reading", "value_mm", "code")
_KEY_COLUMNS = ("code", "reader", "person", "case", "side", "reading")


def unblind(lists: Path, key: Path) -> Table:
    """Join filled lists with their key.

    Parameters
    ----------
    lists
        One filled list, or the folder that holds them all under the names they were made with.
    key
        The ``key.csv`` of the same plan.

    Returns
    -------
    Readings as a tidy table; its rows are numbered as in the file that is made of it, and its hash
    is that of this file. What was not filled in, or not returned, is a missing reading.

    Raises
    ------
    UnreadableInputError
        If a file cannot be read, or a list holds a code that is twice or not in the key.
    """
    key_table = read_table(key)
    key_table.require(_KEY_COLUMNS)
    key_table.require_every_row(key.name)
    filled = _filled(lists)
    known = {plain_text(row.text("code")): row for row in key_table.rows}
    unknown_codes = sorted(set(filled) - set(known))
    if unknown_codes:
        message = f"code {unknown_codes[0]} is not in {key.name}; take the key of the same plan"
        raise UnreadableInputError(message)
    # A space that nobody read was not part of the study.
    kinds = [kind for kind in Kind if any(row.text(f"{kind.value}_mm") for row in filled.values())]
    cells = [_reading(known[code], filled.get(code), kind) for code in known for kind in kinds]
    rows = tuple(
        Row(number, dict(zip(READINGS_COLUMNS, one, strict=True)))
        for number, one in enumerate(cells, start=2)
    )
    sha256 = hashlib.sha256(csv_bytes(READINGS_COLUMNS, cells)).hexdigest()
    return Table(READINGS_COLUMNS, rows, sha256)


def _filled(lists: Path) -> dict[str, Row]:
    paths = sorted(lists.glob(LIST_PATTERN)) if lists.is_dir() else [lists]
    if not paths:
        message = f"{lists.name} holds no {LIST_PATTERN}; give the folder of the filled lists"
        raise UnreadableInputError(message)
    row_of_code: dict[str, Row] = {}
    for path in paths:
        table = read_table(path)
        table.require(("code", *(f"{kind.value}_mm" for kind in Kind)))
        table.require_every_row(path.name)
        for row in table.rows:
            code = plain_text(row.text("code"))
            if not code or code in row_of_code:
                message = f"{path.name}, row {row.number}: code {code!r} is empty or stands twice"
                raise UnreadableInputError(message)
            row_of_code[code] = row
    return row_of_code


def _reading(key: Row, filled: Row | None, kind: Kind) -> tuple[str, ...]:
    value = "" if filled is None else filled.text(f"{kind.value}_mm")
    names = [plain_text(key.text(name)) for name in ("person", "case", "side")]
    reader, code = plain_text(key.text("reader")), plain_text(key.text("code"))
    return (*names, kind.value, reader, key.text("reading"), value, code)
