"""Signing again: what botocore's own signer would have written for the real host."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from proxy.signing import Credentials, needs_signature, resign

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAEXAMPLE", "secret", "a/session+token==")
URLS = [
    "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
    "https://bedrock-runtime.eu-central-1.amazonaws.com:8443/model/arn%3Aaws%3Abedrock%3A%3A%3Afoundation-model%2Fm/invoke",
    "http://127.0.0.1:4010/model/amazon.nova-lite-v1:0/invoke?b=2&a=1&a=0&empty=",
]
SENT = [
    ("Content-Type", "application/json"),
    ("X-Amzn-Bedrock-Accept", "application/json"),
    ("X-Amz-Date", "20200101T000000Z"),
    ("Authorization", "AWS4-HMAC-SHA256 Credential=CLIENT/20200101/us-east-1/bedrock/aws4_request, SignedHeaders=host"),
    ("X-Amz-Security-Token", "the client's"),
    ("User-Agent", "Boto3/1.44"),
    ("amz-sdk-invocation-id", "7"),
    ("X-Amzn-Trace-Id", "Root=1"),
]


@pytest.mark.parametrize("credentials", [KEYS, SESSION], ids=["keys", "session"])
@pytest.mark.parametrize("body", [b"", b'{"messages":[]}'], ids=["empty", "body"])
@pytest.mark.parametrize("url", URLS, ids=["model", "arn", "query"])
def test_the_signature_is_botocore_s(url: str, body: bytes, credentials: Credentials) -> None:
    request = AWSRequest(method="POST", url=url, data=body)
    for name, value in SENT[:2]:
        request.headers[name] = value
    SigV4Auth(credentials, "bedrock", "us-east-1").add_auth(request)
    moment = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    signed = dict(resign("POST", url, SENT, body, credentials, "us-east-1", moment=moment))

    for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
        assert signed.get(name) == request.headers.get(name), name


def test_everything_but_the_signature_passes_as_it_came() -> None:
    moment = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
    signed = resign("POST", URLS[0], SENT, b"{}", KEYS, "us-east-1", moment=moment)
    kept = [pair for pair in SENT if pair[0] not in ("X-Amz-Date", "Authorization", "X-Amz-Security-Token")]
    assert signed[: len(kept)] == kept
    assert [name for name, _ in signed[len(kept) :]] == ["X-Amz-Date", "Authorization"]
    assert signed[-2][1] == "20261102T120000Z"
    assert "SignedHeaders=content-type;host;x-amz-date;x-amzn-bedrock-accept," in signed[-1][1]


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [(None, True), ("AWS4-HMAC-SHA256 Credential=a/b", True), ("Bearer bedrock-api-key-x", False), ("bearer x", False)],
)
def test_only_an_api_key_needs_no_signature(authorization: str | None, expected: bool) -> None:
    headers = [("authorization", authorization)] if authorization is not None else []
    assert needs_signature(headers) is expected


def test_credentials_do_not_show_their_secrets() -> None:
    assert repr(SESSION) == "Credentials(access_key='ASIAEXAMPLE')"
