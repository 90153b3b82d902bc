"""What a source of changes is: git alone, or a forge."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from attribution.model import RepositoryFacts

__all__ = ["ChangeSource"]


class ChangeSource(Protocol):
    def read(self, *, now: datetime) -> RepositoryFacts:
        """Everything known of one repository, read whole. `now` (aware UTC) is stored as the time of reading.

        Raises UserError where the source cannot be read; nothing half-read is ever returned.
        """
        ...
