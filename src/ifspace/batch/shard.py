"""One part of a cohort, for schedulers that start the same command many times."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count`, counted from 1; the same study is always in the same part."""

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse a part that does not exist."""
        if not 1 <= self.number <= self.count:
            message = f"there is no shard {self.number} of {self.count}; they count from 1"
            raise ValueError(message)

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``2/7``."""
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
        if found is None:
            message = f"shard is {text!r}, expected I/N such as 2/7"
            raise ValueError(message)
        return cls(int(found[1]), int(found[2]))

    def holds(self, study_id: str) -> bool:
        """Tell whether a study is in this part, by its name alone and whatever else there is."""
        digest = hashlib.sha256(study_id.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1

    def __str__(self) -> str:
        """Write it as it was asked for."""
        return f"{self.number}/{self.count}"
