"""What the report says without a line: reasons, findings, notes, and the session itself.

All of it stands under "Qualitative Evaluations" (TID 1500 row 12): a viewer that finds a group
without coordinates among the measurements shows nothing of the whole report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    RelationshipTypeValues,
    TextContentItem,
)

from ifspace.dicom_out import codes
from ifspace.findings import ACQUISITION, FINDINGS
from ifspace.io.session import session_to_json
from ifspace.model import AssessedSpace, NotMeasured, Reference, Session, Side, StudyResult
from ifspace.notice import NOTICE


def qualitative_evaluations(result: StudyResult, report_text: str = "") -> ContainerContentItem:
    """Write everything of a result that is no measured line, and the report as text if given."""
    container = ContainerContentItem(
        codes.QUALITATIVE_EVALUATIONS, relationship_type=RelationshipTypeValues.CONTAINS
    )
    container.ContentSequence = ContentSequence(
        [
            *_not_measured(result),
            *_findings(result.session),
            *_acquisition(result.session),
            *(item for space in result.spaces for item in _group_means(space)),
            *(_text(codes.FLAG_NAME, flag.detail) for flag in result.flags),
            *_report_text(report_text),
            _text(codes.NOTICE_NAME, NOTICE),
            _text(codes.SESSION_DATA, session_text(result.session)),
        ]
    )
    return container


def _report_text(report_text: str) -> Iterator[ContentItem]:
    if report_text:
        # DICOM PS3.5 6.1.3: lines of a text end with CR LF.
        yield _text(codes.REPORT_TEXT, "\r\n".join(report_text.splitlines()))


def session_text(session: Session) -> str:
    """Write a session as text: a number read back from it is the same number."""
    return json.dumps(session_to_json(session), ensure_ascii=False, allow_nan=False)


def _text(name: CodedConcept, text: str) -> TextContentItem:
    return TextContentItem(name, text, RelationshipTypeValues.CONTAINS)


def _code(name: CodedConcept, value: CodedConcept, side: Side | None = None) -> CodeContentItem:
    item = CodeContentItem(name, value, RelationshipTypeValues.CONTAINS)
    if side is not None:
        laterality = CodeContentItem(
            codes.LATERALITY, codes.SIDE[side], RelationshipTypeValues.HAS_CONCEPT_MOD
        )
        item.ContentSequence = ContentSequence([laterality])
    return item


def _not_measured(result: StudyResult) -> Iterator[ContentItem]:
    for space in result.spaces:
        outcome = space.outcome
        if isinstance(outcome, NotMeasured):
            name = codes.SPACE[outcome.kind]
            yield _code(name, codes.reason(outcome.reason), outcome.side)
            title = f"{outcome.kind.full_name}, {outcome.side.value}"
            yield _text(codes.DETAIL, f"{title}: not measured: {outcome.detail}")


def _findings(session: Session) -> Iterator[ContentItem]:
    for side, found in session.findings.items():
        for key, value in found.items():
            if key in FINDINGS and value in FINDINGS[key].codes:
                yield _code(codes.finding(key), codes.finding_value(key, value), side)


def _acquisition(session: Session) -> Iterator[ContentItem]:
    for key, value in session.acquisition.items():
        if key in ACQUISITION and value in ACQUISITION[key].codes:
            yield _code(codes.acquisition(key), codes.acquisition_value(key, value))


def _group_means(space: AssessedSpace) -> Iterator[ContentItem]:
    """Say where a value lies between two published means, never how probable anything is."""
    reference = space.reference
    if reference is not None:
        kind, side = space.outcome.kind, space.outcome.side
        yield _text(
            codes.GROUP_MEANS,
            f"{kind.full_name}, {side.value}: {_means(reference)}",
        )


def _means(reference: Reference) -> str:
    return (
        f"symptomatic {reference.symptomatic_mean_mm:g} mm, control "
        f"{reference.control_mean_mm:g} mm, value {reference.position.value.replace('_', ' ')} "
        f"({reference.published.citation})"
    )
