"""Whether and when to try again. Pure.

Only before the first response byte reached the client, only on answers that say "not now" (429, 5xx, 529) and on
connections that failed. `Retry-After` is honoured (RFC 9110 section 10.2.3: seconds or a date); a wait that is too long
is left to the client, which is told it by the same header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

__all__ = ["MAX_WAIT_SECONDS", "may_retry", "retry_delay"]

MAX_WAIT_SECONDS = 60.0
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 8.0
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def may_retry(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a provider's answer invites another try; `x-should-retry` is the providers' own word on an error."""
    if status < 400:
        return False
    said = headers.get("x-should-retry", "").strip().lower()
    if said in ("true", "false"):
        return said == "true"
    return status == 429 or status >= 500


def retry_delay(attempt: int, headers: Mapping[str, str], *, now: datetime, jitter: float) -> float | None:
    """Seconds to wait after `attempt` (from 1), or None where the provider asks for more than is bearable.

    `jitter` in [0, 1) spreads the waits of clients that failed together over the upper half of the backoff.
    """
    asked = _retry_after(headers, now)
    if asked is not None:
        return asked if asked <= MAX_WAIT_SECONDS else None
    backoff: float = min(_FIRST_WAIT_SECONDS * 2 ** (attempt - 1), _LONGEST_BACKOFF_SECONDS)
    return backoff * (0.5 + jitter / 2)


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _NUMBER.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    text = headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        seconds: float = (parsedate_to_datetime(text) - now).total_seconds()
        return max(0.0, seconds)
    except (ValueError, TypeError, OverflowError):
        return None
