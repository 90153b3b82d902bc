"""`mergecost doctor`: what would keep calls from being relayed, recorded or priced, each with its mend."""

from __future__ import annotations

import json
import socket

from tests.serving_process import ServingProcess, run_mergecost


async def findings(home, *arguments: str, env: dict[str, str] | None = None) -> dict[str, tuple[str, str]]:
    """State and detail by check."""
    finished = await run_mergecost("doctor", *arguments, "--json", home=home, env=env)
    return {row["check"]: (row["state"], row["detail"]) for row in json.loads(finished.stdout)}


async def test_before_the_first_start_nothing_has_failed_and_no_ledger_is_made(tmp_path):
    finished = await run_mergecost("doctor", "--offline", home=tmp_path)
    assert finished.exit_code == 0
    assert "`mergecost serve` makes it" in finished.stdout
    assert list(tmp_path.iterdir()) == []


async def test_after_a_start_ledger_address_disk_prices_and_git_are_well(tmp_path):
    async with ServingProcess(home=tmp_path) as proxy:
        await proxy.stop()
    found = await findings(tmp_path, "--offline")
    assert {check for check, (state, _) in found.items() if state == "ok"} >= {
        "ledger",
        "address",
        "disk",
        "prices",
        "git",
    }
    assert "no keys: clients' own provider keys pass through" in found["address"][1]
    assert "mergecost sync --repo PATH" in found["repositories"][1]


async def test_keys_without_a_provider_key_are_a_failure_that_names_the_variable(tmp_path):
    assert (await run_mergecost("keys", "add", "--team", "payments", home=tmp_path)).exit_code == 0
    state, detail = (await findings(tmp_path, "--offline"))["provider keys"]
    assert state == "failed"
    assert "OPENAI_API_KEY" in detail
    finished = await run_mergecost("doctor", "--offline", home=tmp_path)
    assert finished.exit_code == 1
    state, detail = (await findings(tmp_path, "--offline", env={"OPENAI_API_KEY": "x"}))["provider keys"]
    assert state == "warning"
    assert "anthropic, gemini" in detail


async def test_a_provider_that_does_not_answer_is_a_warning_with_its_setting(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        somebody = f"http://127.0.0.1:{server.getsockname()[1]}"
        addresses = {"OPENAI": nobody, "ANTHROPIC": somebody, "GEMINI": somebody}
        env = {f"MERGECOST_PROVIDERS__{name}__BASE_URL": url for name, url in addresses.items()}
        found = await findings(tmp_path, env=env)
    assert found["provider anthropic"][0] == "ok"
    assert found["provider openai"][0] == "warning"
    assert "providers.openai.base_url" in found["provider openai"][1]
