"""Whatever agent a team uses works through the proxy unchanged, and each of its calls is in the books to the last
token and picodollar."""

from __future__ import annotations

from collections.abc import Callable

from tests.clients.agents import Agent
from tests.clients.sent import Tokens, billed, picodollars, tokens_sent
from tests.clients.session import ANSWER, BRANCH, REPOSITORY, Session

Measured = Callable[[str], None]


def test_it_ends_well_and_shows_what_the_provider_said(through_proxy: Session) -> None:
    assert through_proxy.exit_code == 0, through_proxy.stderr
    assert ANSWER in " ".join(through_proxy.stdout.split())


def test_every_call_it_makes_is_one_row(agent: Agent, through_proxy: Session, measured: Measured) -> None:
    rows = [(row["operation"], row["request_model"]) for row in through_proxy.charged]
    measured(f"{len(rows)} calls: {', '.join(f'{operation} {model}' for operation, model in rows)}")
    assert sorted(rows) == sorted(agent.calls)
    assert len(rows) == sum(billed(exchange) for exchange in through_proxy.exchanges)
    assert {row["outcome"] for row in through_proxy.rows} == {"ok"}
    assert sum(row["total_picodollars"] for row in through_proxy.rows if row not in through_proxy.charged) == 0


def test_the_tokens_of_a_row_are_those_the_provider_sent(through_proxy: Session, measured: Measured) -> None:
    """Where the client's request kept the provider from telling, the row says that it estimates."""
    sent = [tokens_sent(exchange) for exchange in through_proxy.exchanges]
    measured("usage told" if all(sent) else "usage estimated")
    told = [
        None if row["usage_estimated"] else Tokens(row["input_tokens"], row["cache_read_tokens"], row["output_tokens"])
        for row in through_proxy.charged
    ]
    assert told == sent
    assert [row["price_status"] for row in through_proxy.charged] == [
        "priced" if known else "estimated" for known in sent
    ]


def test_the_dollars_of_a_row_are_its_tokens_at_the_list_price(through_proxy: Session) -> None:
    for row in through_proxy.charged:
        tokens = Tokens(row["input_tokens"], row["cache_read_tokens"], row["output_tokens"])
        assert row["total_picodollars"] == picodollars(row["request_model"], tokens) > 0


def test_the_session_is_the_one_it_names(agent: Agent, through_proxy: Session, measured: Measured) -> None:
    named = [agent.session_header and exchange.header(agent.session_header) for exchange in through_proxy.exchanges]
    measured(f"session by {agent.session_header}" if all(named) else "no session")
    assert [row["session"] for row in through_proxy.charged] == named
    assert all(named) == (agent.session_header is not None)


def test_the_client_is_known_by_name_and_version(agent: Agent, through_proxy: Session) -> None:
    for row in through_proxy.charged:
        assert (row["client_name"], row["client_version"]) == (agent.client_name, agent.client_version)


def test_the_branch_comes_along_in_the_base_url(through_proxy: Session) -> None:
    for row in through_proxy.charged:
        assert (row["repository"], row["branch"]) == (REPOSITORY, BRANCH)


def test_it_speaks_websocket_or_http(through_proxy: Session, measured: Measured) -> None:
    """Codex asks for a WebSocket first when it believes to talk to OpenAI itself; turned away, it goes on over HTTP."""
    statuses = [response.status for response in through_proxy.received]
    way = {101: "WebSocket", 426: "WebSocket refused with 426, then HTTP"}.get(statuses[0], "HTTP")
    measured(way)
    answered = [status for status in statuses if status != 426]
    assert answered == [101] or set(answered) == {200}
    assert statuses.count(426) <= 1


def test_a_refusal_is_read_by_the_person_within_two_requests(
    agent: Agent, refused: Session, measured: Measured
) -> None:
    requests = [response for response in refused.received if response.status not in (101, 426)]
    measured(f"a refusal takes {len(requests)} requests and exit code {refused.exit_code}")
    assert "this proxy asks for a mergecost key (sk-mc-…)" in refused.shown
    assert len(requests) <= 2
    assert refused.exchanges == []
