"""`mergecost serve`: the proxy, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys

import click

from attribution.commands.common import App, with_app
from attribution.serving import serving

__all__ = ["serve"]


@click.command()
@click.option("--host", help="Address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (default 4000; 0: a free one).")
@with_app
def serve(app: App, host: str | None, port: int | None) -> None:
    """Relay model calls and record what each one cost."""
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = app.settings.model_copy(update={"server": app.settings.server.model_copy(update=chosen)})
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = App(settings=settings, clock=app.clock, console=app.console)
    if sys.platform == "win32":
        asyncio.run(_serve(app))
    else:
        import uvloop

        uvloop.run(_serve(app))


async def _serve(app: App) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no handlers; Ctrl-C raises there
            loop.add_signal_handler(signal_number, stop.set)
    async with serving(app.settings, app.clock) as running:
        click.echo(f"mergecost is listening on {running.url}")
        click.echo(f"  ledger    {app.settings.ledger}")
        for name, provider in app.settings.providers.items():
            click.echo(f"  {running.url}/{name}  ->  {provider.base_url}")
        gc.freeze()  # what is loaded now lives as long as the process
        await stop.wait()
        click.echo("mergecost is stopping: calls in flight may finish")
