"""The published values: package data with a schema, and local rows that a user adds.

Every figure was seen in a text that was read; a figure that was not seen is absent, never filled
from memory. Rows of other modalities hold no figures: nothing here may be compared with a value
that was not measured on axial MRI.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ifspace.errors import EvidenceError
from ifspace.model import ADULT_AGE_YEARS, Kind, PublishedValue
from ifspace.model.published import CONTROLS, SYMPTOMATIC

EVIDENCE_SCHEMA = "ifspace-evidence/1"
CUTOFF_ROLE = "published_cutoff_axial_mri"
POSITIONING_ROLE = "positioning_evidence"
UNVERIFIED = "(unverified: neither author, title nor DOI was seen)"

Millimetres = Annotated[float, Field(gt=0.0, lt=100.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]

_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Figures(BaseModel):
    """Figures of one study for one space; a figure that was not seen is absent."""

    model_config = _STRICT

    cases_mean: Millimetres | None = None
    cases_sd: Millimetres | None = None
    controls_mean: Millimetres | None = None
    controls_sd: Millimetres | None = None
    cutoff: Millimetres | None = None
    cutoff_rule: str | None = None
    sensitivity: Share | None = None
    specificity: Share | None = None
    auc: Share | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no number was seen."""
        return all(value is None for key, value in self if key != "cutoff_rule")


class Row(BaseModel):
    """One study."""

    model_config = _STRICT

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    citation: Annotated[str, Field(min_length=8)]
    evidence_level: Annotated[str, Field(min_length=3)]
    role: Literal["published_cutoff_axial_mri", "group_values_or_context", "positioning_evidence"]
    authors: str | None = None
    title: str | None = None
    journal: str | None = None
    doi: str | None = None
    pmid: str | None = None
    population: str = ""
    groups: tuple[str, str] = (SYMPTOMATIC, CONTROLS)
    sex: Literal["F", "M"] | None = None
    year: int | None = None
    modality: Literal["MRI", "CT"] = "MRI"
    age_years: tuple[float, float | None] = (ADULT_AGE_YEARS, None)
    hip_position: Literal["neutral", "internal", "external", "adduction"] | None = None
    position: str | None = None
    n_cases_hips: int | None = None
    n_controls_hips: int | None = None
    ifs_mm: Figures = Figures()
    qfs_mm: Figures = Figures()
    notes: str = ""
    source_url: str | None = None
    in_default_panel: bool = False
    reference_for: tuple[Kind, ...] = ()

    @model_validator(mode="after")
    def _other_modality_is_cited_only(self) -> Self:
        if self.modality != "MRI" and not (self.ifs_mm.is_empty and self.qfs_mm.is_empty):
            message = "only figures of axial MRI may be compared with a value"
            raise ValueError(message)
        return self

    @property
    def verified(self) -> bool:
        """Whether the source can be found again."""
        return bool(self.authors or self.title or self.doi)

    @property
    def reference(self) -> str:
        """The citation, with the DOI where known; says where the source was not identified."""
        parts = [self.citation.rstrip(".")]
        if self.doi and self.doi not in self.citation:
            parts.append(f"doi:{self.doi}")
        return ". ".join(parts) + ("" if self.verified else f" {UNVERIFIED}")

    @property
    def paediatric(self) -> bool:
        """Whether the row is of patients under 18."""
        return self.age_years[1] is not None and self.age_years[1] <= ADULT_AGE_YEARS

    def applies_at(self, age_years: float) -> bool:
        """Whether the row's population has this age: from the first to below the second."""
        first, last = self.age_years
        return first <= age_years and (last is None or age_years < last)

    def figures(self, kind: Kind) -> Figures:
        """Give what the row says of one space."""
        return self.ifs_mm if kind is Kind.IFS else self.qfs_mm

    def value(self, kind: Kind) -> PublishedValue | None:
        """Give what the row says of one space in our words; nothing where it has no number."""
        figures = self.figures(kind)
        if figures.is_empty:
            return None
        return PublishedValue(
            evidence_id=self.id,
            kind=kind,
            citation=self.reference,
            evidence_level=self.evidence_level,
            role=self.role,
            population=self.population,
            year=self.year,
            position=self.position,
            cutoff_mm=figures.cutoff,
            rule=figures.cutoff_rule,
            sensitivity=figures.sensitivity,
            specificity=figures.specificity,
            auc=figures.auc,
            cases_mean_mm=figures.cases_mean,
            cases_sd_mm=figures.cases_sd,
            controls_mean_mm=figures.controls_mean,
            controls_sd_mm=figures.controls_sd,
            notes=self.notes,
            source_url=self.source_url,
            cases=self.groups[0],
            controls=self.groups[1],
            verified=self.verified,
        )


class EvidenceFile(BaseModel):
    """The file as a whole."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=()
    )

    schema_name: Annotated[Literal["ifspace-evidence/1"], Field(alias="schema")]
    rows: tuple[Row, ...]


_ADAPTER = TypeAdapter(EvidenceFile)


def _packaged() -> bytes:
    return resources.files("ifspace.evidence").joinpath("published.json").read_bytes()


@cache
def published_rows() -> tuple[Row, ...]:
    """Give the rows that ship with the package."""
    return _ADAPTER.validate_json(_packaged()).rows


def evidence_sha256(local: Path | None = None) -> str:
    """Hash the evidence in use: the packaged file, and the local one where there is one."""
    digest = hashlib.sha256(_packaged())
    if local is not None:
        digest.update(local.read_bytes())
    return digest.hexdigest()


def evidence_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of an evidence file, for people who add local rows."""
    schema = _ADAPTER.json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = EVIDENCE_SCHEMA
    return schema


def read_local_rows(path: Path) -> tuple[Row, ...]:
    """Read rows that a user adds; their ids may not hide a packaged row.

    Raises
    ------
    EvidenceError
        If the file cannot be read, breaks the schema or reuses an id.
    """
    try:
        rows = _ADAPTER.validate_json(path.read_bytes()).rows
    except OSError as error:
        message = f"the evidence file cannot be read: {error.strerror}; check its path"
        raise EvidenceError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        message = f"not a valid evidence file: {place}: {first['msg']}"
        raise EvidenceError(message) from error
    taken = {row.id for row in published_rows()} & {row.id for row in rows}
    if taken or len({row.id for row in rows}) != len(rows):
        names = ", ".join(sorted(taken)) or "one is repeated in the file"
        message = f"evidence ids are not unique: {names}"
        raise EvidenceError(message)
    return rows


def dump_rows(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    """Turn rows into plain JSON values, without what was not seen."""
    return [json.loads(row.model_dump_json(exclude_none=True)) for row in rows]
