"""The serving process: what it loads and asks for; its recorder neither dies in silence nor holds up a call."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp

from attribution.demo.provider import SampleProvider
from attribution.ledger.open import journal_directory
from tests.proxying import OPERATIONS, ledger_rows, proxy_before, settings_for
from tests.serving_process import ServingProcess, environment

PROMPT = "[sample input=1000 output=200]"
PLAIN = next(op for op in OPERATIONS if op.name == "messages" and not op.stream)

# Serves one call of its own and tells which addresses were connected to and which modules were loaded.
WATCHED = """
import asyncio, json, sys
asked = []
sys.addaudithook(lambda event, args: asked.append(str(args[1])) if event == "socket.connect" else (
    asked.append(str(args[0])) if event == "socket.getaddrinfo" else None))
from pathlib import Path
from attribution.commands import serve
from attribution.serving import serving
from attribution.settings import load_settings
from proxy.clock import SystemClock

async def main():
    async with serving(load_settings(ledger=f"sqlite:///{sys.argv[1]}/ledger.db"), SystemClock()) as running:
        await running.settle()

asyncio.run(main())
print(json.dumps({"asked": asked, "modules": sorted(sys.modules)}))
"""


def test_the_serving_process_asks_nobody_and_loads_no_litellm(tmp_path: Path) -> None:
    env = environment(tmp_path, {"MERGECOST_SERVER__PORT": "0"})
    finished = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tmp_path)], env=env, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout)
    assert {address for address in told["asked"] if "127.0.0.1" not in address} == set()
    assert {name for name in told["modules"] if name.partition(".")[0] in {"litellm", "openai", "anthropic"}} == set()


async def test_a_recorder_that_meets_an_unexpected_error_says_so_goes_on_trying_and_recovers(
    tmp_path: Path, caplog
) -> None:
    directory = journal_directory(settings_for("http://127.0.0.1:9", tmp_path).ledger)
    obstacle = directory / "000000000001-00000000.journal"
    obstacle.mkdir(parents=True)  # no file: it cannot be read
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy, asyncio.timeout(20):
        while (await status_of(proxy.client, f"{proxy.url}/readyz"))[0] == 200:
            pass
        async with proxy.client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response:
            assert response.status == 200
            await response.read()
        obstacle.rmdir()
        while (await status_of(proxy.client, f"{proxy.url}/readyz"))[0] != 200:
            pass
        assert (await proxy.row())["outcome"] == "ok"
    assert "the ledger takes no calls" in caplog.text
    assert "IsADirectoryError" in caplog.text


async def status_of(client: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    async with client.get(url) as response:
        return response.status, await response.read()


async def test_a_collector_that_never_answers_slows_no_call(tmp_path: Path) -> None:
    never = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    names = ("OPENAI", "ANTHROPIC", "GEMINI")
    async with SampleProvider() as provider, aiohttp.ClientSession() as client:
        env = {f"MERGECOST_PROVIDERS__{name}__BASE_URL": provider.url for name in names}
        env |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "1",
            "OTEL_METRIC_EXPORT_INTERVAL": "1",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "60",
        }
        ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
        async with ServingProcess("--ledger", ledger, home=tmp_path, env=env) as proxy:
            async with asyncio.timeout(10):
                for _ in range(30):
                    async with client.post(proxy.url + PLAIN.path, json=PLAIN.request(PROMPT)) as response:
                        assert response.status == 200
                        await response.read()
                while len(ledger_rows(settings_for(provider.url, tmp_path))) < 30:
                    pass
            await proxy.kill()
        never.set()
    silent.close()
