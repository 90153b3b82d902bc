"""What OpenTelemetry is told of a call is what the ledger holds of it. The collector is a real OTLP/HTTP server."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from attribution.demo.provider import SampleProvider
from attribution.demo.wire import Reply
from attribution.telemetry import Telemetry
from proxy.call import Outcome
from tests.factories import NOON, make_call
from tests.proxying import OPERATIONS, ledger_rows, settings_for
from tests.serving_process import ServingProcess

PROMPT = "[sample input=1000 output=200 cache_read=300 reasoning=40]"


class Collector:
    """Keeps what is exported to it in memory."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: dict[str, list[Any]] = defaultdict(list)

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/v1/traces", self._traces)
        app.router.add_post("/v1/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *error):
        await self._runner.cleanup()

    async def _traces(self, request):
        message = ExportTraceServiceRequest.FromString(await request.read())
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                self.spans += [(span, attributes_of(span)) for span in scope.spans]
        return web.Response()

    async def _metrics(self, request):
        message = ExportMetricsServiceRequest.FromString(await request.read())
        for resource in message.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = metric.sum.data_points or metric.histogram.data_points
                    self.metrics[metric.name] = [(point, attributes_of(point)) for point in points]
        return web.Response()


def attributes_of(message):
    return {item.key: value_of(item.value) for item in message.attributes}


def value_of(value):
    kind = value.WhichOneof("value")
    return [value_of(inner) for inner in value.array_value.values] if kind == "array_value" else getattr(value, kind)


def added(row, *names):
    """Sum of the columns, None where the call said nothing of them."""
    counts = [row[name] for name in names if row[name] is not None]
    return sum(counts) if counts else None


async def exported(tmp_path, operations, prompt=PROMPT, env=None, planned=()):
    """Run the operations through a proxy process that exports; returns the collector and the ledger rows."""
    async with Collector() as collector, SampleProvider() as provider, aiohttp.ClientSession() as client:
        provider.planned.extend(planned)
        names = ("OPENAI", "ANTHROPIC", "GEMINI")
        settings = {f"MERGECOST_PROVIDERS__{name}__BASE_URL": provider.url for name in names}
        settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
        ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
        async with ServingProcess("--ledger", ledger, home=tmp_path, env=settings | (env or {})) as proxy:
            for operation in operations:
                headers = dict(operation.headers) | {
                    "x-mergecost-team": "payments",
                    "x-mergecost-repo": "github.com/acme/shop",
                    "x-mergecost-branch": "feature/x",
                    "x-mergecost-session": "s-1",
                }
                async with client.post(
                    proxy.url + operation.path, json=operation.request(prompt), headers=headers
                ) as response:
                    await response.read()
            await proxy.stop()
        return collector, ledger_rows(settings_for(provider.url, tmp_path))


async def test_each_call_s_span_says_what_its_ledger_row_says(tmp_path):
    collector, rows = await exported(tmp_path, OPERATIONS)
    spans = {attributes["mergecost.call.id"]: (span, attributes) for span, attributes in collector.spans}
    assert len(spans) == len(rows) == len(OPERATIONS)
    for row in rows:
        span, attributes = spans[row["call_id"]]
        assert span.name == f"{row['operation']} {row['request_model']}"
        assert attributes.get("gen_ai.usage.input_tokens") == added(row, "input_tokens", "cache_read_tokens")
        assert attributes.get("gen_ai.usage.output_tokens") == added(row, "output_tokens", "reasoning_tokens")
        assert attributes.get("gen_ai.usage.cache_read.input_tokens") == row["cache_read_tokens"]
        assert attributes.get("gen_ai.usage.reasoning.output_tokens") == row["reasoning_tokens"]
        assert attributes["mergecost.cost.picodollars"] == row["total_picodollars"]
        assert attributes["gen_ai.provider.name"] == row["provider"]
        assert attributes["gen_ai.request.stream"] == bool(row["stream"])
        assert attributes["gen_ai.conversation.id"] == "s-1"
        assert attributes["vcs.ref.head.name"] == "feature/x"
        assert attributes["vcs.repository.url.full"] == "https://github.com/acme/shop"
        assert (span.end_time_unix_nano - span.start_time_unix_nano) == row["duration_us"] * 1000


async def test_the_metrics_sum_to_the_ledger(tmp_path):
    collector, rows = await exported(tmp_path, OPERATIONS)

    def total(name):
        return sum(point.as_int for point, _ in collector.metrics[name])

    usage = "gen_ai.client.inference.usage."
    assert total("mergecost.client.inference.cost") == sum(row["total_picodollars"] for row in rows)
    assert total(usage + "input_tokens") == sum(added(row, "input_tokens", "cache_read_tokens") or 0 for row in rows)
    assert total(usage + "output_tokens") == sum(added(row, "output_tokens", "reasoning_tokens") or 0 for row in rows)
    assert total(usage + "cache_read.input_tokens") == sum(row["cache_read_tokens"] or 0 for row in rows)
    durations = collector.metrics["gen_ai.client.inference.duration"]
    assert sum(point.count for point, _ in durations) == len(rows)
    assert sum(point.sum for point, _ in durations) == pytest.approx(sum(row["duration_us"] for row in rows) / 1e6)
    streamed = [row for row in rows if row["stream"]]
    first = collector.metrics["gen_ai.client.inference.time_to_first_chunk"]
    assert sum(point.count for point, _ in first) == len(streamed)
    assert {attributes["mergecost.team"] for _, attributes in durations} == {"payments"}


async def test_one_span_covers_a_call_with_its_retries(tmp_path):
    busy = Reply(status=429, headers=(("Retry-After", "0"),), pieces=(b"{}",))
    operation = OPERATIONS[0]
    collector, rows = await exported(
        tmp_path, [operation], env={"MERGECOST_PROVIDERS__OPENAI__RETRIES": "2"}, planned=[busy, busy]
    )
    ((_, attributes),) = collector.spans
    assert [row["attempt"] for row in rows] == [1, 2, 3]
    assert attributes["mergecost.call.attempts"] == 3
    assert attributes["mergecost.cost.picodollars"] == sum(row["total_picodollars"] for row in rows)
    assert "error.type" not in attributes


async def test_an_unpriced_call_has_tokens_and_no_cost(tmp_path):
    operation = OPERATIONS[0]
    unknown = type(operation)("chat.completions", operation.path, {**operation.body, "model": "gpt-unheard-of"})
    collector, (row,) = await exported(tmp_path, [unknown])
    ((_, attributes),) = collector.spans
    assert row["price_status"] == attributes["mergecost.price.status"] == "unpriced"
    assert "mergecost.cost.picodollars" not in attributes
    assert attributes["gen_ai.usage.output_tokens"] == 240
    assert "mergecost.client.inference.cost" not in collector.metrics


async def test_no_content_and_no_secret_is_told(tmp_path):
    prompt = "a prompt nobody may keep"
    collector, _ = await exported(tmp_path, OPERATIONS, prompt=prompt)
    told = json.dumps([attributes for _, attributes in collector.spans], ensure_ascii=False)
    assert collector.spans
    assert prompt not in told
    assert "naïve" not in told


async def test_the_older_metric_names_stand_behind_a_setting(tmp_path):
    without, _ = await exported(tmp_path, OPERATIONS[:1])
    assert "gen_ai.client.token.usage" not in without.metrics
    legacy, _ = await exported(tmp_path / "legacy", OPERATIONS[:1], env={"MERGECOST_TELEMETRY__LEGACY_NAMES": "true"})
    assert {"gen_ai.client.token.usage", "gen_ai.client.operation.duration"} <= legacy.metrics.keys()


def test_a_call_given_up_between_its_attempts_is_told_when_its_amendment_says_so():
    exporter = InMemorySpanExporter()
    telemetry = Telemetry([SimpleSpanProcessor(exporter)], [])
    telemetry.observe(make_call(attempt=1, outcome=Outcome.ERROR), False)
    telemetry.observe(make_call(attempt=2, outcome=Outcome.ERROR), False)
    assert exporter.get_finished_spans() == ()
    telemetry.observe(make_call(attempt=2, outcome=Outcome.ERROR, revision=1), True)
    (span,) = exporter.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["mergecost.call.attempts"] == 2
    assert span.attributes["mergecost.cost.picodollars"] == 2 * (make_call().charge.total or 0)
    telemetry.close()


def test_a_clock_that_goes_back_between_attempts_gives_no_span_that_ends_before_it_began():
    exporter = InMemorySpanExporter()
    telemetry = Telemetry([SimpleSpanProcessor(exporter)], [])
    telemetry.observe(make_call(attempt=1), False)
    telemetry.observe(make_call(attempt=2, started_at=NOON - timedelta(hours=1)), True)
    (span,) = exporter.get_finished_spans()
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time >= span.start_time
    telemetry.close()
