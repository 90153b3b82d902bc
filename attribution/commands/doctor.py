"""`mergecost doctor`: what would keep calls from being relayed, recorded or priced, each with its mend."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import click

from attribution.commands.common import App, json_option, print_json, with_app
from attribution.commands.tables import print_table
from attribution.errors import UserError
from attribution.ledger.open import journal_directory, ledger_exists
from attribution.pricing.book import PriceBookError, load_bundled_book
from attribution.serving import is_loopback
from attribution.settings import ProviderSettings, telemetry_signals

__all__ = ["doctor"]

_LITTLE_SPACE = 1024**3
_CONNECT_SECONDS = 3


class _State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Finding:
    check: str
    state: _State
    detail: str


@click.command()
@click.option("--offline", is_flag=True, help="Do not try to connect to the providers.")
@json_option
@with_app
def doctor(app: App, offline: bool, as_json: bool) -> None:
    """Check that calls can be relayed, recorded and priced."""
    findings = [finding for check in _CHECKS for finding in check(app)]
    if not offline:
        findings += [_reach(name, provider) for name, provider in app.settings.providers.items()]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = [(finding.check, finding.state.value, finding.detail) for finding in findings]
        print_table(app.console, ("check", "state", "detail"), rows, whole=True)
    failed = [finding.check for finding in findings if finding.state is _State.FAILED]
    if failed:
        raise UserError(f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}")


def _check_ledger(app: App) -> Iterator[_Finding]:
    if not ledger_exists(app.settings.ledger):
        yield _Finding("ledger", _State.WARNING, f"none yet at {app.settings.ledger}; `mergecost serve` makes it")
        return
    try:
        with app.ledger() as ledger:
            ledger.check()
            keys = [key.id for key in ledger.keys() if key.revoked_at is None]  # noqa: SIM118 - no mapping
            repositories = len(ledger.facts())
    except UserError as error:
        yield _Finding("ledger", _State.FAILED, str(error))
        return
    yield _Finding("ledger", _State.OK, app.settings.ledger)
    yield _check_address(app, len(keys))
    if keys:
        yield _check_provider_keys(app)
    if repositories:
        yield _Finding("repositories", _State.OK, f"{repositories} synced")
    else:
        yield _Finding(
            "repositories", _State.WARNING, "none synced: run `mergecost sync --repo PATH` to allocate spend to changes"
        )


def _check_provider_keys(app: App) -> _Finding:
    """Where mergecost keys exist, calls need the provider's key from the proxy."""
    without = [name for name, entry in app.settings.providers.items() if entry.api_key is None and entry.region is None]
    if not without:
        return _Finding("provider keys", _State.OK, "every provider has one")
    state = _State.FAILED if len(without) == len(app.settings.providers) else _State.WARNING
    return _Finding(
        "provider keys",
        state,
        f"clients call with mergecost keys, and those calls are refused for {', '.join(without)}: set the provider's "
        f"key in the proxy's environment (such as {without[0].upper()}_API_KEY) or providers.{without[0]}.api_key",
    )


def _check_address(app: App, keys: int) -> _Finding:
    host = app.settings.server.host
    if is_loopback(host):
        detail = f"{host}, {keys} keys" if keys else f"{host}, no keys: clients' own provider keys pass through"
        return _Finding("address", _State.OK, detail)
    if keys:
        return _Finding("address", _State.OK, f"{host}, {keys} keys")
    return _Finding(
        "address", _State.FAILED, f"{host} is reachable by others and there is no key: `mergecost keys add --team NAME`"
    )


def _check_journal(app: App) -> Iterator[_Finding]:
    directory = journal_directory(app.settings.ledger)
    existing = next((parent for parent in (directory, *directory.absolute().parents) if parent.is_dir()), Path("/"))
    free = shutil.disk_usage(existing).free
    state = _State.OK if free > _LITTLE_SPACE else _State.WARNING
    yield _Finding("disk", state, f"{free // 1024**2} MiB free for the journal {directory}")


def _check_prices(_app: App) -> Iterator[_Finding]:
    try:
        book = load_bundled_book()
    except PriceBookError as error:
        yield _Finding("prices", _State.FAILED, f"the price book cannot be read: {error}. Install mergecost again.")
        return
    yield _Finding("prices", _State.OK, f"{book.name}, revision {book.revision[:12]}")


def _check_git(_app: App) -> Iterator[_Finding]:
    try:
        version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        yield _Finding("git", _State.FAILED, "git cannot be started: install it for `mergecost sync`")
        return
    yield _Finding("git", _State.OK, version)


def _check_telemetry(_app: App) -> Iterator[_Finding]:
    signals = ", ".join(sorted(telemetry_signals()))
    told = f"OTLP export of {signals} is on" if signals else "off; set OTEL_EXPORTER_OTLP_ENDPOINT to switch it on"
    yield _Finding("telemetry", _State.OK, told)


def _reach(name: str, provider: ProviderSettings) -> _Finding:
    try:
        parts = urlsplit(provider.base_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        return _Finding(f"provider {name}", _State.FAILED, f"providers.{name}.base_url cannot be used: {error}")
    key = "a key is set" if provider.api_key else "no key of the proxy's own"
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_SECONDS):
            return _Finding(f"provider {name}", _State.OK, f"{provider.base_url} answers; {key}")
    except OSError as error:
        return _Finding(
            f"provider {name}",
            _State.WARNING,
            f"{parts.hostname}:{port} does not answer ({error}): check the network, providers.{name}.base_url; {key}",
        )


_CHECKS: tuple[Callable[[App], Iterator[_Finding]], ...] = (
    _check_ledger,
    _check_journal,
    _check_prices,
    _check_git,
    _check_telemetry,
)
