"""Signing a request again for the host it really goes to (AWS Signature Version 4).

A signature covers the host. A client that was pointed at the proxy signs for the proxy's host, which the provider
refuses, so its signature is replaced by one from the credentials the proxy was configured with. A request that carries
an API key (`Authorization: Bearer`) needs no signature and is left alone.

The signature itself is botocore's, the reference implementation, imported only where a seller asks for signing. Signed
are the headers the specification demands (host, `x-amz-*`) and the content type: what a transport may add or change on
the way stays outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

__all__ = ["Credentials", "Signer", "SigningError", "needs_signature", "resign"]

_TIMESTAMP = "%Y%m%dT%H%M%SZ"
# What a client's own signature put into its headers.
_CLIENT_SIGNATURE = frozenset({"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"})
# Load balancers rewrite it, so botocore leaves it out as well.
_NEVER_SIGNED = frozenset({"x-amzn-trace-id"})


class SigningError(Exception):
    """No signature can be made; the message says why, for the person."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One set of AWS credentials, as botocore's signer reads them."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class Signer(Protocol):
    """Signs what one seller is sent."""

    async def sign(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> list[tuple[str, str]]:
        """The headers to send in place of `headers`. Raises SigningError."""
        ...


def needs_signature(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a request must be signed: it carries no API key."""
    return not any(
        name.lower() == "authorization" and value.strip().lower().startswith("bearer ") for name, value in headers
    )


def resign(  # noqa: PLR0917 - the first four are one request, in the order of HTTP
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    credentials: Credentials,
    region: str,
    *,
    moment: datetime,
    service: str = "bedrock",
) -> list[tuple[str, str]]:
    """`headers` with the client's signature replaced by one over `url` as it stands, byte for byte, at `moment` (UTC).

    `body` is all that will be sent: the signature covers it. `service` is the signing name, not the host's label.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    kept = [(name, value) for name, value in headers if name.lower() not in _CLIENT_SIGNATURE]
    added = [("X-Amz-Date", moment.strftime(_TIMESTAMP))]
    if credentials.token:
        added.append(("X-Amz-Security-Token", credentials.token))
    request = AWSRequest(method=method, url=url, data=body)
    for name, value in [*kept, *added]:
        if _is_signed(name.lower()):
            request.headers[name] = value
    request.context["timestamp"] = moment.strftime(_TIMESTAMP)
    auth = SigV4Auth(credentials, service, region)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    signed = auth.signed_headers(auth.headers_to_sign(request))
    authorization = f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={signed}, Signature={signature}"
    return [*kept, *added, ("Authorization", authorization)]


def _is_signed(name: str) -> bool:
    return name == "content-type" or (name.startswith("x-amz") and name not in _NEVER_SIGNED)
