"""The tables of a SQLite ledger, as migrations: appended, never edited, because ledgers made by each of them exist.

Money is whole pico-dollars, durations are microseconds, instants are UTC text `YYYY-MM-DDTHH:MM:SS.ffffffZ`, so that
text order is time order. NULL means unknown; what is unpriced has no `total_picodollars`.
"""

from __future__ import annotations

from typing import cast

from sqlite_utils import Database, Migrations
from sqlite_utils.db import Table

from attribution.ledger.base import LedgerError

__all__ = ["migrate", "table"]

MIGRATIONS = Migrations("mergecost")


def table(database: Database, name: str) -> Table:
    return cast("Table", database[name])


def migrate(database: Database, path: str) -> None:
    """Bring the tables up to date, in one transaction. Raises LedgerError where a newer version made them."""
    known = {migration.name for migration in MIGRATIONS.pending(Database(memory=True))}
    applied = {migration.name for migration in MIGRATIONS.applied(database)}
    if unknown := applied - known:
        raise LedgerError(
            f"the ledger {path} was made by a newer version of mergecost (it has {', '.join(sorted(unknown))}); "
            "upgrade mergecost, or name another ledger with --ledger"
        )
    if applied == known:
        return
    # Taken before the library looks, so that two processes opening a new ledger do not both make the tables.
    database.execute("BEGIN IMMEDIATE")
    try:
        MIGRATIONS.apply(database)
        database.execute("COMMIT")
    except BaseException:
        database.rollback()
        raise


@MIGRATIONS()
def m0001_calls(database: Database) -> None:
    table(database, "calls").create(
        {
            "call_id": str,
            "attempt": int,
            "revision": int,
            "started_at": str,
            "provider": str,
            "seller": str,
            "operation": str,
            "method": str,
            "path": str,
            "server": str,
            "request_model": str,
            "requested_tier": str,
            "stream": int,
            "repository": str,
            "worktree": str,
            "branch": str,
            "head": str,
            "session": str,
            "parent_session": str,
            "team": str,
            "actor": str,
            "purpose": str,
            "explicit_change": str,
            "turn": str,
            "stamp_source": str,
            "tags": str,
            "stint": str,
            "key_id": str,
            "billing_basis": str,
            "client_name": str,
            "client_version": str,
            "client_retry_count": int,
            "request_bytes": int,
            "body_hash": str,
            "request_problems": str,
            "outcome": str,
            "status": int,
            "error_type": str,
            "duration_us": int,
            "time_to_first_byte_us": int,
            "time_to_first_chunk_us": int,
            "response_bytes": int,
            "response_model": str,
            "response_id": str,
            "service_tier": str,
            "finish_reasons": str,
            "tool_calls": int,
            "usage_estimated": int,
            "raw_usage": str,
            "raw_response": str,
            "response_problems": str,
            "input_tokens": int,
            "cache_read_tokens": int,
            "cache_write_5m_tokens": int,
            "cache_write_1h_tokens": int,
            "output_tokens": int,
            "reasoning_tokens": int,
            "audio_input_tokens": int,
            "audio_output_tokens": int,
            "image_input_tokens": int,
            "image_output_tokens": int,
            "other_usage": str,
            "price_status": str,
            "price_reason": str,
            "total_picodollars": int,
            "list_picodollars": int,
            "input_picodollars": int,
            "cache_read_picodollars": int,
            "cache_write_5m_picodollars": int,
            "cache_write_1h_picodollars": int,
            "output_picodollars": int,
            "reasoning_picodollars": int,
            "audio_input_picodollars": int,
            "audio_output_picodollars": int,
            "image_input_picodollars": int,
            "image_output_picodollars": int,
            "other_components": str,
            "rates": str,
            "price_book": str,
            "price_book_revision": str,
        },
        pk=("call_id", "attempt"),
        not_null={"revision", "started_at", "stint", "outcome", "price_status"},
    )
    table(database, "calls").create_index(["started_at"])
    table(database, "meta").create({"name": str, "value": str}, pk="name")


@MIGRATIONS()
def m0002_changes(database: Database) -> None:
    table(database, "repositories").create(
        {"repository": str, "aliases": str, "production_branch": str, "shared_branches": str, "read_at": str},
        pk="repository",
    )
    # `known_to` is the repository whose facts a row came with: all of them are replaced together.
    known_to = [("known_to", "repositories", "repository")]
    table(database, "changes").create(
        {
            "known_to": str,
            "id": str,
            "position": int,
            "repository": str,
            "title": str,
            "number": int,
            "kind": str,
            "head_repository": str,
            "head_ref": str,
            "base_ref": str,
            "to_production": int,
            "created_at": str,
            "merged_at": str,
            "closed_at": str,
            "landing_sha": str,
            "fork_point": str,
            "lines_changed": int,
            "excluded_lines": int,
            "units": int,
            "source": str,
        },
        pk=("known_to", "id"),
        foreign_keys=known_to,
    )
    table(database, "change_commits").create(
        {"known_to": str, "change_id": str, "position": int, "sha": str},
        pk=("known_to", "change_id", "position"),
        foreign_keys=[(("known_to", "change_id"), "changes", ("known_to", "id"))],
    )
    table(database, "invalidations").create(
        {
            "known_to": str,
            "position": int,
            "change_id": str,
            "signal": str,
            "invalidated_by": str,
            "invalidated_at": str,
            "detail": str,
        },
        pk=("known_to", "position"),
        foreign_keys=known_to,
    )
    table(database, "branches").create(
        {"known_to": str, "position": int, "name": str, "head": str},
        pk=("known_to", "position"),
        foreign_keys=known_to,
    )
    table(database, "commits").create(
        {"known_to": str, "sha": str, "landing_position": int}, pk=("known_to", "sha"), foreign_keys=known_to
    )


@MIGRATIONS()
def m0003_allocations(database: Database) -> None:
    table(database, "allocations").create(
        {
            "call_id": str,
            "attempt": int,
            "target_kind": str,
            "target_id": str,
            "rule": str,
            "grade": str,
            "evidence": str,
        },
        pk=("call_id", "attempt"),
        foreign_keys=[(("call_id", "attempt"), "calls", ("call_id", "attempt"))],
    )
    table(database, "allocations").create_index(["target_kind", "target_id"])
    table(database, "other_charges").create(
        {"id": str, "dated": str, "is_adjustment": int, "picodollars": int, "description": str, "call_id": str},
        pk="id",
    )
    table(database, "other_charges").create_index(["dated"])


@MIGRATIONS()
def m0004_keys(database: Database) -> None:
    table(database, "keys").create(
        {
            "id": str,
            "secret_hash": str,
            "team": str,
            "actor": str,
            "purpose": str,
            "created_at": str,
            "revoked_at": str,
        },
        pk="id",
    )
    table(database, "keys").create_index(["secret_hash"], unique=True)


@MIGRATIONS()
def m0005_branch_dates(database: Database) -> None:
    table(database, "branches").add_column("committed_at", str)
