"""The proxy and its recorder, wired together and running: what `mergecost serve` and the demo start.

Calls wait for nothing here: the server writes the journal, the recorder follows it from a thread of its own.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from attribution.aws import signer_for
from attribution.errors import UserError
from attribution.gate import KeyGate
from attribution.ledger.base import Ledger, LedgerError
from attribution.ledger.open import journal_directory, open_ledger
from attribution.pricing.book import load_bundled_book
from attribution.pricing.charge import charge_call
from attribution.recorder import Recorder
from attribution.settings import Settings, telemetry_signals
from attribution.telemetry import Telemetry
from proxy.clock import Clock
from proxy.journal import Journal, JournalFullError, JournalInUseError
from proxy.sellers import Limits, Seller
from proxy.server import ProxyServer

__all__ = ["Running", "is_loopback", "serving"]

log = logging.getLogger(__name__)

_GATHER_SECONDS = 0.05  # records that arrive together are written together
_LONGEST_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A proxy that is listening at `url`."""

    url: str
    settle: Callable[[], asyncio.Future[int]]
    """Await it to have every call that has ended in the ledger."""


@asynccontextmanager
async def serving(
    settings: Settings, clock: Clock, *, new_call_id: Callable[[], str] = lambda: uuid.uuid4().hex
) -> AsyncIterator[Running]:
    """Serve until the block is left; calls in flight are let finish, and what they cost is recorded.

    Raises UserError where the address is taken or public without a key, or where nothing could be recorded.
    """
    ledger = open_ledger(settings.ledger)
    try:
        _refuse_public_without_keys(settings, ledger)
        wake = asyncio.Event()
        journal = _journal(settings, wake.set)
        try:
            async with _recording(settings, ledger, journal, wake) as recording:
                server = _server(settings, ledger, journal, clock, recording, new_call_id=new_call_id)
                url = await _listen(server, settings)
                try:
                    yield Running(url, lambda: asyncio.ensure_future(recording.catch_up()))
                finally:
                    await server.stop()
        finally:
            journal.close()
    finally:
        ledger.close()


class _Recording:
    """The recorder and the one thread it works on: woken by the journal, patient with the ledger."""

    def __init__(self, recorder: Recorder, journal: Journal, wake: asyncio.Event) -> None:
        self._recorder = recorder
        self._journal = journal
        self._wake = wake
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recorder")
        self.problem: str | None = None

    def close(self) -> None:
        self._thread.shutdown()

    async def catch_up(self) -> int:
        """Record all that the journal holds now. Raises LedgerError."""
        return await self._in_thread(partial(self._recorder.advance, self._journal.position))

    async def run(self, first_segment: str) -> None:
        await self._patiently(lambda: self._in_thread(partial(self._recorder.recover, before=first_segment)))
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._wake.clear()
            await self._patiently(self.catch_up)

    async def _in_thread(self, work: Callable[[], int]) -> int:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _patiently(self, work: Callable[[], Awaitable[int]]) -> None:
        wait = _GATHER_SECONDS
        while True:
            try:
                await work()
            except Exception as error:  # a recorder that ended in silence would record nothing more
                if self.problem is None:
                    log.error(
                        "the ledger takes no calls; the journal keeps them until it does: %s",
                        error,
                        exc_info=not isinstance(error, LedgerError),
                    )
                self.problem = str(error) or type(error).__name__
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
                await asyncio.sleep(wait)
            else:
                if self.problem is not None:
                    log.warning("the ledger takes calls again")
                self.problem = None
                return


@asynccontextmanager
async def _recording(
    settings: Settings, ledger: Ledger, journal: Journal, wake: asyncio.Event
) -> AsyncIterator[_Recording]:
    signals = telemetry_signals()
    telemetry = Telemetry.over_otlp(signals, legacy_names=settings.telemetry.legacy_names) if signals else None
    book = await asyncio.to_thread(load_bundled_book)
    recorder = Recorder(
        journal_directory(settings.ledger),
        ledger,
        partial(charge_call, book=book),
        observe=telemetry.observe if telemetry else None,
    )
    recording = _Recording(recorder, journal, wake)
    task = asyncio.create_task(recording.run(journal.position.segment))
    try:
        yield recording
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        try:
            await recording.catch_up()
        except Exception as error:  # whatever it is, the journal has the calls
            surprising = not isinstance(error, LedgerError)
            log.error("calls stay in the journal until the next start: %s", error, exc_info=surprising)
        recording.close()
        if telemetry is not None:
            await asyncio.to_thread(telemetry.close)


def _journal(settings: Settings, written: Callable[[], None]) -> Journal:
    directory = journal_directory(settings.ledger)
    try:
        return Journal(directory, durability=settings.server.durability, written=written)
    except JournalInUseError as error:
        raise UserError(f"{error}; stop that `mergecost serve`, or give this one another --ledger") from error
    except JournalFullError as error:
        raise UserError(f"calls could not be recorded: {error}") from error


def _server(
    settings: Settings,
    ledger: Ledger,
    journal: Journal,
    clock: Clock,
    recording: _Recording,
    *,
    new_call_id: Callable[[], str],
) -> ProxyServer:
    chosen = settings.server
    return ProxyServer(
        sellers={
            name: Seller(
                name=name,
                kind=entry.kind,
                base_url=entry.base_url,
                version=entry.version,
                key_carrier=entry.key_header,
                inject_usage=entry.inject_usage,
                signer=signer_for(name, entry, clock),
                api_key=entry.api_key.get_secret_value() if entry.api_key else None,
                retries=entry.retries,
                timeout_seconds=entry.timeout_seconds,
                connect_timeout_seconds=entry.connect_timeout_seconds,
            )
            for name, entry in settings.providers.items()
        },
        limits=Limits(
            max_body_bytes=chosen.max_body_bytes,
            buffer_bytes=chosen.buffer_bytes,
            max_connections=chosen.max_connections,
            body_timeout_seconds=chosen.body_timeout_seconds,
            drain_seconds=chosen.drain_seconds,
            drain_when_client_gone=chosen.on_client_gone == "drain",
        ),
        gate=KeyGate(ledger, clock, mode=chosen.keys, is_loopback=is_loopback(chosen.host)),
        journal=journal,
        clock=clock,
        new_call_id=new_call_id,
        ready=lambda: recording.problem,
    )


async def _listen(server: ProxyServer, settings: Settings) -> str:
    host, port = settings.server.host, settings.server.port
    try:
        return await server.start(host, port)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port}: {error.strerror or error}. Choose another --port, or stop what uses it."
        ) from error


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_public_without_keys(settings: Settings, ledger: Ledger) -> None:
    host = settings.server.host
    if is_loopback(host):
        return
    if settings.server.keys == "optional":
        raise UserError(f"server.keys is `optional`, which is for loopback only; {host} is reachable by others")
    has_key = any(key.revoked_at is None for key in ledger.keys())  # noqa: SIM118 - no mapping
    if not has_key:
        raise UserError(
            f"{host} is reachable by others and this ledger has no keys: make one with "
            "`mergecost keys add --team NAME`, or listen on 127.0.0.1"
        )
