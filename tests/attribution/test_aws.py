"""Signing with the credentials that are there: who is signed for, who is let through, what is said where none are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.credentials import Credentials as Found
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError

from attribution.aws import AwsSigner, signer_for
from attribution.errors import UserError
from attribution.settings import ProviderSettings
from proxy.clock import SimulatedClock, SystemClock
from proxy.signing import Credentials, SigningError, resign

URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse"
BEDROCK = ProviderSettings(
    kind="bedrock", base_url="https://bedrock-runtime.us-east-1.amazonaws.com", region="us-east-1"
)
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def signer() -> AwsSigner:
    return AwsSigner(Found("AKIDEXAMPLE", "secret", "token"), "us-east-1", SimulatedClock(NOON))


async def test_a_client_s_signature_is_replaced_by_one_for_the_real_host() -> None:
    sent = [("Content-Type", "application/json"), ("Authorization", "AWS4-HMAC-SHA256 Credential=CLIENT/x")]
    expected = resign("POST", URL, sent, b"{}", Credentials("AKIDEXAMPLE", "secret", "token"), "us-east-1", moment=NOON)
    assert await signer().sign("POST", URL, sent, b"{}") == expected
    assert "Credential=AKIDEXAMPLE/20261102/us-east-1/bedrock/aws4_request" in dict(expected)["Authorization"]


async def test_an_api_key_passes_untouched() -> None:
    sent = [("Authorization", "Bearer bedrock-api-key-abc"), ("Content-Type", "application/json")]
    assert await signer().sign("POST", URL, sent, b"{}") == sent


async def test_credentials_that_cannot_be_renewed_are_said_so() -> None:
    def fail() -> dict[str, str]:
        raise CredentialRetrievalError(provider="role", error_msg="no network")

    expired = RefreshableCredentials("A", "s", "t", datetime(2020, 1, 1, tzinfo=UTC), fail, "role")
    with pytest.raises(SigningError, match="could not be renewed"):
        await AwsSigner(expired, "us-east-1", SimulatedClock(NOON)).sign("POST", URL, [], b"")


async def test_the_environment_s_credentials_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDFROMENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    found = signer_for("bedrock", BEDROCK, SimulatedClock(NOON))
    assert found is not None
    signed = dict(await found.sign("POST", URL, [], b"{}"))
    assert "Credential=AKIDFROMENV/20261102/us-east-1/" in signed["Authorization"]
    assert "X-Amz-Security-Token" not in signed


def test_without_credentials_the_mend_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(UserError, match=r"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        signer_for("bedrock", BEDROCK, SimulatedClock(NOON))


def test_a_profile_that_does_not_exist_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(UserError, match=r"providers\.bedrock cannot be read: .*nobody"):
        signer_for("bedrock", BEDROCK, SimulatedClock(NOON))


def test_an_entry_without_a_region_is_not_signed() -> None:
    entry = ProviderSettings(kind="bedrock", base_url="https://bedrock-runtime.us-east-1.amazonaws.com")
    assert signer_for("bedrock", entry, SystemClock()) is None


def test_a_region_is_for_bedrock_alone() -> None:
    entry = ProviderSettings(kind="openai", base_url="https://api.openai.com", region="us-east-1")
    with pytest.raises(UserError, match=r"providers\.other\.region is for kind bedrock"):
        signer_for("other", entry, SystemClock())
