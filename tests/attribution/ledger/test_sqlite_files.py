"""The file of a SQLite ledger: made, shared, refused with a message that names it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from attribution.ledger.base import LedgerError, Window
from attribution.ledger.rows import COLUMNS
from attribution.ledger.sqlite import SqliteLedger
from tests.factories import make_call

ALWAYS = Window()


def test_the_table_has_exactly_the_columns_that_are_written(ledger: SqliteLedger, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert tuple(row[1] for row in connection.execute("PRAGMA table_info(calls)")) == COLUMNS


def test_only_its_owner_can_read_a_new_ledger(ledger: SqliteLedger, path: Path) -> None:
    ledger.record([make_call("a")])
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_opening_twice_keeps_what_was_recorded(ledger: SqliteLedger, path: Path) -> None:
    ledger.record([make_call("a")])
    with contextlib.closing(SqliteLedger(path)) as second:
        assert second.call("a") == ledger.call("a") == [make_call("a")]


def test_two_processes_can_make_the_same_new_ledger(path: Path) -> None:
    code = f"from attribution.ledger.sqlite import SqliteLedger; SqliteLedger({str(path)!r}).close()"
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate()[1] for process in processes] == [b"", b""]


def test_a_ledger_of_a_newer_version_is_refused(ledger: SqliteLedger, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mergecost', 'm9999_later', '')"
        )
    with pytest.raises(LedgerError, match=r"newer version of mergecost .*m9999_later.*upgrade"):
        SqliteLedger(path)


def test_a_locked_ledger_is_named(ledger: SqliteLedger, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with contextlib.closing(SqliteLedger(path, busy_timeout_ms=1)) as impatient:
            with pytest.raises(LedgerError, match=rf"{path} is locked by another process"):
                impatient.record([make_call("a")])
            assert impatient.total(ALWAYS) == 0


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("This is no database, but long enough to be looked at as one. " * 20)
    with pytest.raises(LedgerError, match=rf"{text} is no SQLite database; name another file"):
        SqliteLedger(text)


def test_a_directory_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=rf"cannot open the ledger {tmp_path}: Is a directory"):
        SqliteLedger(tmp_path)


def test_a_file_in_the_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match=r"cannot open the ledger .*file/ledger\.db"):
        SqliteLedger(tmp_path / "file" / "ledger.db")


@contextlib.contextmanager
def _without_privileges() -> Iterator[None]:
    """The superuser may write anything, so for a moment he is nobody."""
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(65534)
    try:
        yield
    finally:
        if privileged:
            os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the rights of a file")
def test_a_read_only_ledger_is_named() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "ledger.db"
        SqliteLedger(path).close()
        path.chmod(0o444)
        with _without_privileges(), pytest.raises(LedgerError, match=f"cannot open the ledger {path}"):
            SqliteLedger(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file size")
def test_a_full_disk_is_said_and_what_was_stored_stays(path: Path) -> None:
    code = f"""
        import resource
        from attribution.ledger.sqlite import SqliteLedger
        from attribution.ledger.base import LedgerError, Window
        from tests.factories import make_call
        ledger = SqliteLedger({str(path)!r})
        ledger.record([make_call("kept")], checkpoint="kept")
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            for n in range(10_000):
                ledger.record([make_call(f"{{n}}-{{m}}") for m in range(200)], checkpoint=str(n))
        except LedgerError as error:
            print(error)
        stored = ledger.spend([], Window())[0].calls
        assert ledger.checkpoint() == (str(n - 1) if n else "kept")
        assert stored == 1 + 200 * n
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert f"the ledger {path} cannot" in done.stdout


def test_many_threads_can_use_one_ledger(ledger: SqliteLedger) -> None:
    def record(thread: int) -> None:
        for n in range(20):
            ledger.record([make_call(f"{thread}-{n}")])
            ledger.keys()

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.spend([], ALWAYS)[0].calls == 80


def test_check_passes_on_a_ledger_that_can_be_written(ledger: SqliteLedger) -> None:
    ledger.check()
    assert ledger.checkpoint() is None
