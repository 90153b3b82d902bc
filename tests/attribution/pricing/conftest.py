from __future__ import annotations

import pytest

from attribution.pricing.book import PriceBook, load_bundled_book


@pytest.fixture(scope="session")
def book() -> PriceBook:
    """The price book that ships with the pinned litellm."""
    return load_bundled_book()
