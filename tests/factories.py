"""Builders of facts for tests: every field has a plausible value, a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from attribution.ledger.rows import COMPONENTS, QUANTITIES
from attribution.model import (
    Allocation,
    Change,
    Charge,
    Grade,
    PriceStatus,
    RecordedCall,
    RepositoryFacts,
    Rule,
    Target,
    TargetKind,
)
from proxy.call import Attempt, BillingBasis, Call, Metered, Outcome, Stamp, StampSource, Usage

__all__ = [
    "NOON",
    "REPOSITORY",
    "UNPRICED",
    "make_allocation",
    "make_call",
    "make_change",
    "make_charge",
    "make_facts",
    "recorded_calls",
]

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
REPOSITORY = "github.com/acme/shop"
USAGE = Usage(input_tokens=100, output_tokens=20)
FEATURE_BRANCH = Target(TargetKind.BRANCH, f"branch:{REPOSITORY}:feature")
UNPRICED = Charge(status=PriceStatus.UNPRICED, reason="no price for gpt-9")


def make_charge(**components: int) -> Charge:
    """A priced charge of these pico-dollars by component; input and output have some unless they are named."""
    amounts = {"input": 1_000_000, "output": 2_000_000, **components}
    return Charge(
        status=PriceStatus.PRICED,
        components=tuple((name, amount) for name, amount in amounts.items() if amount),
        total=sum(amounts.values()),
        price_book="litellm",
        price_book_revision="0a1b2c3",
    )


def make_call(
    call_id: str = "call-1",
    *,
    attempt: int = 1,
    started_at: datetime = NOON,
    charge: Charge | None = None,
    usage: Usage | None = USAGE,
    outcome: Outcome = Outcome.OK,
    revision: int = 0,
    response_model: str | None = "gpt-5-2026-08-07",
    stamp: dict[str, Any] | None = None,
    **call: Any,
) -> RecordedCall:
    """A recorded call; `stamp` changes its Stamp and further keywords its Call. An unpriced one: charge=UNPRICED."""
    stamped: dict[str, Any] = {"repository": REPOSITORY, "branch": "feature", "team": "payments", "session": "s-1"}
    called: dict[str, Any] = {
        "provider": "openai",
        "seller": "openai",
        "operation": "responses",
        "method": "POST",
        "path": "/v1/responses",
        "server": "api.openai.com",
        "request_model": "gpt-5",
    }
    return RecordedCall(
        call=Call(
            call_id=call_id,
            attempt=attempt,
            started_at=started_at,
            stamp=Stamp(**{**stamped, **(stamp or {})}),
            **{**called, **call},
        ),
        attempt=Attempt(
            outcome=outcome,
            status=200 if outcome is Outcome.OK else 500,
            metered=Metered(usage=usage, response_model=response_model),
        ),
        charge=charge or make_charge(),
        stint="stint-1",
        revision=revision,
    )


def make_change(number: int = 7, *, repository: str = REPOSITORY, **values: Any) -> Change:
    """A merged pull request of branch `feature`."""
    merged: dict[str, Any] = {
        "title": f"Change {number}",
        "head_repository": repository,
        "head_ref": "feature",
        "base_ref": "main",
        "created_at": datetime(2026, 10, 14, tzinfo=UTC),
        "merged_at": datetime(2026, 10, 16, tzinfo=UTC),
        "landing_sha": f"{number:040x}",
        "commits": (f"{number:040x}",),
        "lines_changed": 120,
    }
    return Change(id=f"{repository}#{number}", repository=repository, number=number, **{**merged, **values})


def make_facts(*changes: Change, repository: str = REPOSITORY, **values: Any) -> RepositoryFacts:
    return RepositoryFacts(
        repository=repository,
        changes=changes,
        **{"production_branch": "main", "shared_branches": ("main",), "read_at": NOON, **values},
    )


def make_allocation(
    recorded: RecordedCall,
    target: Target = FEATURE_BRANCH,
    *,
    rule: Rule = Rule.R9,
    grade: Grade = Grade.U,
) -> Allocation:
    return Allocation(
        call_id=recorded.call.call_id,
        attempt=recorded.call.attempt,
        target=target,
        rule=rule,
        grade=grade,
        evidence="made by a test",
    )


# Random facts --------------------------------------------------------------------------------------------------------

WORDS = st.text(max_size=12)
MAYBE = st.none() | WORDS
COUNTS = st.integers(0, 2**63 - 1)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
PAIRS = st.lists(st.tuples(WORDS, WORDS), max_size=3).map(tuple)
LEAVES = st.none() | st.booleans() | st.integers() | WORDS | st.floats(allow_nan=False)
OBJECTS = st.dictionaries(
    WORDS, st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2), max_leaves=3), max_size=3
)
TEXTS = st.lists(WORDS, max_size=2).map(tuple)

USAGES = st.builds(
    Usage,
    **dict.fromkeys(QUANTITIES, COUNTS),
    other=st.lists(st.tuples(WORDS, COUNTS), max_size=2).map(tuple),
)
STAMPS = st.builds(
    Stamp,
    **dict.fromkeys(
        (
            "repository",
            "worktree",
            "branch",
            "head",
            "session",
            "parent_session",
            "team",
            "actor",
            "purpose",
            "change",
            "turn",
        ),
        MAYBE,
    ),
    source=st.sampled_from(StampSource),
    tags=PAIRS,
)


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    """Charges whose components stand in the ledger's order and fit it."""
    own = [name for name in COMPONENTS if draw(st.booleans())]
    others = draw(st.lists(st.sampled_from(["web_search", "provider_stated", "request"]), unique=True, max_size=2))
    components = tuple((name, draw(st.integers(1, 2**58))) for name in (*own, *others))
    status = draw(st.sampled_from(PriceStatus))
    plan = draw(st.booleans())
    total = None if status is PriceStatus.UNPRICED else sum(amount for _, amount in components)
    return Charge(
        status=status,
        components=components,
        total=0 if plan and total is not None else total,
        list_total=total if plan else None,
        rates=draw(PAIRS),
        price_book=draw(WORDS),
        price_book_revision=draw(WORDS),
        reason=draw(MAYBE),
    )


@st.composite
def recorded_calls(draw: st.DrawFn, call_ids: st.SearchStrategy[str] = WORDS) -> RecordedCall:
    counts = st.none() | COUNTS
    return RecordedCall(
        call=Call(
            call_id=draw(call_ids),
            attempt=draw(st.integers(1, 5)),
            started_at=draw(MOMENTS),
            **{name: draw(WORDS) for name in ("provider", "seller", "operation", "method", "path", "server")},
            **{  # type: ignore[arg-type]  # these are the ones that may be None
                name: draw(MAYBE)
                for name in ("request_model", "requested_tier", "key_id", "client_name", "client_version", "body_hash")
            },
            stream=draw(st.booleans()),
            stamp=draw(STAMPS),
            billing_basis=draw(st.sampled_from(BillingBasis)),
            client_retry_count=draw(counts),
            request_bytes=draw(counts),
            problems=draw(TEXTS),
        ),
        attempt=Attempt(
            outcome=draw(st.sampled_from(Outcome)),
            status=draw(counts),
            error_type=draw(MAYBE),
            duration_us=draw(COUNTS),
            time_to_first_byte_us=draw(counts),
            time_to_first_chunk_us=draw(counts),
            response_bytes=draw(COUNTS),
            metered=Metered(
                usage=draw(st.none() | USAGES),
                estimated=draw(st.booleans()),
                **{name: draw(MAYBE) for name in ("response_model", "response_id", "service_tier")},
                finish_reasons=draw(TEXTS),
                tool_calls=draw(COUNTS),
                raw_usage=draw(OBJECTS),
                raw_response=draw(OBJECTS),
                problems=draw(TEXTS),
            ),
        ),
        charge=draw(charges()),
        stint=draw(WORDS),
        revision=draw(st.integers(0, 3)),
    )
