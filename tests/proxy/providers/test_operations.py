"""Which request is which operation, and whether it is billed: every operation of the three APIs has a row here."""

from __future__ import annotations

import pytest

from proxy.providers import PROVIDERS

BILLED = {
    ("openai", "POST", "/v1/chat/completions", "chat.completions"),
    ("openai", "POST", "/v1/sonar", "chat.completions"),
    ("openai", "POST", "/v1/completions", "completions"),
    ("openai", "POST", "/v1/responses", "responses"),
    ("openai", "POST", "/v1/agent", "responses"),
    ("openai", "POST", "/v1/responses/compact", "responses.compact"),
    ("openai", "POST", "/v1/embeddings", "embeddings"),
    ("openai", "POST", "/v1/images/generations", "images.generations"),
    ("openai", "POST", "/v1/images/edits", "images.edits"),
    ("openai", "POST", "/v1/images/variations", "images.variations"),
    ("openai", "POST", "/v1/audio/speech", "audio.speech"),
    ("openai", "POST", "/v1/audio/transcriptions", "audio.transcriptions"),
    ("openai", "POST", "/v1/audio/translations", "audio.translations"),
    ("anthropic", "POST", "/v1/messages", "messages"),
    ("gemini", "POST", "/v1beta/models/m:generateContent", "generateContent"),
    ("gemini", "POST", "/v1/models/m:generateContent", "generateContent"),
    ("gemini", "POST", "/v1beta/models/m:streamGenerateContent", "streamGenerateContent"),
    ("gemini", "POST", "/v1beta/models/m:embedContent", "embedContent"),
    ("gemini", "POST", "/v1/models/m:batchEmbedContents", "embedContent"),
    ("gemini", "POST", "/v1beta/cachedContents", "cachedContents.create"),
    ("gemini", "POST", "/v1beta/openai/chat/completions", "chat.completions"),
    ("gemini", "POST", "/v1beta/openai/embeddings", "embeddings"),
}
FREE = {
    ("openai", "GET", "/v1/models", "models"),
    ("openai", "GET", "/v1/models/org/name", "models"),
    ("openai", "DELETE", "/v1/models/ft:m:o::1", "models"),
    ("openai", "POST", "/v1/moderations", "moderations"),
    ("openai", "POST", "/v1/responses/input_tokens", "responses.input_tokens"),
    ("openai", "GET", "/v1/responses/resp_1", "responses.retrieve"),
    ("openai", "HEAD", "/v1/responses/resp_1", "responses.retrieve"),
    ("openai", "DELETE", "/v1/responses/resp_1", "responses.delete"),
    ("openai", "POST", "/v1/responses/resp_1/cancel", "responses.cancel"),
    ("openai", "GET", "/v1/responses/resp_1/input_items", "responses.input_items"),
    ("openai", "GET", "/v1/chat/completions", "chat.completions.stored"),
    ("openai", "GET", "/v1/chat/completions/c/messages", "chat.completions.stored"),
    ("openai", "POST", "/v1/chat/completions/c", "chat.completions.stored"),
    ("openai", "DELETE", "/v1/chat/completions/c", "chat.completions.stored"),
    ("openai", "GET", "/v1/conversations/c/items", "conversations"),
    ("openai", "POST", "/v1/conversations", "conversations"),
    ("openai", "DELETE", "/v1/conversations/c", "conversations"),
    ("openai", "POST", "/v1/batches", "batches"),
    ("openai", "GET", "/v1/batches/batch_1", "batches"),
    ("openai", "POST", "/v1/batches/batch_1/cancel", "batches"),
    ("openai", "POST", "/v1/files", "files"),
    ("openai", "GET", "/v1/files/file-1", "files"),
    ("openai", "DELETE", "/v1/files/file-1", "files"),
    ("openai", "GET", "/v1/files/file-1/content", "files.content"),
    ("openai", "POST", "/v1/uploads", "uploads"),
    ("openai", "POST", "/v1/uploads/u/parts", "uploads"),
    ("openai", "POST", "/v1/vector_stores", "vector_stores"),
    ("openai", "GET", "/v1/vector_stores/vs", "vector_stores"),
    ("openai", "DELETE", "/v1/vector_stores/vs", "vector_stores"),
    ("openai", "POST", "/v1/vector_stores/vs/file_batches/b/cancel", "vector_stores"),
    ("openai", "GET", "/v1/vector_stores/vs/files/f/content", "vector_stores"),
    ("openai", "DELETE", "/v1/vector_stores/vs/files/f", "vector_stores"),
    ("anthropic", "POST", "/v1/messages/count_tokens", "messages.count_tokens"),
    ("anthropic", "POST", "/v1/messages/batches", "batches"),
    ("anthropic", "GET", "/v1/messages/batches/msgbatch_1", "batches"),
    ("anthropic", "DELETE", "/v1/messages/batches/msgbatch_1", "batches"),
    ("anthropic", "POST", "/v1/messages/batches/msgbatch_1/cancel", "batches"),
    ("anthropic", "GET", "/v1/messages/batches/msgbatch_1/results", "messages.batches.results"),
    ("anthropic", "GET", "/v1/models/claude-opus-4-6", "models"),
    ("anthropic", "POST", "/v1/files", "files"),
    ("anthropic", "GET", "/v1/files/f/content", "files"),
    ("anthropic", "DELETE", "/v1/files/f", "files"),
    ("anthropic", "POST", "/api/event_logging/batch", "event_logging"),
    ("anthropic", "POST", "/api/event_logging/v2/batch", "event_logging"),
    ("anthropic", "GET", "/api/claude_code/organizations/metrics_enabled", "event_logging"),
    ("gemini", "POST", "/v1beta/models/m:countTokens", "countTokens"),
    ("gemini", "GET", "/v1beta/models/m", "models"),
    ("gemini", "GET", "/v1beta/cachedContents", "cachedContents"),
    ("gemini", "PATCH", "/v1beta/cachedContents/c", "cachedContents"),
    ("gemini", "DELETE", "/v1beta/cachedContents/c", "cachedContents"),
    ("gemini", "POST", "/v1beta/models/m:batchGenerateContent", "batches"),
    ("gemini", "POST", "/v1beta/models/m:asyncBatchEmbedContent", "batches"),
    ("gemini", "GET", "/v1beta/batches", "batches"),
    ("gemini", "GET", "/v1beta/batches/b", "batches"),
    ("gemini", "POST", "/v1beta/batches/b:cancel", "batches"),
    ("gemini", "DELETE", "/v1beta/batches/b", "batches"),
    ("gemini", "GET", "/download/v1beta/files/batch-b:download", "files.content"),
    ("gemini", "GET", "/v1beta/files/f", "files"),
    ("gemini", "DELETE", "/v1beta/files/f", "files"),
    ("gemini", "POST", "/upload/v1beta/files", "files"),
    ("gemini", "PUT", "/upload/v1beta/files", "files"),
}
# Documented as billed, or not documented as free, and told nowhere in the response.
UNKNOWN = {
    ("openai", "POST", "/v1/videos"),
    ("openai", "POST", "/v1/fine_tuning/jobs"),
    ("openai", "POST", "/v1/vector_stores/vs/search"),
    ("openai", "POST", "/v1/containers"),
    ("openai", "GET", "/v1/organization/costs"),
    ("openai", "PATCH", "/v1/chat/completions"),
    ("anthropic", "POST", "/v1/complete"),
    ("anthropic", "POST", "/v1/sessions"),
    ("anthropic", "OPTIONS", "/v1/messages"),
    ("anthropic", "GET", "/v1/messages"),
    ("gemini", "POST", "/v1beta/models/imagen-4:predict"),
    ("gemini", "POST", "/v1beta/models/veo-3:predictLongRunning"),
    ("gemini", "POST", "/v1beta/interactions"),
    ("gemini", "POST", "/v1beta/fileSearchStores"),
}


@pytest.mark.parametrize(("kind", "method", "path", "name"), sorted(BILLED | FREE))
def test_a_request_is_the_operation_that_its_provider_documents(kind: str, method: str, path: str, name: str) -> None:
    operation = PROVIDERS[kind].operation(method, path)
    assert operation is not None
    assert (operation.name, operation.billable) == (name, (kind, method, path, name) in BILLED)


@pytest.mark.parametrize(("kind", "method", "path"), sorted(UNKNOWN))
def test_what_cannot_be_metered_is_no_known_operation(kind: str, method: str, path: str) -> None:
    assert PROVIDERS[kind].operation(method, path) is None


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
def test_every_operation_is_reached_by_a_row_of_this_table(kind: str) -> None:
    provider = PROVIDERS[kind]
    reached = [provider.operation(method, path) for of, method, path, _ in BILLED | FREE if of == kind]
    missed = [(entry.method, entry.path.pattern) for entry in provider.operations if entry not in reached]
    assert missed == []
