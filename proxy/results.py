"""From the results of a finished batch to one charge each, however often they are read.

A batch is billed for its answers, and a proxy learns of them when somebody reads them: once, never or ten times. So
each answer is a call of its own, and its id is made of what names it for ever: the provider, the batch or the file, and
the id its sender gave it. The ledger keeps the first row of an id, so reading again adds nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from proxy.call import Attempt, Call, Metered, Outcome

__all__ = ["BatchResult", "result_call"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """One answer, metered. `operation` is the provider's name of its batch operation: batch prices hold."""

    custom_id: str
    operation: str
    metered: Metered
    status: int | None = None
    error_type: str | None = None
    request_model: str | None = None
    size: int = 0


def result_call(reader: Call, source: str, result: BatchResult) -> tuple[Call, Attempt]:
    """The call that one result is, and how it ended. `source` names its batch or file.

    `reader` is the call it was read by: its stamp and key are taken over, since the wire does not say who sent the
    batch.
    """
    call = replace(
        reader,
        call_id=_call_id(reader.provider, source, result.custom_id),
        attempt=1,
        operation=result.operation,
        request_model=result.request_model,
        requested_tier=None,
        stream=False,
        client_retry_count=None,
        request_bytes=None,
        body_hash=None,
        problems=(),
    )
    failed = result.error_type is not None or (result.status or 0) >= 400
    attempt = Attempt(
        outcome=Outcome.ERROR if failed else Outcome.OK,
        status=result.status,
        error_type=result.error_type or (str(result.status) if failed else None),
        response_bytes=result.size,
        metered=result.metered,
    )
    return call, attempt


def _call_id(*names: str) -> str:
    """32 hexadecimal digits, like the ids of other calls; the lengths keep `a`, `bc` and `ab`, `c` apart."""
    text = "".join(f"{len(name)}:{name}" for name in names)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
