"""Read session files of schema ``ifspace-session/1`` and ``/2``, write those of the second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field

from ifspace.atomic import output_errors, write_file
from ifspace.codec import (
    Count,
    FileFormat,
    InvalidContentError,
    Point,
    Share,
    built,
    each,
    file_type,
    list_of,
    picked,
    plain,
    read_json,
)
from ifspace.errors import SessionError
from ifspace.findings import ACQUISITION, FINDINGS, PAINFUL_SIDES, Choice
from ifspace.model import (
    HistoryEntry,
    ImageFingerprint,
    Mark,
    MarkName,
    MarkState,
    Outline,
    Seed,
    SeedName,
    Session,
    Side,
    Signature,
    SignedWith,
    Source,
)
from ifspace.tables import json_bytes

SESSION_SCHEMA = "ifspace-session/2"
EARLIER_SCHEMA = "ifspace-session/1"

_UIDS = ("study_instance_uid", "series_instance_uid", "frame_of_reference_uid")
# What is in the file in this order; a seed has the first four.
_MARK_KEYS = (
    "mark",
    "side",
    "position_lps_mm",
    "sop_instance_uid",
    "state",
    "source",
    "confidence",
)
_SEED_KEYS = _MARK_KEYS[:4]
_SIGNATURE_KEYS = ("reader", "role", "signed_at", "sha256")
_OUTLINE_KEYS = ("structure", "side", "points_lps_mm")
# What the request and the reader say in words.
REQUEST_KEYS = ("indication", "painful_side", "comparison", "impression")
_LEFT_OUT_WHERE_EMPTY = (
    "image",
    "signed_with",
    "history",
    "seeds",
    "outlines",
    "level_range",
    "signature",
    *REQUEST_KEYS,
)

_SHA256 = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
_NULL = NotRequired[str | None]
_MARK_FILE = file_type(
    Mark,
    leave_out=("name",),
    further=False,
    mark=MarkName,
    sop_instance_uid=_NULL,
    source=NotRequired[Source],
    confidence=NotRequired[Share | None],
)
# A seed may have what a mark has, which says nothing, and be named by `seed`.
_SEED_FILE = file_type(
    Seed,
    leave_out=("name",),
    further=False,
    mark=NotRequired[SeedName],
    seed=NotRequired[SeedName],
    sop_instance_uid=_NULL,
    state=NotRequired[MarkState],
    source=NotRequired[Source],
    confidence=NotRequired[Share | None],
)
_OUTLINE_FILE = file_type(
    Outline,
    only=_OUTLINE_KEYS,
    further=False,
    structure=Literal["femur", "ischium_region"],
    points_lps_mm=Annotated[list[Point], Field(min_length=2)],
)
_SIGNATURE_FILE = file_type(
    Signature,
    further=False,
    reader=Annotated[str, Field(min_length=1)],
    signed_at=Annotated[str, Field(min_length=10)],
    role=NotRequired[str],
    sha256=NotRequired[_SHA256],
)
_IMAGE_FILE = file_type(
    ImageFingerprint,
    further=False,
    fingerprint=_SHA256,
    geometry=NotRequired[_SHA256],
    shape_kji=NotRequired[list_of(Count, 3, 3)],
)
_session_file = partial(
    file_type,
    Session,
    further=False,
    **each((*_UIDS, "reader"), str | None),
    marks=list_of(_MARK_FILE),
    seeds=NotRequired[list_of(_SEED_FILE)],
    level_range=NotRequired[dict[Side, Annotated[list[str], Field(min_length=2, max_length=2)]]],
    acquisition=NotRequired[dict[str, str]],
    findings=NotRequired[dict[Side, dict[str, str]]],
    signature=NotRequired[_SIGNATURE_FILE | None],
    outlines=NotRequired[list_of(_OUTLINE_FILE)],
    **each(REQUEST_KEYS, _NULL),
)
_FORMAT = FileFormat(
    SESSION_SCHEMA,
    _session_file(
        schema=Literal["ifspace-session/2"],
        image=NotRequired[_IMAGE_FILE | None],
        signed_with=NotRequired[file_type(SignedWith, further=False) | None],
        history=NotRequired[list_of(file_type(HistoryEntry, further=False))],
    ),
)
_EARLIER_FORMAT = FileFormat(
    EARLIER_SCHEMA,
    _session_file(
        schema=Literal["ifspace-session/1"], leave_out=("image", "signed_with", "history")
    ),
)


def session_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a session file."""
    schema = _FORMAT.json_schema()
    properties = schema["properties"]
    properties["painful_side"] = {"enum": [*PAINFUL_SIDES, None]}
    properties["acquisition"] = _catalogue_schema(ACQUISITION)
    properties["findings"] = {
        "type": "object",
        "properties": {side.value: _catalogue_schema(FINDINGS) for side in Side},
        "additionalProperties": False,
    }
    return schema


def _catalogue_schema(known: Mapping[str, Choice]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key: {"enum": list(choice.codes)} for key, choice in known.items()},
        "additionalProperties": False,
    }


def validate_session(data: object) -> list[str]:
    """Say in plain sentences what is wrong with a session file; nothing if all is well."""
    try:
        _checked(data)
    except InvalidContentError as error:
        return error.problems
    return []


def _checked(data: object) -> dict[str, Any]:
    earlier = isinstance(data, dict) and data.get("schema") == EARLIER_SCHEMA
    checked = (_EARLIER_FORMAT if earlier else _FORMAT).checked(data)
    problems = list(_problems(checked))
    if problems:
        raise InvalidContentError(problems)
    return checked


def _problems(checked: Mapping[str, Any]) -> Iterator[str]:
    """Say what a type cannot say."""
    for number, seed in enumerate(checked.get("seeds", ())):
        if "mark" not in seed and "seed" not in seed:
            yield f"seeds.{number}: 'mark' must name the seed"
    yield from _unknown_codes("acquisition", checked.get("acquisition", {}), ACQUISITION)
    for side, coded in checked.get("findings", {}).items():
        yield from _unknown_codes(f"findings.{side}", coded, FINDINGS)
    painful = checked.get("painful_side")
    if painful and painful not in PAINFUL_SIDES:
        yield f"painful_side: {painful!r} is not known; known are {', '.join(PAINFUL_SIDES)}"
    for number, mark in enumerate(checked["marks"]):
        if mark.get("source") is Source.PROGRAM and mark["state"] is MarkState.PLACED:
            yield (
                f"marks.{number}: a program's mark cannot be 'placed'; it is 'proposed' until a"
                " person moves or confirms it"
            )


def _unknown_codes(place: str, values: Mapping[str, str], known: Mapping[str, Choice]) -> list[str]:
    """Name entries that are not in the catalogue, with what is."""
    problems = []
    for key, value in values.items():
        if key not in known:
            problems.append(f"{place}: {key!r} is not known; known are {', '.join(known)}")
        elif value not in known[key].codes:
            codes = ", ".join(known[key].codes)
            problems.append(f"{place}.{key}: {value!r} is not known; known are {codes}")
    return problems


def session_from_json(data: object) -> Session:
    """Turn the content of a session file into a :class:`Session`.

    Raises
    ------
    SessionError
        If it does not follow the schema; says what and where.
    """
    try:
        checked = _checked(data)
    except InvalidContentError as error:
        raise SessionError(f"not a valid session: {error}") from error
    for mark in checked["marks"]:
        proposed = mark["state"] is MarkState.PROPOSED
        mark.setdefault("source", Source.PROGRAM if proposed else Source.HUMAN)
    for seed in checked.get("seeds", ()):
        seed.setdefault("mark", seed.get("seed"))
    return built(Session, checked)


def read_session(path: Path) -> Session:
    """Read a session file.

    Raises
    ------
    SessionError
        If the file cannot be read, is no JSON or does not follow the schema.
    """
    return session_from_json(read_json(path, "the session", "write it again", SessionError))


def session_to_json(session: Session) -> dict[str, Any]:
    """Turn a session into the content of its file; what is empty and optional is left out."""
    data = {
        "schema": SESSION_SCHEMA,
        **picked(session, _UIDS, null=True),
        "image": plain(session.image),
        **picked(session, ("reader",), null=True),
        "marks": [picked(mark, _MARK_KEYS, null=True) for mark in session.marks],
        "seeds": [picked(seed, _SEED_KEYS, null=True) for seed in session.seeds],
        "outlines": [picked(outline, _OUTLINE_KEYS) for outline in session.outlines],
        **picked(session, ("level_range", "acquisition")),
        "findings": {side.value: dict(session.findings.get(side, {})) for side in Side},
        **picked(session, REQUEST_KEYS),
        "signed_with": plain(session.signed_with) if session.signature else None,
        "signature": _signature_to_json(session.signature),
        "history": plain(session.history),
    }
    return {key: value for key, value in data.items() if value or key not in _LEFT_OUT_WHERE_EMPTY}


def _signature_to_json(signature: Signature | None) -> dict[str, str] | None:
    """Give a signature; one of a file of version 1 has neither role nor hash."""
    found = {} if signature is None else picked(signature, _SIGNATURE_KEYS)
    return {key: value for key, value in found.items() if value} or None


def write_session(session: Session, path: Path) -> None:
    """Write a session file.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with output_errors("the session"):
        write_file(path, json_bytes(session_to_json(session)))
