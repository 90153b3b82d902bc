"""One span and a few metrics a call, through opentelemetry-sdk, never content.

Rules:
- what is sent is what the ledger holds: a call is told once it is recorded, with the same tokens and pico-dollars;
- one span covers a call with its attempts, whose tokens and cost it sums;
- export is switched on by the standard OTEL_* variables (settings.telemetry_signals) and is off otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from attribution.model import RecordedCall
from attribution.vocabulary import GenAI, Http, Own, Vcs
from proxy.call import Outcome, Usage

__all__ = ["Telemetry"]

_NANOSECONDS = 1_000_000_000
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(slots=True)
class _Sum:
    """Attempts of one call so far."""

    started_ns: int
    attempts: int = 0
    duration_us: int = 0
    picodollars: int = 0
    usage: Usage | None = None  # None: no attempt said what it used


class Telemetry:
    """Tells recorded calls to OpenTelemetry."""

    def __init__(
        self,
        span_processors: Sequence[SpanProcessor],
        metric_readers: Sequence[MetricReader],
        *,
        legacy_names: bool = False,
    ) -> None:
        resource = Resource.create({SERVICE_NAME: "mergecost"})
        self._tracers = TracerProvider(resource=resource)
        for processor in span_processors:
            self._tracers.add_span_processor(processor)
        self._tracer = self._tracers.get_tracer("mergecost")
        self._meters = MeterProvider(metric_readers=metric_readers, resource=resource)
        meter = self._meters.get_meter("mergecost")
        self._tokens = {
            name: meter.create_counter(f"{GenAI.METRIC_USAGE_PREFIX}{name}", unit="{token}")
            for name in _token_counts(Usage())
        }
        self._duration = meter.create_histogram(GenAI.METRIC_DURATION, unit="s")
        self._first_chunk = meter.create_histogram(GenAI.METRIC_TIME_TO_FIRST_CHUNK, unit="s")
        self._cost = meter.create_counter(Own.METRIC_COST, unit="{picodollar}")
        self._legacy_tokens = (
            meter.create_histogram(GenAI.LEGACY_METRIC_TOKENS, unit="{token}") if legacy_names else None
        )
        self._legacy_duration = meter.create_histogram(GenAI.LEGACY_METRIC_DURATION, unit="s") if legacy_names else None
        self._running: dict[str, _Sum] = {}

    @classmethod
    def over_otlp(cls, signals: Collection[str], *, legacy_names: bool) -> Telemetry:
        """Export `traces`, `metrics` or both over OTLP/HTTP to where the OTEL_EXPORTER_OTLP_* variables say."""
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return cls(
            [BatchSpanProcessor(OTLPSpanExporter())] if "traces" in signals else [],
            [PeriodicExportingMetricReader(OTLPMetricExporter())] if "metrics" in signals else [],
            legacy_names=legacy_names,
        )

    def observe(self, recorded: RecordedCall, final: bool) -> None:  # noqa: FBT001 - the recorder's callback
        """Take one recorded attempt; with the last one of its call, tell the call.

        An amendment (revision > 0) only says that the attempt, taken before, was the last.
        """
        call, attempt = recorded.call, recorded.attempt
        running = self._running.setdefault(call.call_id, _Sum(started_ns=_nanoseconds(call.started_at)))
        ended_ns = max(running.started_ns, _nanoseconds(call.started_at) + attempt.duration_us * 1000)
        if recorded.revision == 0:
            running.attempts += 1
            running.picodollars += recorded.charge.total or 0
            if attempt.metered.usage is not None:
                running.usage = _add(running.usage or Usage(), attempt.metered.usage)
            running.duration_us = (ended_ns - running.started_ns) // 1000
        if final:
            del self._running[call.call_id]
            self._span(recorded, running, ended_ns)
            self._metrics(recorded, running)

    def close(self) -> None:
        """Send what is still to be sent."""
        self._tracers.shutdown()
        self._meters.shutdown()

    def _span(self, recorded: RecordedCall, total: _Sum, ended_ns: int) -> None:
        call, attempt = recorded.call, recorded.attempt
        span = self._tracer.start_span(
            f"{call.operation} {call.request_model}" if call.request_model else call.operation,
            kind=trace.SpanKind.CLIENT,
            start_time=total.started_ns,
            attributes=_present(_identity(recorded) | _details(recorded) | _totals(recorded, total)),
        )
        if attempt.outcome is not Outcome.OK:
            span.set_status(trace.StatusCode.ERROR)
        span.end(end_time=ended_ns)

    def _metrics(self, recorded: RecordedCall, total: _Sum) -> None:
        attributes = _present(_identity(recorded))
        usage = total.usage or Usage()
        for name, count in _token_counts(usage).items():
            if count:
                self._tokens[name].add(count, attributes)
        seconds = total.duration_us / 1e6
        self._duration.record(seconds, attributes)
        if recorded.attempt.time_to_first_chunk_us is not None:
            self._first_chunk.record(recorded.attempt.time_to_first_chunk_us / 1e6, attributes)
        if recorded.charge.total is not None:
            self._cost.add(total.picodollars, attributes)
        if self._legacy_duration is not None and self._legacy_tokens is not None:
            self._legacy_duration.record(seconds, attributes)
            for kind, count in (("input", usage.prompt_tokens), ("output", usage.completion_tokens)):
                self._legacy_tokens.record(count, attributes | {GenAI.TOKEN_TYPE: kind})


def _identity(recorded: RecordedCall) -> dict[str, Any]:
    """Attributes of few values: they stand on the metrics too."""
    call, attempt = recorded.call, recorded.attempt
    host, _, port = call.server.partition(":")
    return {
        GenAI.OPERATION_NAME: call.operation,
        GenAI.PROVIDER_NAME: call.provider,
        GenAI.REQUEST_MODEL: call.request_model,
        GenAI.RESPONSE_MODEL: attempt.metered.response_model,
        Http.SERVER_ADDRESS: host or None,
        Http.SERVER_PORT: int(port) if port.isdigit() else None,
        Http.ERROR_TYPE: attempt.error_type,
        Own.TEAM: call.stamp.team,
        Own.PURPOSE: call.stamp.purpose,
        Own.PRICE_STATUS: recorded.charge.status.value,
    }


def _details(recorded: RecordedCall) -> dict[str, Any]:
    call, attempt, stamp = recorded.call, recorded.attempt, recorded.call.stamp
    owner, _, name = (stamp.repository or "").rpartition("/")
    first_chunk = attempt.time_to_first_chunk_us
    return {
        GenAI.REQUEST_STREAM: call.stream,
        GenAI.CONVERSATION_ID: stamp.session,
        GenAI.RESPONSE_ID: attempt.metered.response_id,
        GenAI.RESPONSE_FINISH_REASONS: attempt.metered.finish_reasons or None,
        GenAI.RESPONSE_TIME_TO_FIRST_CHUNK: first_chunk / 1e6 if first_chunk is not None else None,
        Http.STATUS_CODE: attempt.status,
        Vcs.REPOSITORY_URL: f"https://{stamp.repository}" if stamp.repository else None,
        Vcs.REPOSITORY_NAME: name or None,
        Vcs.OWNER_NAME: owner.partition("/")[2] or None,
        Vcs.REF_HEAD_NAME: stamp.branch,
        Vcs.REF_HEAD_REVISION: stamp.head,
        Vcs.CHANGE_ID: stamp.change,
        Own.CALL_ID: call.call_id,
        Own.OUTCOME: attempt.outcome.value,
    }


def _totals(recorded: RecordedCall, total: _Sum) -> dict[str, Any]:
    counts = _token_counts(total.usage) if total.usage is not None else {}
    return {f"gen_ai.usage.{name}": count for name, count in counts.items()} | {
        Own.ATTEMPTS: total.attempts,
        Own.COST: total.picodollars if recorded.charge.total is not None else None,
    }


def _token_counts(usage: Usage) -> dict[str, int]:
    """The convention's counts: input includes cached tokens, output includes reasoning."""
    counts = {
        GenAI.INPUT_TOKENS: usage.prompt_tokens,
        GenAI.OUTPUT_TOKENS: usage.completion_tokens,
        GenAI.CACHE_READ_TOKENS: usage.cache_read_tokens,
        GenAI.CACHE_WRITE_TOKENS: usage.cache_write_tokens,
        GenAI.REASONING_TOKENS: usage.reasoning_tokens,
    }
    return {name.removeprefix("gen_ai.usage."): count for name, count in counts.items()}


def _add(one: Usage, other: Usage) -> Usage:
    names = [name for name in Usage.__dataclass_fields__ if name != "other"]
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in names})


def _present(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _nanoseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * _NANOSECONDS + since.microseconds * 1000
