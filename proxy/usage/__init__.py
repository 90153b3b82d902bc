"""From a provider's own usage object to disjoint quantities: one file a wire format, one registry line an operation."""

from proxy.usage.normalise import FREE_OPERATIONS, RESPONSE_FIELDS, Normalised, normalise, reduced, samplings

__all__ = ["FREE_OPERATIONS", "RESPONSE_FIELDS", "Normalised", "normalise", "reduced", "samplings"]
