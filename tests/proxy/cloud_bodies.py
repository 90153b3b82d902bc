"""Bodies of Azure OpenAI, Vertex AI and Bedrock, one for each way an operation answers, and what is in them."""

from __future__ import annotations

import json

from proxy.call import Usage
from tests.proxy.bodies import Expected
from tests.proxy.cloud_shapes import (
    ANTHROPIC_CHUNKS,
    AZURE_CHAT,
    AZURE_RESPONSE,
    AZURE_USAGE,
    AZURE_USED,
    BEDROCK_MESSAGE,
    CLAUDE,
    CLAUDE_EVENTS,
    CLAUDE_MESSAGE,
    CLAUDE_USED,
    CONVERSE,
    CONVERSE_STREAM,
    COUNT_HEADERS,
    DEPLOYED,
    GEMINI,
    GEMINI_STREAM,
    METRICS_USED,
    MODEL,
    PLAIN,
    PLAIN_METRICS,
    PROJECT,
    VERTEX_USAGE,
    CloudBody,
    azure_chunk,
    candidate,
    document,
    frames,
    openai_chunk,
    sse,
)
from tests.proxy.frames import chunk_frame, exception_frame

__all__ = ["CLOUD", "CLOUD_STREAMED", "FAILED"]

CLOUD: dict[str, tuple[CloudBody, Expected]] = {
    "azure deployment": (
        document("azure", f"{DEPLOYED}/chat/completions", AZURE_CHAT),
        Expected(AZURE_USED, ("stop",), ends=False),
    ),
    "azure deployment stream": (
        sse(
            "azure",
            f"{DEPLOYED}/chat/completions",
            {"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": []},
            azure_chunk({"role": "assistant", "content": ""}),
            azure_chunk({"content": "Hello"}),
            azure_chunk({}, "stop"),
            azure_chunk(None, usage=AZURE_USAGE),
            "[DONE]",
        ),
        Expected(AZURE_USED, ("stop",)),
    ),
    "azure v1": (
        document("azure", "/openai/v1/chat/completions", AZURE_CHAT),
        Expected(AZURE_USED, ("stop",), ends=False),
    ),
    "azure responses": (
        document("azure", "/openai/responses", AZURE_RESPONSE),
        Expected(AZURE_USED, ("completed",), ends=False),
    ),
    "azure v1 responses stream": (
        sse(
            "azure",
            "/openai/v1/responses",
            {"type": "response.created", "response": AZURE_RESPONSE | {"status": "in_progress", "usage": None}},
            {"type": "response.output_text.delta", "delta": "Hello"},
            {"type": "response.completed", "response": AZURE_RESPONSE},
            named=True,
        ),
        Expected(AZURE_USED, ("completed",)),
    ),
    "azure embeddings": (
        document(
            "azure",
            "/openai/deployments/emb/embeddings",
            {"model": "text-embedding-3-small", "data": [], "usage": {"prompt_tokens": 7, "total_tokens": 7}},
        ),
        Expected(Usage(input_tokens=7), (), ends=False),
    ),
    "vertex gemini": (
        document("vertex", f"{GEMINI}:generateContent", candidate("Hello", "STOP", VERTEX_USAGE)),
        Expected(AZURE_USED, ("STOP",), ends=False),
    ),
    "vertex gemini v1beta1 express": (
        document(
            "vertex",
            "/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent",
            candidate("Hello", "STOP", VERTEX_USAGE),
        ),
        Expected(AZURE_USED, ("STOP",), ends=False),
    ),
    "vertex tuned gemini": (
        document("vertex", f"{PROJECT}/endpoints/123456:generateContent", candidate("Hello", "STOP", VERTEX_USAGE)),
        Expected(AZURE_USED, ("STOP",), ends=False),
    ),
    "vertex gemini sse": (
        sse("vertex", f"{GEMINI}:streamGenerateContent", *GEMINI_STREAM),
        Expected(AZURE_USED, ("STOP",)),
    ),
    "vertex gemini array": (
        CloudBody("vertex", f"{GEMINI}:streamGenerateContent", json.dumps(GEMINI_STREAM, indent=1).encode()),
        Expected(AZURE_USED, ("STOP",)),
    ),
    "vertex embedContent": (
        document(
            "vertex",
            f"{PROJECT}/publishers/google/models/gemini-embedding-2:embedContent",
            {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 7}},
        ),
        Expected(Usage(input_tokens=7), (), ends=False),
    ),
    "vertex predict": (
        document(
            "vertex",
            f"{PROJECT}/publishers/google/models/gemini-embedding-001:predict",
            {
                "predictions": [
                    {"embeddings": {"values": [0.5], "statistics": {"truncated": False, "token_count": count}}}
                    for count in (3, 4.0)
                ],
                "metadata": {"billableCharacterCount": 30},
            },
        ),
        Expected(Usage(input_tokens=7), (), ends=False),
    ),
    "vertex claude": (
        document("vertex", f"{CLAUDE}:rawPredict", CLAUDE_MESSAGE),
        Expected(CLAUDE_USED, ("tool_use",), 1, ends=False),
    ),
    "vertex claude stream": (
        sse("vertex", f"{CLAUDE}:streamRawPredict", *CLAUDE_EVENTS, named=True),
        Expected(CLAUDE_USED, ("tool_use",), 1),
    ),
    "vertex openai chat": (
        document(
            "vertex",
            "/v1/projects/p-1/locations/global/endpoints/openapi/chat/completions",
            {
                "id": "c",
                "model": "google/gemini-2.5-flash",
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
                "usage": {
                    "prompt_tokens": 10,
                    "completion_tokens": 20,
                    "total_tokens": 30,
                    "extra_properties": {"google": {"traffic_type": "ON_DEMAND"}},
                },
            },
        ),
        Expected(PLAIN, ("stop",), ends=False),
    ),
    "bedrock converse": (
        document("bedrock", f"{MODEL}/converse", CONVERSE),
        Expected(CLAUDE_USED, ("tool_use",), 1, ends=False),
    ),
    "bedrock converse stream": (
        frames("/converse-stream", *CONVERSE_STREAM),
        Expected(CLAUDE_USED, ("tool_use",), 1),
    ),
    "bedrock invoke anthropic": (
        document("bedrock", f"{MODEL}/invoke", BEDROCK_MESSAGE, headers=COUNT_HEADERS),
        Expected(CLAUDE_USED, ("tool_use",), 1, ends=False),
    ),
    "bedrock invoke anthropic stream": (
        frames("/invoke-with-response-stream", *ANTHROPIC_CHUNKS),
        Expected(CLAUDE_USED, ("tool_use",), 1),
    ),
    "bedrock invoke nova": (
        document(
            "bedrock",
            "/model/amazon.nova-lite-v1:0/invoke",
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
                "stopReason": "end_turn",
                "usage": {
                    "inputTokens": 36,
                    "outputTokens": 20,
                    "totalTokens": 56,
                    "cacheReadInputTokenCount": 64,
                    "cacheWriteInputTokenCount": 50,
                },
            },
            headers=COUNT_HEADERS,
        ),
        Expected(METRICS_USED, ("end_turn",), ends=False),
    ),
    "bedrock invoke nova stream": (
        frames(
            "/invoke-with-response-stream",
            chunk_frame({"messageStart": {"role": "assistant"}}),
            chunk_frame({"contentBlockDelta": {"delta": {"text": "Hello"}, "contentBlockIndex": 0}}),
            chunk_frame({"contentBlockStop": {"contentBlockIndex": 0}}),
            chunk_frame({"messageStop": {"stopReason": "end_turn"}}),
            chunk_frame(
                {
                    "metadata": {"usage": {"inputTokens": 10, "outputTokens": 20}, "metrics": {}, "trace": {}},
                    "amazon-bedrock-invocationMetrics": PLAIN_METRICS,
                }
            ),
        ),
        Expected(PLAIN, ("end_turn",)),
    ),
    "bedrock invoke openai": (
        document(
            "bedrock",
            "/model/openai.gpt-oss-20b-1:0/invoke",
            {
                "id": "c-1",
                "model": "openai.gpt-oss-20b-1:0",
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
            },
        ),
        Expected(PLAIN, ("stop",), ends=False),
    ),
    "bedrock invoke openai stream": (
        frames(
            "/invoke-with-response-stream",
            chunk_frame(openai_chunk({"content": "Hi"})),
            chunk_frame(openai_chunk({}, "stop") | {"amazon-bedrock-invocationMetrics": PLAIN_METRICS}),
        ),
        Expected(PLAIN, ("stop",)),
    ),
    "bedrock invoke llama": (
        document(
            "bedrock",
            "/model/meta.llama3-3-70b-instruct-v1:0/invoke",
            {"generation": "Hello", "prompt_token_count": 10, "generation_token_count": 20, "stop_reason": "stop"},
        ),
        Expected(PLAIN, ("stop",), ends=False),
    ),
    "bedrock invoke llama stream": (
        frames(
            "/invoke-with-response-stream",
            chunk_frame(
                {"generation": "He", "prompt_token_count": 10, "generation_token_count": 1, "stop_reason": None}
            ),
            chunk_frame(
                {
                    "generation": "",
                    "prompt_token_count": None,
                    "generation_token_count": 20,
                    "stop_reason": "stop",
                    "amazon-bedrock-invocationMetrics": PLAIN_METRICS,
                }
            ),
        ),
        Expected(PLAIN, ("stop",)),
    ),
    "bedrock invoke titan": (
        document(
            "bedrock",
            "/model/amazon.titan-text-premier-v1:0/invoke",
            {
                "inputTextTokenCount": 10,
                "results": [{"tokenCount": 20, "outputText": "Hello", "completionReason": "FINISH"}],
            },
        ),
        Expected(PLAIN, ("FINISH",), ends=False),
    ),
    "bedrock invoke titan embedding": (
        document(
            "bedrock",
            "/model/amazon.titan-embed-text-v2%3A0/invoke",
            {"embedding": [0.5], "inputTextTokenCount": 7},
            headers={"x-amzn-bedrock-input-token-count": "7"},
        ),
        Expected(Usage(input_tokens=7), (), ends=False),
    ),
    "bedrock invoke counted by headers alone": (
        document("bedrock", "/model/mistral.mistral-large-2407-v1:0/invoke", {"outputs": []}, headers=COUNT_HEADERS),
        Expected(PLAIN, (), ends=False),
    ),
    "bedrock arn": (
        document(
            "bedrock",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0"
            "/converse",
            CONVERSE,
        ),
        Expected(CLAUDE_USED, ("tool_use",), 1, ends=False),
    ),
    "bedrock openai chat": (
        document(
            "bedrock",
            "/openai/v1/chat/completions",
            {
                "id": "c",
                "model": "openai.gpt-oss-20b-1:0",
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Hi"}}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
            },
        ),
        Expected(PLAIN, ("stop",), ends=False),
    ),
}
CLOUD_STREAMED = {name: (body, expected) for name, (body, expected) in CLOUD.items() if expected.ends}

# Streams that began well and failed: what was streamed, the error's name.
FAILED = {
    "converse": (frames("/converse-stream", *CONVERSE_STREAM[:2], exception_frame("throttlingException", "slow")), 5),
    "invoke": (
        frames(
            "/invoke-with-response-stream",
            *ANTHROPIC_CHUNKS[:4],
            exception_frame("modelStreamErrorException", "broken"),
        ),
        len('Hello \\"type\\":\\"message_stop\\"'),
    ),
}
