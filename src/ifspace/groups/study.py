"""Cases against controls: difference, ROC, cut-offs, subgroups and the adjusted model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy import stats

from ifspace.cutoffs import cutoffs_for
from ifspace.groups.earlier import EarlierCutoff, EarlierStudy, judge_earlier
from ifspace.groups.roc import (
    Accuracy,
    OptimalCutoff,
    accuracy,
    auc_result,
    optimal_cutoff,
    too_few,
)
from ifspace.groups.table import GroupTable, Hips
from ifspace.model import ADULT_AGE_YEARS, Kind
from ifspace.notice import NOTICE
from ifspace.statistics import (
    Estimate,
    Interval,
    NotEstimable,
    Result,
    is_clustered,
    robust_line,
    to_json,
)
from ifspace.statistics.clusters import FEW_CLUSTERS, Floats
from ifspace.statistics.estimates import CONFIDENCE
from ifspace.version import __version__

GROUPS_SCHEMA = "ifspace-groups/1"
WELCH_METHOD = "Welch's t"
# Paediatric studies divide at 13 and 18 years; adults are split where hips begin to age.
AGE_BANDS: tuple[tuple[float, float, str], ...] = (
    (0.0, 13.0, "under 13 years"),
    (13.0, ADULT_AGE_YEARS, "13 to 17 years"),
    (ADULT_AGE_YEARS, 40.0, "18 to 39 years"),
    (40.0, 60.0, "40 to 59 years"),
    (60.0, 200.0, "60 years and over"),
)
SEX_NAMES = {"F": "female", "M": "male"}
YEARS_PER_DECADE = 10.0


@dataclass(frozen=True)
class GroupSummary:
    """One group of one space."""

    hips: int
    persons: int
    mean_mm: float | None
    sd_mm: float | None
    median_mm: float | None


@dataclass(frozen=True)
class PublishedAccuracy:
    """One published cut-off on these hips; it was chosen elsewhere."""

    evidence_ids: tuple[str, ...]
    accuracy: Accuracy | NotEstimable


@dataclass(frozen=True)
class Subgroup:
    """The same comparison among some of the hips."""

    name: str
    cases: int
    controls: int
    difference_mm: Result
    auc: Result


@dataclass(frozen=True)
class AdjustedModel:
    """Distance explained by group, age and sex; coefficients in mm."""

    coefficients: dict[str, Result]
    hips: int
    left_out: int
    note: str


@dataclass(frozen=True)
class SpaceGroups:
    """Everything about one space."""

    kind: Kind
    hips: Hips
    cases: GroupSummary
    controls: GroupSummary
    difference_mm: Result
    auc: Result
    published: tuple[PublishedAccuracy, ...]
    optimal: OptimalCutoff | NotEstimable
    earlier: EarlierCutoff | NotEstimable | None
    subgroups: tuple[Subgroup, ...]
    adjusted: AdjustedModel | NotEstimable
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class GroupStudy:
    """What `compare-groups` found."""

    table: GroupTable
    spaces: tuple[SpaceGroups, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every row was used, and area and best cut-off could be given for every space."""
        compared = all(
            isinstance(space.auc, Estimate) and isinstance(space.optimal, OptimalCutoff)
            for space in self.spaces
        )
        refused = any(isinstance(space.earlier, NotEstimable) for space in self.spaces)
        return compared and not refused and not self.table.problems


def compare_groups(table: GroupTable, earlier: EarlierStudy | None = None) -> GroupStudy:
    """Compare the groups for every space in the table."""
    kinds = [kind for kind in Kind if table.of_kind(kind).items]
    return GroupStudy(table, tuple(_space(kind, table, earlier) for kind in kinds))


def _space(kind: Kind, table: GroupTable, earlier: EarlierStudy | None) -> SpaceGroups:
    hips = table.of_kind(kind)
    values_mm, is_case, persons = hips.values_mm, hips.is_case, hips.persons
    return SpaceGroups(
        kind=kind,
        hips=hips,
        cases=_summary(hips.where(is_case.tolist())),
        controls=_summary(hips.where((~is_case).tolist())),
        difference_mm=difference_mm(hips),
        auc=auc_result(values_mm, is_case, persons),
        published=_published(kind, hips),
        optimal=optimal_cutoff(values_mm, is_case, persons),
        earlier=None if earlier is None else judge_earlier(earlier, kind, table, hips),
        subgroups=_subgroups(hips),
        adjusted=_adjusted(hips),
        cautions=_cautions(hips),
    )


def _summary(hips: Hips) -> GroupSummary:
    values_mm = hips.values_mm
    persons = len({item.hip.person for item in hips.items})
    if not len(values_mm):
        return GroupSummary(0, 0, None, None, None)
    sd_mm = float(np.std(values_mm, ddof=1)) if len(values_mm) > 1 else None
    mean_mm, median_mm = float(values_mm.mean()), float(np.median(values_mm))
    return GroupSummary(len(values_mm), persons, mean_mm, sd_mm, median_mm)


def difference_mm(hips: Hips) -> Result:
    """Estimate cases minus controls, the hips of a person as one cluster."""
    is_case, values_mm = hips.is_case, hips.values_mm
    missing = too_few(is_case)
    if missing is not None:
        return missing
    cases_mm, controls_mm = values_mm[is_case], values_mm[~is_case]
    if float(np.ptp(cases_mm)) == 0.0 and float(np.ptp(controls_mm)) == 0.0:
        note = "no interval: the hips of each group do not differ from each other"
        return Estimate(float(cases_mm.mean() - controls_mm.mean()), note=note)
    design = np.column_stack([np.ones(len(is_case)), is_case])
    line = robust_line(design, values_mm, hips.persons, ("controls", "difference"))
    difference = line["difference"]
    if not isinstance(difference, Estimate):
        return difference
    naive, p_value = _welch(cases_mm, controls_mm)
    if not is_clustered(hips.persons):
        return Estimate(difference.value, naive, None, p_value)
    return Estimate(
        difference.value, difference.interval, naive, difference.p_value, difference.note
    )


def _welch(cases_mm: Floats, controls_mm: Floats) -> tuple[Interval | None, float | None]:
    """Give the textbook interval of a difference and its p-value; nothing without spread."""
    test = stats.ttest_ind(cases_mm, controls_mm, equal_var=False)
    ends = test.confidence_interval(CONFIDENCE)
    if not np.isfinite(ends.low):
        return None, None
    return Interval(float(ends.low), float(ends.high), WELCH_METHOD), float(test.pvalue)


def _published(kind: Kind, hips: Hips) -> tuple[PublishedAccuracy, ...]:
    rows = []
    for cutoff in cutoffs_for(kind, [item.covariates for item in hips.items]):
        chosen = hips.where(cutoff.applies.tolist())
        missing = too_few(chosen.is_case)
        result = missing or accuracy(
            cutoff.cutoff_mm, chosen.values_mm, chosen.is_case, chosen.persons
        )
        if isinstance(result, NotEstimable):
            result = NotEstimable(result.reason, f"{cutoff.cutoff_mm:g} mm: {result.detail}")
        rows.append(PublishedAccuracy(cutoff.evidence_ids, result))
    return tuple(rows)


def _subgroups(hips: Hips) -> tuple[Subgroup, ...]:
    named = [
        (name, hips.where([item.sex == code for item in hips.items]))
        for code, name in SEX_NAMES.items()
    ]
    named += [
        (name, hips.where([_in_band(item.covariates.age_years, low, high) for item in hips.items]))
        for low, high, name in AGE_BANDS
    ]
    return tuple(_subgroup(name, some) for name, some in named if some.items)


def _in_band(age_years: float | None, low: float, high: float) -> bool:
    return age_years is not None and low <= age_years < high


def _subgroup(name: str, hips: Hips) -> Subgroup:
    is_case = hips.is_case
    return Subgroup(
        name,
        int(is_case.sum()),
        int((~is_case).sum()),
        difference_mm(hips),
        auc_result(hips.values_mm, is_case, hips.persons),
    )


def _adjusted(hips: Hips) -> AdjustedModel | NotEstimable:
    """Fit distance = controls + group + age per decade + female, with what is known."""
    known = hips.where([_is_described(item) for item in hips.items])
    left_out = len(hips.items) - len(known.items)
    missing = too_few(known.is_case) if known.items else None
    if not known.items or missing is not None:
        detail = "age and sex are known of too few hips for an adjusted model"
        return NotEstimable("covariates_missing", detail)
    if float(np.ptp(known.values_mm)) == 0.0:
        return NotEstimable("zero_variance", "every hip has the same value: nothing to adjust")
    ages = np.asarray([item.covariates.age_years for item in known.items], dtype=np.float64)
    columns = {
        "group (cases minus controls)": known.is_case.astype(np.float64),
        "age, per ten years": (ages - ages.mean()) / YEARS_PER_DECADE,
        "female": np.asarray([item.sex == "F" for item in known.items], dtype=np.float64),
    }
    flat = [name for name, column in columns.items() if np.ptp(column) == 0.0]
    columns = {name: column for name, column in columns.items() if name not in flat}
    design = np.column_stack([np.ones(len(known.items)), *columns.values()])
    coefficients = robust_line(design, known.values_mm, known.persons, ("constant", *columns))
    coefficients.pop("constant")
    note = f"{' and '.join(flat)} left out: the same for every hip" if flat else ""
    return AdjustedModel(coefficients, len(known.items), left_out, note)


def _is_described(item: Any) -> bool:
    return item.covariates.age_years is not None and item.sex is not None


def _cautions(hips: Hips) -> tuple[str, ...]:
    cautions = []
    for is_case, name in ((True, "cases"), (False, "controls")):
        persons = {item.hip.person for item in hips.items if item.is_case is is_case}
        if len(persons) < FEW_CLUSTERS:
            cautions.append(f"Only {len(persons)} persons are {name}: every interval is uncertain.")
    ages = [item.covariates.age_years for item in hips.items]
    if any(age is None for age in ages):
        cautions.append(
            "Where an age is not known, adult cut-offs are used; not for under 18 years."
        )
    if any(age is not None and age < AGE_BANDS[1][1] for age in ages):
        cautions.append("Some persons are under 18: both spaces grow with age.")
    return tuple(cautions)


# ------------------------------------------------------------------------------------- to JSON


def groups_to_json(study: GroupStudy) -> dict[str, Any]:
    """Give the study as the content of groups.json; unrounded, what is missing said."""
    table = study.table
    return {
        "schema": GROUPS_SCHEMA,
        "software": {"name": "ifspace", "version": __version__},
        "notice": NOTICE,
        "table_sha256": table.sha256,
        "persons_sha256": sorted(
            {hashlib.sha256(item.hip.person.encode()).hexdigest() for item in table.values}
        ),
        "group_column": table.column,
        "cases": table.case_name,
        "controls": table.control_name,
        "rows_not_used": to_json(table.problems),
        "not_measured": table.missing,
        "hips_averaged_over_readings": table.averaged,
        "spaces": {space.kind.value: _space_json(space) for space in study.spaces},
    }


def _space_json(space: SpaceGroups) -> dict[str, Any]:
    values = {
        field.name: to_json(getattr(space, field.name))
        for field in fields(space)
        if field.name not in ("kind", "hips")
    }
    return {name: value for name, value in values.items() if value is not None}
