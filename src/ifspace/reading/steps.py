"""The guided list: which mark comes next, and what it is in one line. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ifspace.model import MARKS_OF_KIND, Kind, Mark, MarkName, Side

LABELS: dict[MarkName, str] = {
    MarkName.ISCHIUM_LATERAL: "Ischium",
    MarkName.LESSER_TROCHANTER_MEDIAL: "Lesser trochanter",
    MarkName.HAMSTRING_SUPEROLATERAL: "Hamstring origin",
    MarkName.ILIOPSOAS_POSTEROMEDIAL: "Iliopsoas tendon",
}

# The places are those of the definitions of IFS and QFS that the measurements follow.
DEFINITIONS: dict[MarkName, str] = {
    MarkName.ISCHIUM_LATERAL: (
        "Outer edge of the lateral cortex of the ischial tuberosity,"
        " where it comes closest to the lesser trochanter."
    ),
    MarkName.LESSER_TROCHANTER_MEDIAL: (
        "Outer edge of the medial cortex of the lesser trochanter,"
        " where it comes closest to the ischium."
    ),
    MarkName.HAMSTRING_SUPEROLATERAL: (
        "Superolateral surface of the hamstring tendon origin,"
        " where the quadratus femoris has least room."
    ),
    MarkName.ILIOPSOAS_POSTEROMEDIAL: (
        "Posteromedial surface of the iliopsoas tendon; if it cannot be told apart,"
        " of the lesser trochanter."
    ),
}

KIND_LABELS: dict[Kind, str] = {
    Kind.IFS: "Ischiofemoral space",
    Kind.QFS: "Quadratus femoris space",
}


@dataclass(frozen=True)
class Step:
    """One mark to place."""

    name: MarkName
    side: Side

    @property
    def kind(self) -> Kind:
        """The space this mark belongs to."""
        return next(kind for kind, names in MARKS_OF_KIND.items() if self.name in names)

    @property
    def partner(self) -> Step:
        """The other mark of the same space."""
        first, second = MARKS_OF_KIND[self.kind]
        return Step(second if self.name is first else first, self.side)

    @property
    def title(self) -> str:
        """What to point at, in words."""
        return f"{self.side.value.capitalize()} {LABELS[self.name].lower()}"

    @property
    def definition(self) -> str:
        """Where exactly, in one line."""
        return DEFINITIONS[self.name]


STEPS: tuple[Step, ...] = tuple(
    Step(name, side)
    for side in (Side.RIGHT, Side.LEFT)
    for kind in (Kind.IFS, Kind.QFS)
    for name in MARKS_OF_KIND[kind]
)


def step_of(mark: Mark) -> Step:
    """Give the step that a mark fulfils."""
    return Step(mark.name, mark.side)


def next_step(
    marks: Collection[Mark], after: Step | None, skipped: Collection[Step] = ()
) -> Step | None:
    """Find the next step without a mark, going round once from the step just done.

    The partner on the same space comes first, so that both ends sit on the slice in view.
    Returns nothing when every step is done or skipped.
    """
    done = {step_of(mark) for mark in marks} | set(skipped)
    start = 0 if after is None else STEPS.index(after)
    order = [*STEPS[start:], *STEPS[:start]]
    if after is not None:
        order.insert(0, after.partner)
    return next((step for step in order if step not in done), None)
