"""The field's names, spelled once: OpenTelemetry GenAI and VCS semantic conventions, and our own beside them.

Sources: OpenTelemetry semantic-conventions-genai (status Development, text of August 2026) and the VCS registry
(release candidate). Nothing in either covers exact money, so the cost names are ours: pico-dollars, because OTLP has
no decimal type and a double would not add up.
"""

from __future__ import annotations

__all__ = ["GenAI", "Http", "Own", "Vcs"]


class GenAI:
    OPERATION_NAME = "gen_ai.operation.name"
    PROVIDER_NAME = "gen_ai.provider.name"
    REQUEST_MODEL = "gen_ai.request.model"
    REQUEST_STREAM = "gen_ai.request.stream"
    CONVERSATION_ID = "gen_ai.conversation.id"
    RESPONSE_ID = "gen_ai.response.id"
    RESPONSE_MODEL = "gen_ai.response.model"
    RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
    RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
    INPUT_TOKENS = "gen_ai.usage.input_tokens"  # includes cached tokens, as the convention says
    OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
    CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
    CACHE_WRITE_TOKENS = "gen_ai.usage.cache_write.input_tokens"
    REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"

    METRIC_USAGE_PREFIX = "gen_ai.client.inference.usage."
    METRIC_DURATION = "gen_ai.client.inference.duration"
    METRIC_TIME_TO_FIRST_CHUNK = "gen_ai.client.inference.time_to_first_chunk"
    LEGACY_METRIC_TOKENS = "gen_ai.client.token.usage"
    LEGACY_METRIC_DURATION = "gen_ai.client.operation.duration"
    TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - an attribute's name


class Vcs:
    REPOSITORY_URL = "vcs.repository.url.full"
    REPOSITORY_NAME = "vcs.repository.name"
    OWNER_NAME = "vcs.owner.name"
    REF_HEAD_NAME = "vcs.ref.head.name"
    REF_HEAD_REVISION = "vcs.ref.head.revision"
    CHANGE_ID = "vcs.change.id"


class Http:
    ERROR_TYPE = "error.type"
    SERVER_ADDRESS = "server.address"
    SERVER_PORT = "server.port"
    STATUS_CODE = "http.response.status_code"


class Own:
    CALL_ID = "mergecost.call.id"
    ATTEMPTS = "mergecost.call.attempts"
    OUTCOME = "mergecost.call.outcome"
    TEAM = "mergecost.team"
    PURPOSE = "mergecost.purpose"
    PRICE_STATUS = "mergecost.price.status"
    COST = "mergecost.cost.picodollars"
    METRIC_COST = "mergecost.client.inference.cost"
