"""AWS credentials for signing: found where AWS's own tools find them, by botocore, which is loaded only here.

botocore looks into the environment, the shared configuration, web identities, container and instance roles. Credentials
that expire are fetched again when they are about to, in a thread, since that may ask the network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from attribution.errors import UserError
from attribution.settings import ProviderSettings
from proxy.clock import Clock
from proxy.signing import Credentials, SigningError, needs_signature, resign

__all__ = ["AwsSigner", "signer_for"]


class AwsSigner:
    """proxy.signing.Signer with botocore's credentials for one region."""

    def __init__(self, source: Any, region: str, clock: Clock) -> None:
        self._source = source  # botocore.credentials.Credentials, which has no types
        self._region = region
        self._clock = clock

    async def sign(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> list[tuple[str, str]]:
        if not needs_signature(headers):
            return list(headers)
        credentials = await self._credentials()
        return resign(method, url, headers, body, credentials, self._region, moment=self._clock.now())

    async def _credentials(self) -> Credentials:
        from botocore.exceptions import BotoCoreError

        try:
            frozen = await asyncio.to_thread(self._source.get_frozen_credentials)
        except BotoCoreError as error:
            raise SigningError(f"the AWS credentials could not be renewed: {error}") from error
        if not frozen.access_key or not frozen.secret_key:
            raise SigningError("there are no AWS credentials any more")
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def signer_for(name: str, entry: ProviderSettings, clock: Clock) -> AwsSigner | None:
    """The signer of one provider entry; None where it names no region. Raises UserError where nothing can be signed."""
    if entry.region is None:
        return None
    if entry.kind != "bedrock":
        raise UserError(f"providers.{name}.region is for kind bedrock; {entry.kind} requests are not signed")
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        source = Session().get_credentials()
    except BotoCoreError as error:
        raise UserError(f"the AWS credentials for providers.{name} cannot be read: {error}") from error
    if source is None:
        raise UserError(
            f"providers.{name}.region asks for signed requests and there are no AWS credentials: set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or a role, or leave the region out"
        )
    return AwsSigner(source, entry.region, clock)
