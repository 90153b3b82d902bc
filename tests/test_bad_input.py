"""Bad input gets a message that names it and its mend, the right status or exit code, and loses nothing."""

from __future__ import annotations

import socket

import pytest

from attribution.demo.provider import SampleProvider
from tests.proxying import proxy_before
from tests.serving_process import ServingProcess, run_mergecost


async def test_an_unknown_path_is_404_and_lists_the_providers(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + "/v9/nothing", data=b"{}") as response:
            message = (await response.json())["error"]["message"]
        assert response.status == 404
        assert "/v9/nothing" in message
        assert "/openai, /anthropic, /gemini" in message
        assert provider.exchanges == []


async def test_an_unknown_provider_is_404_and_says_where_to_add_it(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + "/mistral/v1/chat/completions", data=b"{}") as response:
            message = (await response.json())["error"]["message"]
        assert response.status == 404
        assert "'mistral' under `providers`" in message


async def test_malformed_path_tags_are_400_with_the_form(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + "/@payments/v1/messages", data=b"{}") as response:
            body = await response.json()
        assert (response.status, body["type"]) == (400, "error")
        assert "/@team=NAME" in body["error"]["message"]


async def test_an_operation_the_registry_lacks_passes_and_is_recorded_as_unmetered(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + "/openai/v1/videos", data=b"{}") as response:
            assert response.status == 404  # the sample provider's own answer
            assert await response.read() == bytes(provider.exchanges[0].sent)
        row = await proxy.row()
    assert (row["operation"], row["path"]) == ("unknown", "/v1/videos")


@pytest.mark.parametrize("stated", [True, False])
async def test_a_body_over_the_limit_is_413_and_names_the_setting(tmp_path, stated):
    async def pieces():
        for _ in range(30):
            yield b"x" * 1000

    server = {"max_body_bytes": 20_000, "buffer_bytes": 50_000}
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, server=server) as proxy:
        body = b"x" * 30_000 if stated else pieces()
        async with proxy.client.post(proxy.url + "/v1/messages", data=body) as response:
            message = (await response.json())["error"]["message"]
        assert response.status == 413
        assert "server.max_body_bytes" in message
        assert provider.exchanges == []


async def test_a_port_in_use_is_said(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = await run_mergecost("serve", "--port", str(port), home=tmp_path)
    assert finished.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in finished.stderr
    assert "--port" in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_a_second_server_on_the_same_ledger_is_refused(tmp_path):
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    async with ServingProcess("--ledger", ledger, home=tmp_path):
        finished = await run_mergecost("serve", "--port", "0", "--ledger", ledger, home=tmp_path)
    assert finished.exit_code == 1
    assert "another process already writes the journal" in finished.stderr


async def test_a_public_address_without_keys_is_refused_at_start(tmp_path):
    finished = await run_mergecost("serve", "--host", "0.0.0.0", "--port", "0", home=tmp_path)
    assert finished.exit_code == 1
    assert "mergecost keys add --team NAME" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--config", "/nowhere/mergecost.yaml"), "cannot read the configuration /nowhere/mergecost.yaml"),
        (("serve", "--port", "seventy"), "'seventy' is not a valid integer"),
        (("serve", "--ledger", "mysql://x"), "write sqlite:///PATH"),
        (("sync", "--repo", "/nowhere"), "/nowhere"),
        (("statement", "--month", "October"), "write --month 2026-10"),
        (("statement", "--month", "2026-13"), "2026-13"),
        (("spend", "--since", "yesterday"), "yesterday"),
        (("spend", "--by", "mood"), "mood"),
        (("change", "999999"), "there is no ledger at"),
        (("spend",), "check --ledger"),
        (("export", "--month", "2026-10", "--format", "pdf"), "pdf"),
        (("nothing",), "No such command"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else None,
)
async def test_a_bad_command_line_fails_with_a_message_and_no_traceback(tmp_path, arguments, said):
    finished = await run_mergecost(*arguments, home=tmp_path)
    assert finished.exit_code in {1, 2}
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_a_directory_that_is_no_repository_is_said(tmp_path):
    finished = await run_mergecost("sync", "--repo", str(tmp_path), home=tmp_path)
    assert finished.exit_code == 1
    assert str(tmp_path) in finished.stderr
    assert "git repository" in finished.stderr


async def test_a_ledger_that_is_no_database_is_said(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be taken for one by its size alone" * 20)
    finished = await run_mergecost("spend", "--ledger", f"sqlite:///{path}", home=tmp_path)
    assert finished.exit_code == 1
    assert str(path) in finished.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("providers: [", "not valid YAML"),
        ("server: {prot: 1}", "server.prot"),
        ("server: {port: many}", "server.port"),
        ("providers: {openai: {base_url: ftp://x}}", "providers.openai.base_url"),
        ("providers: {openai: {api_key: os.environ/NOT_SET_ANYWHERE}}", "NOT_SET_ANYWHERE"),
    ],
)
async def test_a_configuration_that_cannot_be_used_names_file_and_key(tmp_path, text, said):
    config = tmp_path / "mergecost.yaml"
    config.write_text(text)
    finished = await run_mergecost("serve", "--config", str(config), home=tmp_path)
    assert finished.exit_code == 1
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_a_disk_without_room_for_the_journal_is_refused_at_start(tmp_path):
    finished = await run_mergecost("serve", "--port", "0", home=tmp_path, limits={"file_bytes": 4 * 1024 * 1024})
    assert finished.exit_code == 1
    assert "no room for the journal file" in finished.stderr
