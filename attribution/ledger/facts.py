"""RepositoryFacts ↔ the tables repositories, changes, change_commits, invalidations, branches and commits."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from attribution.ledger.rows import instant
from attribution.model import BranchHead, Change, ChangeKind, Invalidation, RepositoryFacts

__all__ = ["delete_facts", "insert_facts", "select_facts"]

# Children before parents, as the foreign keys ask.
TABLES = ("change_commits", "invalidations", "branches", "commits", "changes")

CHANGE_COLUMNS = (
    "id",
    "repository",
    "title",
    "number",
    "kind",
    "head_repository",
    "head_ref",
    "base_ref",
    "to_production",
    "created_at",
    "merged_at",
    "closed_at",
    "landing_sha",
    "fork_point",
    "lines_changed",
    "excluded_lines",
    "units",
    "source",
)

INSERT_CHANGE = (
    f"INSERT INTO changes (known_to, position, {', '.join(CHANGE_COLUMNS)}) "  # noqa: S608 - names of CHANGE_COLUMNS
    f"VALUES (?, ?, {', '.join('?' * len(CHANGE_COLUMNS))})"
)


def delete_facts(connection: sqlite3.Connection, repository: str) -> None:
    for name in TABLES:
        connection.execute(f"DELETE FROM {name} WHERE known_to = ?", [repository])  # noqa: S608 - a name of TABLES
    connection.execute("DELETE FROM repositories WHERE repository = ?", [repository])


def insert_facts(connection: sqlite3.Connection, facts: RepositoryFacts) -> None:
    here = facts.repository
    connection.execute(
        "INSERT INTO repositories (repository, aliases, production_branch, shared_branches, read_at) "
        "VALUES (?, ?, ?, ?, ?)",
        [
            here,
            json.dumps(facts.aliases),
            facts.production_branch,
            json.dumps(facts.shared_branches),
            instant(facts.read_at),
        ],
    )
    connection.executemany(
        INSERT_CHANGE,
        ((here, place, *_change_values(change)) for place, change in enumerate(facts.changes)),
    )
    connection.executemany(
        "INSERT INTO change_commits (known_to, change_id, position, sha) VALUES (?, ?, ?, ?)",
        ((here, change.id, place, sha) for change in facts.changes for place, sha in enumerate(change.commits)),
    )
    connection.executemany(
        "INSERT INTO invalidations (known_to, position, change_id, signal, invalidated_by, invalidated_at, detail) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (here, place, row.change_id, row.signal, row.invalidated_by, instant(row.invalidated_at), row.detail)
            for place, row in enumerate(facts.invalidations)
        ),
    )
    connection.executemany(
        "INSERT INTO branches (known_to, position, name, head, committed_at) VALUES (?, ?, ?, ?, ?)",
        (
            (here, place, branch.name, branch.sha, instant(branch.committed_at) if branch.committed_at else None)
            for place, branch in enumerate(facts.branches)
        ),
    )
    connection.executemany(
        "INSERT INTO commits (known_to, sha, landing_position) VALUES (?, ?, ?)",
        ((here, sha, position) for sha, position in facts.commits.items()),
    )


def _change_values(change: Change) -> list[Any]:
    values = (getattr(change, name) for name in CHANGE_COLUMNS)
    return [instant(value) if isinstance(value, datetime) else value for value in values]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _change(row: Mapping[str, Any], commits: tuple[str, ...]) -> Change:
    values = {name: row[name] for name in CHANGE_COLUMNS}
    values |= {name: _moment(row[name]) for name in ("created_at", "merged_at", "closed_at")}
    values |= {"kind": ChangeKind(row["kind"]), "to_production": bool(row["to_production"]), "commits": commits}
    return Change(**values)


def select_facts(connection: sqlite3.Connection) -> list[RepositoryFacts]:
    """What is known of every repository, by name. `connection` answers with sqlite3.Row."""
    rows = connection.execute("SELECT * FROM repositories ORDER BY repository").fetchall()
    return [_facts(connection, row) for row in rows]


def _facts(connection: sqlite3.Connection, repository: Mapping[str, Any]) -> RepositoryFacts:
    here = [repository["repository"]]
    commits: defaultdict[str, list[str]] = defaultdict(list)
    for row in connection.execute("SELECT * FROM change_commits WHERE known_to = ? ORDER BY change_id, position", here):
        commits[row["change_id"]].append(row["sha"])
    changes = connection.execute("SELECT * FROM changes WHERE known_to = ? ORDER BY position", here)
    invalidations = connection.execute("SELECT * FROM invalidations WHERE known_to = ? ORDER BY position", here)
    branches = connection.execute("SELECT * FROM branches WHERE known_to = ? ORDER BY position", here)
    positions = connection.execute("SELECT sha, landing_position FROM commits WHERE known_to = ?", here)
    return RepositoryFacts(
        repository=repository["repository"],
        aliases=tuple(json.loads(repository["aliases"])),
        production_branch=repository["production_branch"],
        shared_branches=tuple(json.loads(repository["shared_branches"])),
        changes=tuple(_change(row, tuple(commits[row["id"]])) for row in changes),
        invalidations=tuple(
            Invalidation(
                change_id=row["change_id"],
                signal=row["signal"],
                invalidated_by=row["invalidated_by"],
                invalidated_at=datetime.fromisoformat(row["invalidated_at"]),
                detail=row["detail"],
            )
            for row in invalidations
        ),
        branches=tuple(BranchHead(row["name"], row["head"], _moment(row["committed_at"])) for row in branches),
        commits=MappingProxyType({row["sha"]: row["landing_position"] for row in positions}),
        read_at=datetime.fromisoformat(repository["read_at"]),
    )
