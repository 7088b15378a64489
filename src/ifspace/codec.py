"""From dataclasses to the JSON of our files and back: one way for all of them.

What a file may hold is derived from the dataclasses of the model, so that a field added there is
not forgotten here. pydantic checks what comes in, says what is wrong and gives the JSON Schema.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache, cached_property
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, NoReturn, NotRequired, TypeVar, Union, get_args, get_origin

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict, get_type_hints

from ifspace.errors import IfspaceError

T = TypeVar("T")

# Patient millimetres in a file.
Point = Annotated[list[float], Field(min_length=3, max_length=3)]
Length = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Index = Annotated[int, Field(ge=0)]

# In files marks and seeds are named by `mark`, in the model by `name`.
_MODEL_NAMES = {"mark": "name"}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NEW_TYPE: Any = TypedDict


# ------------------------------------------------------------------------------------- types


def file_type(
    model: type,
    *,
    name: str = "",
    only: Collection[str] | None = None,
    leave_out: Collection[str] = (),
    may_be_absent: Collection[str] = (),
    further: bool = True,
    **own: Any,
) -> Any:
    """Derive what a file holds of a dataclass: a typed dictionary that pydantic can check.

    Fields that may be None may be absent; all others have to be there.

    Parameters
    ----------
    model
        The dataclass.
    name
        What the schema calls the type, if not after the dataclass.
    only, leave_out
        The fields that the file has here, or those that it has not; all where neither is given.
    may_be_absent
        Fields with a default that need not be in the file.
    further
        Whether keys that nobody knows are passed over; they are refused otherwise.
    own
        Types by key, in place of the derived ones or besides them.
    """
    found: dict[str, Any] = {}
    for field, hint in get_type_hints(model, include_extras=True).items():
        if field in leave_out or field in own or (only is not None and field not in only):
            continue
        absent = NoneType in get_args(hint) or field in may_be_absent
        found[field] = NotRequired[_in_file(hint)] if absent else _in_file(hint)
    made = _NEW_TYPE(name or f"{model.__name__}File", {**own, **found})
    made.__doc__ = None if name else (model.__doc__ or "").split("\n", maxsplit=1)[0]
    extra: Any = "ignore" if further else "forbid"
    return with_config(ConfigDict(extra=extra, allow_inf_nan=False))(made)


def list_of(content: Any, least: int | None = None, most: int | None = None) -> Any:
    """Give the type of a list in a file."""
    made = list[content]
    return made if least is None else Annotated[made, Field(min_length=least, max_length=most)]


def each(keys: Iterable[str], content: Any) -> dict[str, Any]:
    """Give several keys the same type."""
    return dict.fromkeys(keys, content)


def _is_array(hint: Any) -> bool:
    """Tell whether a type is a numpy array; from numpy 2.5 `NDArray` is an alias of its type."""
    origin = get_origin(hint)
    return get_origin(getattr(origin, "__value__", hint)) is np.ndarray


def _in_file(hint: Any) -> Any:
    """Give the type that a value has in JSON."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (inner,) = (item for item in args if item is not NoneType)
        return _in_file(inner)
    if _is_array(hint):
        return Point
    if is_dataclass(hint) and isinstance(hint, type):
        return file_type(hint)
    if origin is tuple and args[-1] is Ellipsis:
        return list_of(_in_file(args[0]))
    if origin is tuple:
        return list_of(_in_file(args[0]), len(args), len(args))
    return hint


class InvalidContentError(ValueError):
    """What a file holds is not what its schema says; `problems` are plain sentences."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems[0])
        self.problems = problems


@dataclass(frozen=True)
class FileFormat:
    """One kind of file.

    Attributes
    ----------
    schema
        What the file calls itself.
    content
        Its type, see :func:`file_type`.
    strict
        Whether the text "13" is refused where a number belongs.
    """

    schema: str
    content: Any
    strict: bool = False

    @cached_property
    def _adapter(self) -> TypeAdapter[dict[str, Any]]:
        return TypeAdapter(self.content)

    def json_schema(self) -> dict[str, Any]:
        """Give the JSON Schema (draft 2020-12)."""
        return {**self._adapter.json_schema(), "$schema": _DIALECT, "title": self.schema}

    def checked(self, data: object) -> dict[str, Any]:
        """Give the content with enumerations in place of their texts.

        Raises
        ------
        InvalidContentError
            If it does not follow the schema.
        """
        if isinstance(data, dict) and data.get("schema") not in (None, self.schema):
            problem = f"schema is {data['schema']!r}, this version reads {self.schema!r}"
            raise InvalidContentError([problem])
        try:
            if self.strict:
                # From JSON, where a list is a list and nothing else.
                return self._adapter.validate_json(json.dumps(data), strict=True)
            return self._adapter.validate_python(data)
        except ValidationError as error:
            raise InvalidContentError(_sentences(error)) from error
        except (TypeError, ValueError) as error:
            raise InvalidContentError([f"the file: not plain JSON ({error})"]) from error


def _sentences(error: ValidationError) -> list[str]:
    found = []
    for item in error.errors():
        place, message = ".".join(map(str, item["loc"])), item["msg"]
        found.append(f"{place or 'the file'}: {message[0].lower()}{message[1:]}")
    return found


# ------------------------------------------------------------------------------------ values


def plain(value: Any) -> Any:
    """Turn a value into what JSON has: numbers unrounded, fields that are None left out."""
    if is_dataclass(value):
        return picked(value, [item.name for item in fields(value)])
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


def picked(item: object, keys: Iterable[str], *, null: bool = False) -> dict[str, Any]:
    """Give some fields of a dataclass in this order, those that are None only where `null`."""
    found = {key: plain(getattr(item, _MODEL_NAMES.get(key, key))) for key in keys}
    return {key: value for key, value in found.items() if null or value is not None}


def built(model: type[T], data: Mapping[str, Any]) -> T:
    """Make a dataclass of checked content; keys that it has no field for are passed over."""
    hints = get_type_hints(model)
    named = {_MODEL_NAMES.get(key, key): value for key, value in data.items()}
    return model(**{name: _as(hint, named[name]) for name, hint in hints.items() if name in named})


def _as(hint: Any, value: Any) -> Any:
    """Turn a checked value into what the dataclass has."""
    origin, args = get_origin(hint), get_args(hint)
    if value is None or is_dataclass(value):
        return value
    if origin in (Union, UnionType):
        return _as(next(item for item in args if item is not NoneType), value)
    if _is_array(hint):
        return np.asarray(value)
    if is_dataclass(hint) and isinstance(hint, type):
        return built(hint, value)
    if origin is tuple:
        return tuple(_as(args[0], item) for item in value)
    if isinstance(value, dict) and args:
        return {key: _as(args[1], item) for key, item in value.items()}
    return value


def text_of(item: object) -> str:
    """Write a dataclass of plain values as one line of JSON.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    kind: Any = type(item)
    return json.dumps(_adapter_of(kind).dump_python(item, mode="json"), allow_nan=False)


def from_text(model: type[T], text: str) -> T:
    """Read a dataclass of plain values from one line of JSON.

    Raises
    ------
    ValueError
        If it is none of this class.
    """
    kind: Any = model
    # Names of files may hold bytes that are no text (lone surrogates), which only `json` reads.
    checked: T = _adapter_of(kind).validate_python(json.loads(text))
    return checked


@cache
def _adapter_of(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


# ------------------------------------------------------------------------------------- files


def read_json(path: Path, what: str, advice: str, error_type: type[IfspaceError]) -> Any:
    """Read a JSON file, refusing NaN and infinity, which JSON does not have.

    Raises
    ------
    error_type
        If the file cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except OSError as error:
        message = f"{what} cannot be read: {error.strerror}; check its path"
        raise error_type(message) from error
    except (ValueError, RecursionError) as error:
        raise error_type(f"{what} is not valid JSON ({error}); {advice}") from error


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a number"
    raise ValueError(message)
