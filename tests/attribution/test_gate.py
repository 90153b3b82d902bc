"""Who may call: keys of the ledger, provider keys of the settings, the provider's own words for a refusal."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from attribution.aws import AwsSigner
from attribution.demo.provider import SampleProvider
from attribution.errors import UserError
from attribution.gate import KeyGate
from attribution.keys import new_key
from attribution.ledger.open import open_ledger
from attribution.serving import serving
from proxy.clock import SystemClock
from proxy.ports import Admission, Refusal
from proxy.sellers import Seller
from tests.proxying import OPERATIONS, proxy_before, settings_for

PROVIDER_KEY = "sk-provider-0123456789"
PLAIN = [op for op in OPERATIONS if not op.stream]


@pytest.fixture
def key(tmp_path):
    """The secret of a key of team payments."""
    made, secret = new_key(team="payments", actor="ci", purpose="review", created_at=SystemClock().now())
    with closing(open_ledger(settings_for("http://127.0.0.1:9", tmp_path).ledger)) as ledger:
        ledger.add_key(made)
    return secret


@pytest.mark.parametrize("operation", PLAIN, ids=str)
@pytest.mark.parametrize("carrier", ["authorization", "x-api-key", "x-goog-api-key", "query", "x-mergecost-key"])
async def test_our_key_is_swapped_for_the_provider_s_wherever_a_client_puts_it(tmp_path, key, operation, carrier):
    headers, target = dict(operation.headers), operation.path
    match carrier:
        case "query":
            target += f"?key={key}"
        case "authorization":
            headers["Authorization"] = f"Bearer {key}"
        case _:
            headers[carrier] = key
    async with (
        SampleProvider(api_key=PROVIDER_KEY) as provider,
        proxy_before(provider, tmp_path, upstream={"api_key": PROVIDER_KEY}) as proxy,
    ):
        async with proxy.client.post(proxy.url + target, json=operation.request("hi"), headers=headers) as response:
            assert response.status == 200, await response.text()
            await response.read()
        row = await proxy.row()
    exchange = provider.exchanges[0]
    seen = exchange.target.encode() + b"".join(value for _, value in exchange.headers)
    assert key.encode() not in seen
    assert PROVIDER_KEY.encode() in seen
    assert (row["team"], row["actor"], row["purpose"]) == ("payments", "ci", "review")
    assert row["key_id"].startswith("key-")


async def test_the_team_of_a_key_wins_over_a_header_and_actor_and_purpose_are_defaults(tmp_path, key):
    async with (
        SampleProvider() as provider,
        proxy_before(provider, tmp_path, upstream={"api_key": PROVIDER_KEY}) as proxy,
    ):
        headers = {"x-api-key": key, "x-mergecost-team": "other", "x-mergecost-purpose": "code-gen"}
        async with proxy.client.post(proxy.url + "/v1/messages", data=b"{}", headers=headers) as response:
            await response.read()
        row = await proxy.row()
    assert (row["team"], row["actor"], row["purpose"]) == ("payments", "ci", "code-gen")


async def test_a_client_s_own_credential_stays_beside_the_side_header(tmp_path, key):
    async with (
        SampleProvider() as provider,
        proxy_before(provider, tmp_path, upstream={"api_key": PROVIDER_KEY}) as proxy,
    ):
        headers = {"x-mergecost-key": key, "Authorization": "Bearer sk-ant-oat-own"}
        async with proxy.client.post(proxy.url + "/v1/messages", data=b"{}", headers=headers) as response:
            await response.read()
        row = await proxy.row()
    assert provider.exchanges[0].header("Authorization") == "Bearer sk-ant-oat-own"
    assert provider.exchanges[0].header("x-mergecost-key") is None
    assert (row["team"], row["billing_basis"]) == ("payments", "plan")


async def test_without_keys_on_loopback_a_client_s_own_key_passes_through(tmp_path):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(
            proxy.url + "/v1/chat/completions", data=b"{}", headers={"Authorization": "Bearer sk-own"}
        ) as response:
            await response.read()
        assert provider.exchanges[0].header("Authorization") == "Bearer sk-own"
        assert (await proxy.row())["key_id"] is None


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/v1/messages", lambda body: body["error"]["message"] if body["type"] == "error" else None),
        ("/v1/chat/completions", lambda body: body["error"]["message"] if "param" in body["error"] else None),
        (
            "/v1beta/models/gemini-2.5-flash:generateContent",
            lambda body: body["error"]["message"] if body["error"]["status"] == "UNAUTHENTICATED" else None,
        ),
    ],
)
@pytest.mark.parametrize(
    "presented_and_said",
    [("sk-mc-wrong", "unknown or was revoked"), ("sk-someone-elses", "asks for a mergecost key"), ("", "asks for")],
)
async def test_a_wrong_key_is_refused_in_the_provider_s_error_shape_and_never_sent_on(
    tmp_path, key, path, where, presented_and_said
):
    presented, said = presented_and_said
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        headers = {"Authorization": f"Bearer {presented}"} if presented else {}
        async with proxy.client.post(proxy.url + path, data=b"{}", headers=headers) as response:
            body = json.loads(await response.read())
        assert response.status == 401
        assert response.headers["x-should-retry"] == "false"
        assert said in where(body)
        assert "mergecost keys add" in where(body)
        assert provider.exchanges == []
        assert await proxy.rows() == []


async def test_codex_is_refused_in_the_form_it_shows_at_once(tmp_path, key):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        headers = {"Authorization": "Bearer sk-mc-wrong", "User-Agent": "codex_exec/0.169.0"}
        async with proxy.client.post(proxy.url + "/openai/v1/responses", data=b"{}", headers=headers) as response:
            text = await response.text()
        assert (response.status, response.content_type) == (400, "text/plain")
        assert text.startswith("this mergecost key is unknown or was revoked")
        assert provider.exchanges == []


async def test_a_good_key_without_a_provider_key_says_which_variable_to_set(tmp_path, key):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + "/v1/messages", data=b"{}", headers={"x-api-key": key}) as response:
            body = json.loads(await response.read())
        assert response.status == 401
        assert "ANTHROPIC_API_KEY" in body["error"]["message"]
        assert provider.exchanges == []


async def test_a_revoked_key_is_refused(tmp_path, key):
    settings = settings_for("http://127.0.0.1:9", tmp_path)
    with closing(open_ledger(settings.ledger)) as ledger:
        (stored,) = ledger.keys()
        assert ledger.revoke_key(stored.id, SystemClock().now())
    async with SampleProvider() as provider, proxy_before(provider, tmp_path) as proxy:
        async with proxy.client.post(proxy.url + "/v1/messages", data=b"{}", headers={"x-api-key": key}) as response:
            assert response.status == 401
        assert provider.exchanges == []


async def test_keys_may_be_optional_on_loopback(tmp_path, key):
    async with SampleProvider() as provider, proxy_before(provider, tmp_path, server={"keys": "optional"}) as proxy:
        async with proxy.client.post(proxy.url + "/v1/messages", data=b"{}", headers={"x-api-key": "own"}) as response:
            await response.read()
        assert provider.exchanges[0].header("x-api-key") == "own"


@pytest.mark.parametrize("keys", ["auto", "required"])
async def test_a_public_address_without_keys_is_refused(tmp_path, keys):
    settings = settings_for("http://127.0.0.1:9", tmp_path, server={"host": "0.0.0.0", "keys": keys})
    with pytest.raises(UserError, match=r"0\.0\.0\.0 is reachable by others .*mergecost keys add"):
        async with serving(settings, SystemClock()):
            pass


async def test_a_public_address_with_optional_keys_is_refused(tmp_path, key):
    settings = settings_for("http://127.0.0.1:9", tmp_path, server={"host": "0.0.0.0", "keys": "optional"})
    with pytest.raises(UserError, match="loopback only"):
        async with serving(settings, SystemClock()):
            pass


async def test_a_public_address_with_a_key_serves_it_and_refuses_others(tmp_path, key):
    async with (
        SampleProvider() as provider,
        proxy_before(provider, tmp_path, server={"host": "0.0.0.0"}, upstream={"api_key": PROVIDER_KEY}) as proxy,
    ):
        url = proxy.url.replace("0.0.0.0", "127.0.0.1") + "/v1/messages"
        async with proxy.client.post(url, data=b"{}", headers={"x-api-key": key}) as response:
            assert provider.exchanges
            await response.read()
        async with proxy.client.post(url, data=b"{}", headers={"x-api-key": "own"}) as response:
            assert response.status == 401


@pytest.mark.parametrize("signs", [True, False])
async def test_a_seller_whose_requests_are_signed_needs_no_key_of_its_own(tmp_path, key, signs):
    signer = AwsSigner(None, "us-east-1", SystemClock()) if signs else None
    seller = Seller(name="bedrock", kind="bedrock", base_url="https://bedrock.example", signer=signer)
    with closing(open_ledger(settings_for("http://127.0.0.1:9", tmp_path).ledger)) as ledger:
        gate = KeyGate(ledger, SystemClock(), mode="auto", is_loopback=True)
        decided = await gate.admit([key], seller)
    if signs:
        assert isinstance(decided, Admission)
        assert (decided.team, decided.provider_key) == ("payments", None)
    else:
        assert isinstance(decided, Refusal)
