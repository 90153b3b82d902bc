"""From the journal to the ledger: priced, in batches, each call once, whatever dies in between.

Strategy: read the journal behind the ledger's checkpoint, join each call's records, price it, write it with the new
checkpoint in one transaction. The checkpoint stands before the oldest call that is still open, so a restart reads
that call's opening again; rows it repeats are the same rows. A ledger that is locked, full or gone makes the recorder
wait: calls go on, the journal keeps them.

At start the segments of earlier processes are replayed; a call found open there died with its process and is recorded
as `interrupted`, with an estimate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from attribution.ledger.base import Ledger
from attribution.model import Charge, RecordedCall
from proxy.call import Attempt, Call, Metered, Outcome, Stamp
from proxy.journal import Done, Opened, Position, Progress, Record, read_segment, segments
from proxy.meter import estimate
from proxy.providers import find_operation

__all__ = ["Recorder", "stint_of"]

BATCH = 500

PriceCall = Callable[[Call, Attempt], Charge]
Observe = Callable[[RecordedCall, bool], None]  # a newly recorded attempt, and whether it is its call's last


@dataclass(slots=True)
class _OpenCall:
    call: Call
    opened_before: Position  # where its opening record begins
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class _Settled:
    recorded: RecordedCall
    final: bool


class Recorder:
    """Moves one journal directory into one ledger. Not for threads: one call at a time."""

    def __init__(
        self,
        directory: Path,
        ledger: Ledger,
        price: PriceCall,
        *,
        observe: Observe | None = None,
        batch: int = BATCH,
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._price = price
        self._observe = observe
        self._batch = batch
        self._open: dict[tuple[str, int], _OpenCall] = {}
        self._pending: list[_Settled] = []
        self._read_to = self._start()

    def recover(self, *, before: str) -> int:
        """Replay the segments older than `before` (the running process's first). Returns rows written or repeated.

        Raises LedgerError where the ledger cannot be written; what was read is kept and tried again.
        """
        known = self._already_recorded(before)
        count = self._advance(Position(before, 0), known)
        for entry in self._open.values():
            self._pending.append(_Settled(self._recorded(entry.call, _interrupted(entry), 0), final=True))
        self._open.clear()
        return count + self._flush(known)

    def advance(self, upto: Position) -> int:
        """Record what stands before `upto`. Returns rows written. Raises LedgerError; nothing is lost then."""
        return self._advance(upto, frozenset())

    def _advance(self, upto: Position, known: frozenset[tuple[str, int]]) -> int:
        count = self._flush(known)  # what an earlier failure left
        for before, after, record in self._records(upto):
            self._take(record, before)
            self._read_to = after
            if len(self._pending) >= self._batch:
                count += self._flush(known)
        count += self._flush(known)
        self._delete_segments()
        return count

    def _records(self, upto: Position) -> Iterator[tuple[Position, Position, Record]]:
        for name in segments(self._directory):
            if name < self._read_to.segment or name > upto.segment:
                continue
            before = self._read_to if name == self._read_to.segment else Position(name, 0)
            for offset, record in read_segment(self._directory / name, before.offset):
                after = Position(name, offset)
                if after > upto:
                    return
                yield before, after, record
                before = after

    def _take(self, record: Record, before: Position) -> None:
        match record:
            case Opened(call=call):
                self._open[call.call_id, call.attempt] = _OpenCall(call, before)
            case Progress(call_id=call_id, attempt=attempt):
                if entry := self._open.get((call_id, attempt)):
                    entry.progress = record
            case Done(call=call, attempt=attempt, revision=revision, final=final):
                self._open.pop((call.call_id, call.attempt), None)
                self._pending.append(_Settled(self._recorded(call, attempt, revision), final))

    def _recorded(self, call: Call, attempt: Attempt, revision: int) -> RecordedCall:
        return RecordedCall(
            call=call, attempt=attempt, charge=self._price(call, attempt), stint=stint_of(call.stamp), revision=revision
        )

    def _flush(self, known: frozenset[tuple[str, int]]) -> int:
        """Write what is pending. Raises LedgerError with everything still pending."""
        low_water = min((entry.opened_before for entry in self._open.values()), default=self._read_to)
        if not self._pending and str(low_water) == self._ledger.checkpoint():
            return 0
        self._ledger.record([settled.recorded for settled in self._pending], checkpoint=str(low_water))
        written, self._pending = self._pending, []
        for settled in written:
            call = settled.recorded.call
            is_new = (call.call_id, call.attempt) not in known and settled.recorded.revision == 0
            if self._observe is not None and is_new:
                self._observe(settled.recorded, settled.final)
        return len(written)

    def _delete_segments(self) -> None:
        """Segments that lie wholly before the checkpoint are done with; the newest is kept, for its number."""
        low_water = min((entry.opened_before for entry in self._open.values()), default=self._read_to)
        for name in segments(self._directory)[:-1]:
            if name < low_water.segment:
                (self._directory / name).unlink(missing_ok=True)

    def _start(self) -> Position:
        """The checkpoint, where its segment still exists; otherwise the beginning: repeating rows is harmless."""
        checkpoint = self._ledger.checkpoint()
        if checkpoint is not None:
            position = Position.parse(checkpoint)
            if (self._directory / position.segment).exists():
                return position
        return Position("", 0)

    def _already_recorded(self, before: str) -> frozenset[tuple[str, int]]:
        """Of the calls a replay will meet, those the ledger has: they are not observed a second time."""
        met = {
            record.call.call_id
            for _, _, record in self._records(Position(before, 0))
            if isinstance(record, (Opened, Done))
        }
        return frozenset((row.call.call_id, row.call.attempt) for call_id in met for row in self._ledger.call(call_id))


def _interrupted(entry: _OpenCall) -> Attempt:
    """How a call ended whose process died: by the last progress, or by the size of its request."""
    operation = find_operation(entry.call.provider, entry.call.operation)
    if operation is None or not operation.billable:
        metered = Metered()
    elif entry.progress is not None:
        metered = entry.progress.metered
    else:
        metered = estimate(Metered(), request_bytes=entry.call.request_bytes or 0, characters=0)
    return Attempt(
        outcome=Outcome.INTERRUPTED,
        error_type="proxy_stopped",
        response_bytes=entry.progress.response_bytes if entry.progress else 0,
        metered=replace(metered, problems=(*metered.problems, "the proxy stopped before the response ended")),
    )


def stint_of(stamp: Stamp) -> str:
    """Id of the run of calls with the same session, repository, worktree, branch and HEAD."""
    parts = (stamp.session, stamp.repository, stamp.worktree, stamp.branch, stamp.head)
    text = "\x1f".join("\x1e" if part is None else part for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
