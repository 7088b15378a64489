"""Asking for rough points in the marrow, one bone after the other. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ifspace.measurement import side_of_point
from ifspace.model import Seed, SeedName, Session, Side, Volume
from ifspace.reading.edits import RefusedError
from ifspace.reading.placement import SlicePoint

SEED_ORDER = (SeedName.ISCHIUM_MARROW, SeedName.FEMUR_MARROW)
SEED_WORDS = {
    SeedName.ISCHIUM_MARROW: "inside the marrow of the ischium",
    SeedName.FEMUR_MARROW: "inside the marrow of the femur, at the lesser trochanter",
}


@dataclass(frozen=True)
class Seeding:
    """The points still asked for on one side, and those already given."""

    side: Side
    asked: tuple[SeedName, ...] = SEED_ORDER
    seeds: tuple[Seed, ...] = ()

    @property
    def question(self) -> str:
        """What to click next."""
        return f"Click {SEED_WORDS[self.asked[0]]}, {self.side.value} side; Esc stops."

    def answered(self, volume: Volume, session: Session, spot: SlicePoint) -> Seeding:
        """Take a click as the point asked for.

        Raises
        ------
        RefusedError
            If the click lies on the other hip.
        """
        side = side_of_point(volume, spot.point_lps_mm, session.marks)
        if side is not None and side is not self.side:
            raise RefusedError(
                f"This point lies on the patient's {side.value}; click on the "
                f"{self.side.value}, or press Esc."
            )
        source = volume.slices[spot.slice_index].source
        seed = Seed(self.asked[0], self.side, spot.point_lps_mm, source.sop_instance_uid)
        return Seeding(self.side, self.asked[1:], (*self.seeds, seed))
