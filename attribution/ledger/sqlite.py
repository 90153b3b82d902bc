"""The embedded ledger: one SQLite file in WAL mode, so that readers never block the recorder.

Rules:
- every thread has a connection of its own; between threads and processes SQLite's own locks decide, and a writer waits
  `busy_timeout_ms` before it gives up;
- every write takes the write lock at once (BEGIN IMMEDIATE) and is one transaction; what takes time to compute is
  staged in a temporary table first, so that the recorder is not kept waiting;
- schema, migrations and small writes are sqlite-utils'; batches go through `executemany`, which costs a sixth of it;
- sqlite3's errors become LedgerError here and nowhere else.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from attribution.ledger.base import (
    Allocate,
    AllocatedSum,
    CallSpan,
    Dimension,
    Key,
    LedgerError,
    OtherCharge,
    PriceBookUse,
    SpendRow,
    Window,
)
from attribution.ledger.facts import delete_facts, insert_facts, select_facts
from attribution.ledger.queries import QUERIES
from attribution.ledger.rows import COLUMNS, call_from_row, call_to_row, instant, storable_row
from attribution.ledger.schema import migrate, table
from attribution.ledger.sums import join_halves, local_period, other_sql, spend_rows, spend_sql
from attribution.model import (
    Allocation,
    AllocationInput,
    Grade,
    PriceStatus,
    RecordedCall,
    RepositoryFacts,
    Rule,
    Target,
    TargetKind,
)

__all__ = ["SqliteLedger"]

UPSERT_CALL = (
    f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - our names
    "ON CONFLICT (call_id, attempt) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:])
    + " WHERE excluded.revision > calls.revision"
)

ALWAYS = Window()

# SQLite's error → what is wrong, and the mend.
MENDS = {
    sqlite3.SQLITE_BUSY: "is locked by another process; wait for it to finish, or stop it",
    sqlite3.SQLITE_LOCKED: "is locked by another process; wait for it to finish, or stop it",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; free some space",
    sqlite3.SQLITE_NOTADB: "is no SQLite database; name another file with --ledger, or move this one away",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that it is a file in a directory you may write to",
    sqlite3.SQLITE_READONLY: "is read-only; give this user the right to write the file and its directory",
    sqlite3.SQLITE_PERM: "may not be used by this user; check the rights of the file and its directory",
    sqlite3.SQLITE_IOERR: "cannot be read or written; check the disk, its quota and its free space",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup, or move it away and let the journal fill a new one",
}


class SqliteLedger:
    """attribution.ledger.base.Ledger over one file, which is made, with its directory, where it is missing."""

    def __init__(self, path: str | Path, *, busy_timeout_ms: int = 10_000) -> None:
        self._path = str(path)
        self._busy_timeout_ms = busy_timeout_ms
        self._of_thread = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._make_file()
        with self._border():
            migrate(self._database(), self._path)

    # Writing -------------------------------------------------------------------------------------------------------

    def record(self, calls: Sequence[RecordedCall], *, checkpoint: str | None = None) -> int:
        try:
            return self._upsert([call_to_row(recorded) for recorded in calls], checkpoint)
        except (OverflowError, UnicodeEncodeError):
            return self._upsert([storable_row(recorded) for recorded in calls], checkpoint)

    def _upsert(self, rows: Sequence[tuple[Any, ...]], checkpoint: str | None) -> int:
        with self._writing() as connection:
            before = connection.total_changes
            connection.executemany(UPSERT_CALL, rows)
            changed = connection.total_changes - before
            if checkpoint is not None:
                connection.execute(QUERIES["store_checkpoint"], {"checkpoint": checkpoint})
        return changed

    def replace_allocations(self, allocations: Iterable[Allocation]) -> int:
        with self._border():
            connection = self._connection()
            connection.execute("BEGIN")  # of the temporary table alone: nobody waits for it
            try:
                staged = self._stage(allocations)
                connection.commit()
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(QUERIES["delete_what_is_not_staged"])
                connection.execute(QUERIES["store_what_is_staged"])
                connection.commit()
            finally:
                connection.rollback()
                connection.execute("DELETE FROM temp.snapshot_allocations")
        return staged

    def _stage(self, allocations: Iterable[Allocation]) -> int:
        return (
            self._connection()
            .executemany(
                QUERIES["add_snapshot_allocation"],
                (
                    (row.call_id, row.attempt, row.target.kind, row.target.id, row.rule, row.grade, row.evidence)
                    for row in allocations
                ),
            )
            .rowcount
        )

    def replace_facts(self, facts: RepositoryFacts) -> None:
        with self._writing() as connection:
            delete_facts(connection, facts.repository)
            insert_facts(connection, facts)

    def add_other_charge(self, charge: OtherCharge) -> None:
        with self._writing():
            table(self._database(), "other_charges").insert({**asdict(charge), "dated": instant(charge.dated)})

    def add_key(self, key: Key) -> None:
        revoked_at = instant(key.revoked_at) if key.revoked_at else None
        with self._writing():
            table(self._database(), "keys").insert(
                {**asdict(key), "created_at": instant(key.created_at), "revoked_at": revoked_at}
            )

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        with self._writing() as connection:
            return connection.execute(QUERIES["revoke_key"], {"id": key_id, "at": instant(at)}).rowcount == 1

    # Reading -------------------------------------------------------------------------------------------------------

    def checkpoint(self) -> str | None:
        rows = list(self._rows(QUERIES["checkpoint"]))
        return rows[0]["value"] if rows else None

    def calls(
        self, window: Window, *, target: Target | None = None
    ) -> Iterator[tuple[RecordedCall, Allocation | None]]:
        if target is None:
            rows = self._rows(QUERIES["calls"], _bounds(window))
        else:
            rows = self._rows(QUERIES["calls_of_target"], {**_bounds(window), "kind": target.kind, "id": target.id})
        for row in rows:
            yield call_from_row(row), _allocation(row) if row["target_kind"] else None

    def call(self, call_id: str) -> list[RecordedCall]:
        return [call_from_row(row) for row in self._rows(QUERIES["call"], {"call_id": call_id})]

    def spend(self, by: Sequence[Dimension], window: Window, *, time_zone: str = "UTC") -> list[SpendRow]:
        parameters = {**_bounds(window), "time_zone": time_zone}
        with self._one_instant():
            rows = list(self._rows(spend_sql(by), parameters))
            others = list(self._rows(other_sql(by), parameters))
        return spend_rows(by, rows, others)

    def total(self, window: Window) -> int:
        (row,) = self._rows(QUERIES["total"], _bounds(window))
        return join_halves(row["high"], row["low"])

    def price_books(self, window: Window) -> list[PriceBookUse]:
        return [PriceBookUse(**row) for row in self._rows(QUERIES["price_books"], _bounds(window))]

    @contextmanager
    def snapshot(self, window: Window = ALWAYS, allocate: Allocate | None = None) -> Iterator[None]:
        with self._one_instant():
            if allocate is not None:
                with self._border():
                    self._stage(allocate(self.allocation_inputs(window, only_unallocated=True), self.facts()))
            yield

    def allocation_inputs(self, window: Window, *, only_unallocated: bool = False) -> Iterator[AllocationInput]:
        query = "unallocated_inputs" if only_unallocated else "allocation_inputs"
        for row in self._rows(QUERIES[query], _bounds(window)):
            row["started_at"] = datetime.fromisoformat(row["started_at"])
            yield AllocationInput(**row)

    def allocated_sums(self, window: Window) -> list[AllocatedSum]:
        return [
            AllocatedSum(
                target=Target(TargetKind(row["target_kind"]), row["target_id"]),
                rule=Rule(row["rule"]),
                grade=Grade(row["grade"]),
                status=PriceStatus(row["price_status"]),
                calls=row["calls"],
                picodollars=join_halves(row["high"], row["low"]),
            )
            for row in self._rows(QUERIES["allocated_sums"], _bounds(window))
        ]

    def call_spans(self, kind: TargetKind, window: Window) -> list[CallSpan]:
        return [
            CallSpan(
                target=Target(kind, row["target_id"]),
                first_call_at=datetime.fromisoformat(row["first_call_at"]),
                last_call_at=datetime.fromisoformat(row["last_call_at"]),
            )
            for row in self._rows(QUERIES["call_spans"], {**_bounds(window), "kind": kind})
        ]

    def changes_with_spend(self) -> frozenset[str]:
        return frozenset(row["id"] for row in self._rows(QUERIES["changes_with_spend"]))

    def other_charges(self, window: Window) -> list[OtherCharge]:
        return [
            OtherCharge(
                id=row["id"],
                dated=datetime.fromisoformat(row["dated"]),
                is_adjustment=bool(row["is_adjustment"]),
                picodollars=row["picodollars"],
                description=row["description"],
                call_id=row["call_id"],
            )
            for row in self._rows(QUERIES["other_charges"], _bounds(window))
        ]

    def facts(self) -> list[RepositoryFacts]:
        with self._one_instant(), self._border():
            return select_facts(self._connection())

    def keys(self) -> list[Key]:
        with self._border():
            rows = [dict(row) for row in table(self._database(), "keys").rows_where(order_by="created_at, id")]
        return [
            Key(
                **{
                    **row,
                    "created_at": datetime.fromisoformat(row["created_at"]),
                    "revoked_at": datetime.fromisoformat(row["revoked_at"]) if row["revoked_at"] else None,
                }
            )
            for row in rows
        ]

    def check(self) -> None:
        with self._writing() as connection:
            connection.execute("INSERT INTO meta VALUES ('checked', '') ON CONFLICT (name) DO UPDATE SET value = ''")

    def close(self) -> None:
        """Close the connections of every thread. No thread may be using the ledger."""
        while self._connections:
            self._connections.pop().close()
        self._of_thread = threading.local()

    # Connections ---------------------------------------------------------------------------------------------------

    def _make_file(self) -> None:
        path = Path(self._path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite would make it readable by everyone; its -wal and -shm files take over this mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise LedgerError(
                f"cannot open the ledger {self._path}: {error.strerror or error}; "
                "name a file in a directory you may write to with --ledger sqlite:///PATH"
            ) from error

    def _database(self) -> Database:
        database: Database | None = getattr(self._of_thread, "database", None)
        if database is None:
            database = self._of_thread.database = self._connect()
        return database

    def _connection(self) -> sqlite3.Connection:
        return self._database().conn

    def _connect(self) -> Database:
        connection = sqlite3.connect(
            self._path,
            timeout=self._busy_timeout_ms / 1000,
            isolation_level=None,
            check_same_thread=False,  # close() closes them all from one thread
        )
        self._connections.append(connection)
        connection.row_factory = sqlite3.Row
        connection.create_function("local_period", 3, local_period, deterministic=True)
        connection.execute("PRAGMA journal_mode = wal")
        # A batch a commit makes FULL as cheap as NORMAL, and the journal may forget what a checkpoint covers.
        connection.execute("PRAGMA synchronous = full")
        connection.execute("PRAGMA foreign_keys = on")
        connection.execute(QUERIES["make_snapshot_allocations"])
        return Database(connection, execute_plugins=False)

    def _rows(self, sql: str, parameters: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        with self._border():
            cursor = self._connection().execute(sql, parameters or {})
            names = [column[0] for column in cursor.description]
            for row in cursor:  # dict(row) would look every name up from the first column on
                yield dict(zip(names, row, strict=True))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._border():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            finally:
                connection.rollback()  # nothing, where it was committed

    @contextmanager
    def _one_instant(self) -> Iterator[None]:
        """One read transaction, or the one this thread is in."""
        connection = self._connection()
        if connection.in_transaction:
            yield
            return
        with self._border():
            connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.rollback()

    @contextmanager
    def _border(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise LedgerError(f"the ledger {self._path} refused what contradicts it: {error}") from error
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended part
            mend = MENDS.get(code, "cannot be used; run `mergecost doctor`")
            raise LedgerError(f"the ledger {self._path} {mend} ({error})") from error


def _bounds(window: Window) -> dict[str, str]:
    """Text bounds that every instant lies between where the window is open."""
    return {
        "since": instant(window.since) if window.since else "",
        "until": instant(window.until) if window.until else "~",
    }


def _allocation(row: dict[str, Any]) -> Allocation:
    return Allocation(
        call_id=row["call_id"],
        attempt=row["attempt"],
        target=Target(TargetKind(row["target_kind"]), row["target_id"]),
        rule=Rule(row["rule"]),
        grade=Grade(row["grade"]),
        evidence=row["evidence"],
    )
