"""The registry of providers: one line each."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.providers.anthropic import ANTHROPIC
from proxy.providers.azure import AZURE
from proxy.providers.base import Operation, Provider, Reading
from proxy.providers.bedrock import BEDROCK
from proxy.providers.gemini import GEMINI
from proxy.providers.openai import OPENAI
from proxy.providers.vertex import VERTEX

__all__ = ["PROVIDERS", "Operation", "Provider", "Reading", "find_operation"]

PROVIDERS: Mapping[str, Provider] = {
    provider.kind: provider for provider in (OPENAI, ANTHROPIC, GEMINI, AZURE, VERTEX, BEDROCK)
}


def find_operation(otel_name: str, operation: str) -> Operation | None:
    """The operation a record names by `gen_ai.provider.name` and the provider's name of it."""
    for provider in PROVIDERS.values():
        if provider.otel_name == otel_name:
            return next((entry for entry in provider.operations if entry.name == operation), None)
    return None
