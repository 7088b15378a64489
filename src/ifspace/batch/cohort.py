"""What the page of a cohort shows, taken from the ledger: values, groups and an order of cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, quantiles
from typing import Any

from ifspace.batch.case import STUDIES_FOLDER, Failure, Status
from ifspace.batch.ledger import Recorded
from ifspace.model import ADULT_AGE_YEARS, Kind, Severity, Side

# Upper ends of the age bands; the first is where adult values begin.
AGE_BANDS = ((ADULT_AGE_YEARS, "under 18"), (40.0, "18 to 39"), (60.0, "40 to 59"))
OLDEST_BAND, AGE_UNKNOWN = "60 and over", "age unknown"
SEXES = {"F": "female", "M": "male", "O": "other"}
SEX_UNKNOWN = "sex unknown"

# How a case is called on the page, and where each of its files lies below the page.
Placing = Callable[[Recorded], tuple[str, Mapping[str, str]]]


@dataclass(frozen=True)
class Value:
    """One distance of one hip."""

    case_id: str
    kind: Kind
    side: Side
    value_mm: float
    u95_mm: float
    age_years: float | None
    sex: str | None

    @property
    def child(self) -> bool:
        """Whether adult values do not apply."""
        return self.age_years is not None and self.age_years < ADULT_AGE_YEARS

    @property
    def age_band(self) -> str:
        """The band that the age falls into."""
        if self.age_years is None:
            return AGE_UNKNOWN
        for end, name in AGE_BANDS:
            if self.age_years < end:
                return name
        return OLDEST_BAND

    @property
    def sex_name(self) -> str:
        """The sex in words."""
        return SEXES.get(self.sex or "", SEX_UNKNOWN)


@dataclass(frozen=True)
class Shown:
    """One case: its values, what is missing in it, and what the reader has to know.

    `case_id` is what the page calls it, `files` says where each of its files lies below the page.
    """

    case_id: str
    study_id: str
    study_uid: str | None
    reading: int
    status: Status
    values: tuple[Value, ...]
    missing: tuple[dict[str, Any], ...]
    flags: tuple[dict[str, Any], ...]
    files: Mapping[str, str]
    reason: str = ""
    sentence: str = ""

    def value(self, kind: Kind, side: Side) -> Value | None:
        """Give one distance, where there is one."""
        for item in self.values:
            if item.kind is kind and item.side is side:
                return item
        return None

    @property
    def worst_uncertainty(self) -> float:
        """The largest half-width in shares of its value."""
        return max((item.u95_mm / item.value_mm for item in self.values), default=0.0)

    @property
    def smallest_mm(self) -> float:
        """The smallest ischiofemoral space, or infinity."""
        found = [item.value_mm for item in self.values if item.kind is Kind.IFS]
        return min(found, default=float("inf"))

    def count_flags(self, severity: Severity) -> int:
        """Count the flags of one severity."""
        return sum(flag["severity"] == severity.value for flag in self.flags)


@dataclass(frozen=True)
class Summary:
    """A group of distances in five numbers."""

    count: int
    mean_mm: float
    median_mm: float
    first_quartile_mm: float
    third_quartile_mm: float

    @classmethod
    def of(cls, values_mm: Sequence[float]) -> Summary:
        """Summarise one value or more; quartiles as R's type 7 and numpy give them."""
        if len(values_mm) == 1:
            only = values_mm[0]
            return cls(1, only, only, only, only)
        first, middle, third = quantiles(values_mm, n=4, method="inclusive")
        return cls(len(values_mm), mean(values_mm), middle, first, third)


@dataclass(frozen=True)
class Cohort:
    """Everything the page shows."""

    cases: tuple[Shown, ...]

    @classmethod
    def of(cls, recorded: Iterable[Recorded], placing: Placing | None = None) -> Cohort:
        """Take what the page shows from the ledger."""
        return cls(tuple(_shown(item, placing or in_studies) for item in recorded))

    @property
    def studies(self) -> int:
        """How many studies there are."""
        return len({case.study_id for case in self.cases})

    def count(self, *statuses: Status) -> int:
        """Count the cases that ended in one of some ways."""
        return sum(case.status in statuses for case in self.cases)

    def values(self, kind: Kind) -> tuple[Value, ...]:
        """Give all distances of one kind; of a study that was read repeatedly the first reading."""
        return tuple(
            value
            for case in self.cases
            if case.reading == 1
            for value in case.values
            if value.kind is kind
        )

    def pairs(self, kind: Kind) -> list[tuple[Value, Value]]:
        """Give (right, left) of every first reading that has both."""
        found = []
        for case in self.cases:
            right, left = case.value(kind, Side.RIGHT), case.value(kind, Side.LEFT)
            if case.reading == 1 and right is not None and left is not None:
                found.append((right, left))
        return found

    def by_concern(self) -> list[Shown]:
        """Give the measured cases, those that a person should look at first leading."""

        def key(case: Shown) -> tuple[float, ...]:
            refusals, cautions = Severity.REFUSAL, Severity.CAUTION
            return (
                -len(case.missing),
                -case.count_flags(refusals),
                -case.count_flags(cautions),
                -case.worst_uncertainty,
            )

        found = [case for case in self.cases if case.values]
        return sorted(found, key=lambda case: (*key(case), case.case_id))

    def by_size(self) -> list[Shown]:
        """Give all cases, the smallest ischiofemoral space first."""
        return sorted(self.cases, key=lambda case: (case.smallest_mm, case.case_id))

    def flags(self) -> list[tuple[str, str, int, str]]:
        """Give (code, severity, number of cases, an example) of every flag, gravest first."""
        counts: Counter[tuple[str, str]] = Counter()
        examples: dict[tuple[str, str], str] = {}
        for case in self.cases:
            for flag in {(item["code"], item["severity"]) for item in case.flags}:
                counts[flag] += 1
            for item in case.flags:
                examples.setdefault((item["code"], item["severity"]), item["detail"])
        order = [severity.value for severity in reversed(Severity)]
        return [
            (code, severity, count, examples[code, severity])
            for (code, severity), count in sorted(
                counts.items(), key=lambda item: (order.index(item[0][1]), -item[1], item[0])
            )
        ]

    def not_measured(self) -> list[tuple[str, str, list[str]]]:
        """Give (reason, a sentence, what it concerns) of everything without a number."""
        found: dict[str, tuple[str, list[str]]] = {}
        for case in self.cases:
            if case.status is Status.FAILED:
                found.setdefault(case.reason, (case.sentence, []))[1].append(case.case_id)
            for row in case.missing:
                what = f"{case.case_id} {row['side']} {row['kind'].upper()}"
                found.setdefault(row["reason"], (row["detail"], []))[1].append(what)
        rows = [(reason, sentence, names) for reason, (sentence, names) in found.items()]
        return sorted(rows, key=lambda row: (row[0] == Failure.NOT_FINISHED, -len(row[2]), row[0]))


def grouped(
    values: Iterable[Value], name_of: Callable[[Value], str], order: Sequence[str]
) -> list[tuple[str, list[Value]]]:
    """Sort distances into named groups, in the order given; empty groups are left out."""
    groups: dict[str, list[Value]] = {name: [] for name in order}
    for value in values:
        groups[name_of(value)].append(value)
    return [(name, found) for name, found in groups.items() if found]


def median_difference_mm(pairs: Sequence[tuple[Value, Value]]) -> float:
    """Give the median of the absolute differences between right and left."""
    return median(abs(right.value_mm - left.value_mm) for right, left in pairs)


def in_studies(item: Recorded) -> tuple[str, Mapping[str, str]]:
    """Name a case, and say where its files lie: in a folder of its own below ``studies``."""
    case_id = item.case.case_id
    return case_id, {name: f"{STUDIES_FOLDER}/{case_id}/{name}" for name in item.outcome.files}


def _shown(item: Recorded, placing: Placing) -> Shown:
    case, outcome = item.case, item.outcome
    name, files = placing(item)
    return Shown(
        case_id=name,
        study_id=case.study_id,
        study_uid=case.study_uid,
        reading=case.reading,
        status=outcome.status,
        values=tuple(
            Value(
                name,
                Kind(row["kind"]),
                Side(row["side"]),
                row["value_mm"],
                row["u95_mm"],
                row.get("patient_age_years"),
                row.get("patient_sex"),
            )
            for row in outcome.rows
            if row["status"] == "measured"
        ),
        missing=tuple(row for row in outcome.rows if row["status"] != "measured"),
        flags=outcome.flags,
        files=files,
        reason=outcome.reason,
        sentence=outcome.sentence,
    )
