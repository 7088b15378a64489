"""Read and write session files, schema ``ifspace-session/1``.

pydantic stands at the file boundary only: it checks, names what is wrong and gives the JSON
Schema. Inside, a session is the frozen :class:`ifspace.model.Session`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from ifspace.atomic import output_errors, write_file
from ifspace.errors import SessionError
from ifspace.findings import ACQUISITION, FINDINGS, Choice
from ifspace.model import (
    Mark,
    MarkName,
    MarkState,
    Seed,
    SeedName,
    Session,
    SessionOutline,
    Side,
    Signature,
    Source,
)
from ifspace.tables import json_bytes

SESSION_SCHEMA = "ifspace-session/1"

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)

Point = Annotated[list[float], Field(min_length=3, max_length=3)]


@with_config(_STRICT)
class MarkFile(TypedDict):
    """One mark in the file."""

    mark: MarkName
    side: Side
    position_lps_mm: Point
    state: MarkState
    sop_instance_uid: NotRequired[str | None]
    source: NotRequired[Source]
    confidence: NotRequired[Annotated[float, Field(ge=0.0, le=1.0)] | None]


@with_config(_STRICT)
class SeedFile(TypedDict):
    """One seed in the file: like a mark, named by `mark` or by `seed`."""

    mark: NotRequired[SeedName]
    seed: NotRequired[SeedName]
    side: Side
    position_lps_mm: Point
    sop_instance_uid: NotRequired[str | None]
    state: NotRequired[MarkState]
    source: NotRequired[Source]
    confidence: NotRequired[Annotated[float, Field(ge=0.0, le=1.0)] | None]


@with_config(_STRICT)
class OutlineFile(TypedDict):
    """One proposed border in the file."""

    structure: Literal["femur", "ischium_region"]
    side: Side
    points_lps_mm: Annotated[list[Point], Field(min_length=2)]


@with_config(_STRICT)
class SignatureFile(TypedDict):
    """Who signed, and when (ISO 8601)."""

    reader: Annotated[str, Field(min_length=1)]
    signed_at: Annotated[str, Field(min_length=10)]


@with_config(_STRICT)
class SessionFile(TypedDict):
    """The file as a whole."""

    schema: Literal["ifspace-session/1"]
    study_instance_uid: str | None
    series_instance_uid: str | None
    frame_of_reference_uid: str | None
    reader: str | None
    marks: list[MarkFile]
    seeds: NotRequired[list[SeedFile]]
    level_range: NotRequired[dict[Side, Annotated[list[str], Field(min_length=2, max_length=2)]]]
    acquisition: NotRequired[dict[str, str]]
    findings: NotRequired[dict[Side, dict[str, str]]]
    signature: NotRequired[SignatureFile | None]
    outlines: NotRequired[list[OutlineFile]]


_ADAPTER: TypeAdapter[SessionFile] = TypeAdapter(SessionFile)


def session_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a session file."""
    schema = _ADAPTER.json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = SESSION_SCHEMA
    properties = schema["properties"]
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
    if isinstance(data, dict) and data.get("schema") not in (None, SESSION_SCHEMA):
        return [f"schema is {data['schema']!r}, this version reads {SESSION_SCHEMA!r}"]
    try:
        checked = _ADAPTER.validate_python(data)
    except ValidationError as error:
        return [_sentence(item["loc"], item["msg"]) for item in error.errors()]
    return [
        *(
            f"seeds.{number}: 'mark' must name the seed"
            for number, seed in enumerate(checked.get("seeds", []))
            if "mark" not in seed and "seed" not in seed
        ),
        *_unknown_codes("acquisition", checked.get("acquisition", {}), ACQUISITION),
        *(
            sentence
            for side, found in checked.get("findings", {}).items()
            for sentence in _unknown_codes(f"findings.{side}", found, FINDINGS)
        ),
        *(
            f"marks.{number}: a program's mark cannot be 'placed'; it is 'proposed' until a person"
            " moves or confirms it"
            for number, mark in enumerate(checked["marks"])
            if mark.get("source") is Source.PROGRAM and mark["state"] is MarkState.PLACED
        ),
    ]


def session_from_json(data: object) -> Session:
    """Turn the content of a session file into a :class:`Session`.

    Raises
    ------
    SessionError
        If it does not follow the schema; says what and where.
    """
    problems = validate_session(data)
    if problems:
        raise SessionError(f"not a valid session: {problems[0]}")
    return _session(_ADAPTER.validate_python(data))


def _session(checked: SessionFile) -> Session:
    signature = checked.get("signature")
    return Session(
        study_instance_uid=checked["study_instance_uid"],
        series_instance_uid=checked["series_instance_uid"],
        frame_of_reference_uid=checked["frame_of_reference_uid"],
        reader=checked["reader"],
        marks=tuple(_mark(item) for item in checked["marks"]),
        seeds=tuple(
            Seed(
                name=item["mark"] if "mark" in item else item["seed"],
                side=item["side"],
                position_lps_mm=np.asarray(item["position_lps_mm"]),
                sop_instance_uid=item.get("sop_instance_uid"),
            )
            for item in checked.get("seeds", [])
        ),
        level_range={
            side: (ends[0], ends[1]) for side, ends in checked.get("level_range", {}).items()
        },
        acquisition=dict(checked.get("acquisition", {})),
        findings={side: dict(found) for side, found in checked.get("findings", {}).items()},
        signature=Signature(signature["reader"], signature["signed_at"]) if signature else None,
        outlines=tuple(
            SessionOutline(item["structure"], item["side"], np.asarray(item["points_lps_mm"]))
            for item in checked.get("outlines", [])
        ),
    )


def _mark(item: MarkFile) -> Mark:
    default_source = Source.PROGRAM if item["state"] is MarkState.PROPOSED else Source.HUMAN
    return Mark(
        name=item["mark"],
        side=item["side"],
        position_lps_mm=np.asarray(item["position_lps_mm"]),
        state=item["state"],
        source=item.get("source", default_source),
        confidence=item.get("confidence"),
        sop_instance_uid=item.get("sop_instance_uid"),
    )


def read_session(path: Path) -> Session:
    """Read a session file.

    Raises
    ------
    SessionError
        If the file cannot be read, is no JSON or does not follow the schema.
    """
    return session_from_json(read_json(path))


def read_json(path: Path) -> object:
    """Read a JSON file, refusing NaN and infinity, which JSON does not have.

    Raises
    ------
    SessionError
        If the file cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except OSError as error:
        message = f"the session cannot be read: {error.strerror}; check its path"
        raise SessionError(message) from error
    except (ValueError, RecursionError) as error:
        message = f"the session is not valid JSON ({error}); write it again"
        raise SessionError(message) from error


def _refuse_constant(name: str) -> float:
    message = f"{name} is not a number"
    raise ValueError(message)


def session_to_json(session: Session) -> dict[str, Any]:
    """Turn a session into the content of its file; what is empty and optional is left out."""
    data: dict[str, Any] = {
        "schema": SESSION_SCHEMA,
        "study_instance_uid": session.study_instance_uid,
        "series_instance_uid": session.series_instance_uid,
        "frame_of_reference_uid": session.frame_of_reference_uid,
        "reader": session.reader,
        "marks": [_mark_to_json(mark) for mark in session.marks],
    }
    if session.seeds:
        data["seeds"] = [_place_to_json(seed) for seed in session.seeds]
    if session.outlines:
        data["outlines"] = [_outline_to_json(outline) for outline in session.outlines]
    if session.level_range:
        data["level_range"] = {side.value: list(ends) for side, ends in session.level_range.items()}
    data["acquisition"] = dict(session.acquisition)
    data["findings"] = {side.value: dict(session.findings.get(side, {})) for side in Side}
    if session.signature is not None:
        data["signature"] = {
            "reader": session.signature.reader,
            "signed_at": session.signature.signed_at,
        }
    return data


def _place_to_json(item: Mark | Seed) -> dict[str, Any]:
    return {
        "mark": item.name.value,
        "side": item.side.value,
        "position_lps_mm": item.position_lps_mm.tolist(),
        "sop_instance_uid": item.sop_instance_uid,
    }


def _mark_to_json(mark: Mark) -> dict[str, Any]:
    return {
        **_place_to_json(mark),
        "state": mark.state.value,
        "source": mark.source.value,
        "confidence": mark.confidence,
    }


def _outline_to_json(outline: SessionOutline) -> dict[str, Any]:
    return {
        "structure": outline.structure,
        "side": outline.side.value,
        "points_lps_mm": outline.points_lps_mm.tolist(),
    }


def write_session(session: Session, path: Path) -> None:
    """Write a session file.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with output_errors("the session"):
        write_file(path, json_bytes(session_to_json(session)))


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    place = ".".join(str(part) for part in location) or "the file"
    return f"{place}: {message[0].lower()}{message[1:]}"


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
