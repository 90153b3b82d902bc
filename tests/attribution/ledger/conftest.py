from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from attribution.ledger.sqlite import SqliteLedger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqliteLedger]:
    with contextlib.closing(SqliteLedger(path)) as opened:
        yield opened
