"""The price book: litellm's bundled map, read as a file. litellm itself is never imported.

A look-up is exact: the seller's own spelling of the model under the seller's own keys, and the entry must belong to the
seller. What is not found is unpriced. The revision is git's blob id of the map, so that anyone can find the very file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from attribution.pricing.rates import Entry
from attribution.pricing.sellers import SellerTerms, terms_of

__all__ = ["PriceBook", "PriceBookError", "load_bundled_book"]

BUNDLED_MAP = "model_prices_and_context_window_backup.json"
_MAX_KEPT = 4096
# Documented resource names: the model is what follows. https://ai.google.dev/api/models, Vertex AI publisher models
_RESOURCE = re.compile(r"^(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?models/(?=[^/]+$)")
# ARNs of what the model's id names; an application inference profile or provisioned capacity is called by a name of its
# own. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html (resource types)
_ARN = re.compile(r"^arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:(?:foundation-model|inference-profile)/(?=[^/]+$)")
# A fine-tuned model bills as `ft:<base>` (OpenAI pricing); its id is ft:<base>:<organisation>:<name>:<id>.
_FINE_TUNED = re.compile(r"^(ft:[^:]+):")


class PriceBookError(Exception):
    """The price map cannot be found or read; the message names the file and the mend."""


class PriceBook:
    """Prices of one revision of the map. `name` and `revision` go onto every charge made from it."""

    def __init__(self, prices: Mapping[str, Mapping[str, Any]], *, name: str, revision: str) -> None:
        self.name = name
        self.revision = revision
        self._prices = prices
        self._kept: dict[tuple[str, str, str | None], Entry | None] = {}

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str) -> PriceBook:
        """Raises PriceBookError where `data` is not a JSON object of objects."""
        try:
            prices = json.loads(data, parse_float=Decimal)
        except ValueError as error:
            raise PriceBookError(f"the price map {name} is not valid JSON: {error}") from error
        if not isinstance(prices, dict) or not all(isinstance(entry, dict) for entry in prices.values()):
            raise PriceBookError(f"the price map {name} must be a JSON object with one object per model")
        return cls(prices, name=name, revision=_blob_id(data))

    def find(self, seller: str, model: str, *, region: str | None = None) -> Entry | None:
        """The entry of `model` at `seller` (any documented spelling of either), or None where the book has none."""
        place = (seller, model, region)
        if place not in self._kept:
            if len(self._kept) >= _MAX_KEPT:  # model names come from clients: keep the memory bounded
                self._kept.clear()
            self._kept[place] = self._look_up(terms_of(seller), model, region)
        return self._kept[place]

    def _look_up(self, terms: SellerTerms, model: str, region: str | None) -> Entry | None:
        for name in _names(model):
            for key in _keys(terms, name, region):
                raw = self._prices.get(key)
                if raw is not None and _belongs(raw.get("litellm_provider"), terms):
                    return Entry(key, raw, terms)
        return None


def load_bundled_book() -> PriceBook:
    """The book that came with the installed litellm. Raises PriceBookError where there is none."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        raise PriceBookError("litellm is not installed, and its price map is the price book; install mergecost again")
    path = Path(found.origin).parent / BUNDLED_MAP
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PriceBookError(
            f"cannot read the price map {path}: {error.strerror or error}; reinstall litellm"
        ) from error
    return PriceBook.from_bytes(data, name="litellm")


def _names(model: str) -> list[str]:
    plain = _ARN.sub("", _RESOURCE.sub("", model))
    tuned = _FINE_TUNED.match(plain)
    return [plain, tuned.group(1)] if tuned else [plain]


def _keys(terms: SellerTerms, name: str, region: str | None) -> list[str]:
    regional = [f"{terms.name}/{region}/{name}"] if region and terms.region_in_key else []
    return regional + [prefix + name for prefix in terms.prefixes]


def _belongs(owner: object, terms: SellerTerms) -> bool:
    if not isinstance(owner, str):
        return False
    return owner in terms.owners or (terms.owner_family is not None and owner.startswith(f"{terms.owner_family}-"))


def _blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
