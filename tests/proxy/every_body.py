"""Every body the meter is tried on."""

from __future__ import annotations

from collections.abc import Mapping

from tests.proxy.bodies import WHOLE, Body, Expected
from tests.proxy.bodies_of_operations import OF_OPERATIONS
from tests.proxy.bodies_of_sellers import OF_SELLERS

__all__ = ["EVERY", "STREAMED"]

EVERY: Mapping[str, tuple[Body, Expected]] = {**WHOLE, **OF_OPERATIONS, **OF_SELLERS}
STREAMED = {name: (body, expected) for name, (body, expected) in EVERY.items() if expected.ends}
