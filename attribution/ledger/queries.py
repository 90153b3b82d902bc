"""Named SQL: the blocks of queries.sql by name."""

from __future__ import annotations

import re
from importlib import resources
from types import MappingProxyType

__all__ = ["QUERIES"]


def _blocks(text: str) -> dict[str, str]:
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return {name: sql.strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


QUERIES = MappingProxyType(
    _blocks(resources.files("attribution.ledger").joinpath("queries.sql").read_text(encoding="utf-8"))
)
