"""What went wrong between the proxy and a provider, as a table: for the client, for the row, for the person."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from proxy.journal import JournalWriteError
from proxy.signing import SigningError

__all__ = ["Failure", "failure_of"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Status for the client, error type for the row, words for the person."""

    status: int
    error_type: str
    words: str
    is_ours: bool = False


_FAILURES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Failure], ...] = (
    (
        aiohttp.ConnectionTimeoutError,
        Failure(504, "connect_timeout", "the connection was not answered in time"),
    ),
    (TimeoutError, Failure(504, "timeout", "no answer in time")),
    (
        (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError),
        Failure(502, "tls_error", "its certificate or TLS handshake was not acceptable"),
    ),
    (
        aiohttp.ClientConnectorDNSError,
        Failure(502, "name_not_resolved", "its name could not be resolved; check base_url in the configuration"),
    ),
    (
        aiohttp.ClientConnectorError,
        Failure(502, "connection_refused", "it did not accept a connection; check base_url in the configuration"),
    ),
    (SigningError, Failure(502, "signing", "its requests cannot be signed", is_ours=True)),
    (JournalWriteError, Failure(500, "not_recorded", "its answer could not be recorded")),
    (aiohttp.ClientResponseError, Failure(502, "invalid_response", "its answer is not valid HTTP")),
    (ValueError, Failure(502, "invalid_address", "its address cannot be used; check base_url in the configuration")),
    ((aiohttp.ClientError, OSError), Failure(502, "connection_lost", "it closed the connection")),
)
_OURS = Failure(500, "proxy_error", "mergecost failed; its log says how", is_ours=True)


def failure_of(error: Exception) -> Failure:
    """What an error means: the first row that holds it, since errors of aiohttp are of several kinds at once."""
    return next((failure for kinds, failure in _FAILURES if isinstance(error, kinds)), _OURS)
