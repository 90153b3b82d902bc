"""From the journal to the ledger: priced, in batches, each call once, whatever dies in between.

Strategy: read the journal behind the ledger's checkpoint, join each call's records, price it, write it with the new
checkpoint in one transaction. The checkpoint stands before the oldest call that is still open, so a restart reads
that call's opening again; rows it repeats are the same rows. A ledger that is locked, full or gone makes the recorder
wait: calls go on, the journal keeps them.

No single call can stop the others: one that cannot be priced is recorded unpriced with the reason, and a record that
cannot be read is told and passed over; its segment is then kept under another name instead of deleted.

At start the segments of earlier processes are replayed; a call found open there died with its process and is recorded
as `interrupted`, with an estimate.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from attribution.ledger.base import Ledger
from attribution.model import Charge, PriceStatus, RecordedCall
from proxy.call import Attempt, Call, Metered, Outcome, Stamp
from proxy.journal import Done, Opened, Position, Progress, Record, read_segment, segments
from proxy.meter import estimate
from proxy.providers import find_operation

__all__ = ["Recorder", "stint_of"]

log = logging.getLogger(__name__)

BATCH = 500
DAMAGED = ".damaged"  # added to the name of a segment that could not be read whole

PriceCall = Callable[[Call, Attempt], Charge]
# A newly recorded attempt, and whether it is its call's last; or the amendment that makes it the last.
Observe = Callable[[RecordedCall, bool], None]


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
        self._unfinished: set[str] = set()  # calls of which an attempt was observed, and not the last
        self._unreadable: set[Position] = set()
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
            until = upto.offset if name == upto.segment else None
            told = partial(self._tell_unreadable, name)
            for offset, record in read_segment(self._directory / name, before.offset, until=until, unreadable=told):
                after = Position(name, offset)
                yield before, after, record
                before = after

    def _tell_unreadable(self, name: str, offset: int, why: str) -> None:
        place = Position(name, offset)
        if place not in self._unreadable:
            self._unreadable.add(place)
            log.error(
                "the journal holds a record that cannot be read, at byte %d of %s: %s. What it told of a call is not "
                "in the ledger; the file is kept as %s. A newer mergecost may be able to read it.",
                offset,
                self._directory / name,
                why,
                name + DAMAGED,
            )

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
            call=call,
            attempt=attempt,
            charge=self._charge(call, attempt),
            stint=stint_of(call.stamp),
            revision=revision,
        )

    def _charge(self, call: Call, attempt: Attempt) -> Charge:
        try:
            return self._price(call, attempt)
        except Exception as error:
            log.exception("call %s, attempt %d, could not be priced", call.call_id, call.attempt)
            return Charge(status=PriceStatus.UNPRICED, reason=f"pricing failed: {type(error).__name__}: {error}")

    def _flush(self, known: frozenset[tuple[str, int]]) -> int:
        """Write what is pending. Raises LedgerError with everything still pending."""
        low_water = min((entry.opened_before for entry in self._open.values()), default=self._read_to)
        if not self._pending and str(low_water) == self._ledger.checkpoint():
            return 0
        self._ledger.record([settled.recorded for settled in self._pending], checkpoint=str(low_water))
        written, self._pending = self._pending, []
        for settled in written:
            if (settled.recorded.call.call_id, settled.recorded.call.attempt) not in known:
                self._tell(settled)
        return len(written)

    def _tell(self, settled: _Settled) -> None:
        call = settled.recorded.call
        is_news = settled.recorded.revision == 0 or (settled.final and call.call_id in self._unfinished)
        if self._observe is None or not is_news:
            return
        if settled.final:
            self._unfinished.discard(call.call_id)
        else:
            self._unfinished.add(call.call_id)
        try:
            self._observe(settled.recorded, settled.final)
        except Exception:
            log.exception("call %s is recorded, but could not be observed", call.call_id)

    def _delete_segments(self) -> None:
        """Segments that lie wholly before the checkpoint are done with; the newest is kept, for its number."""
        low_water = min((entry.opened_before for entry in self._open.values()), default=self._read_to)
        for name in segments(self._directory)[:-1]:
            if name >= low_water.segment:
                continue
            if any(place.segment == name for place in self._unreadable):
                (self._directory / name).rename(self._directory / (name + DAMAGED))
            else:
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
    elif not operation.estimable:
        metered = Metered()
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
