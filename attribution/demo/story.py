"""What happens in the demo: a month of three teams' work on one repository, as rows in the order of time.

A session is an agent's loop: a first call that reads the context, then turns that find most of it in the provider's
cache. Everything is fixed, so that the figures can stand in the README and in a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = [
    "AS_OF",
    "MONTH",
    "REMOTE",
    "REPOSITORY",
    "STORY",
    "TEAMS",
    "Branch",
    "Commit",
    "Merge",
    "Revert",
    "Session",
    "Squash",
    "Turn",
    "turns",
]

REPOSITORY = "github.com/acme/storefront"
REMOTE = "git@github.com:acme/storefront.git"
MONTH = "2026-09"
AS_OF = "2026-10-20"
TEAMS = ("payments", "search", "platform")

_TURN = timedelta(minutes=2)
_NEW_CONTEXT = 2_400  # tokens that each turn adds: tool results, the answer before


def _on(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, minute, tzinfo=UTC)


_BEFORE = _on(1, 0) - timedelta(days=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    at: datetime
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    at: datetime
    branch: str
    message: str
    files: dict[str, int]  # path → lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A merge commit, in GitHub's words."""

    at: datetime
    branch: str
    number: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Squash:
    at: datetime
    branch: str
    number: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """A branch that undoes a squashed change, squashed itself."""

    at: datetime
    branch: str
    number: int
    undoes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An agent at work. `api` is a row of clients.APIS; `branch` None: nothing says what it is for."""

    at: datetime
    team: str
    api: str
    model: str
    branch: str | None = None
    turns: int = 1
    context: int = 30_000  # tokens that the first call reads
    output: int = 700
    reasoning: int = 0
    purpose: str = "code-gen"
    change: int | None = None  # an explicit change, as a reviewer's tool sends it
    tags_in_path: bool = False  # for clients that can set nothing but a base URL
    fail: str = ""  # what the provider answers to the first try: 429x1, 529x1


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One call of a session: when it starts, and the mark that tells the sample provider what to count."""

    at: datetime
    session: Session
    prompt: str


def turns(session: Session) -> Iterator[Turn]:
    for place in range(session.turns):
        grown = session.context + place * _NEW_CONTEXT
        cached = grown - _NEW_CONTEXT if place else 0
        fresh = grown - cached
        # Anthropic says what it writes to the cache; the others do not charge for it.
        writes = session.api.startswith("anthropic.messages") and session.turns > 1
        counts = {
            "input": 180 if writes else fresh,
            "cache_write_5m": fresh - 180 if writes else 0,
            "cache_read": cached,
            "output": session.output + 35 * place,
            "reasoning": session.reasoning,
        }
        marks = " ".join(f"{name}={count}" for name, count in counts.items() if count)
        fail = f" fail={session.fail}" if session.fail and place == 0 else ""
        name = f"{session.branch or 'question'}, turn {place + 1}"
        yield Turn(at=session.at + place * _TURN, session=session, prompt=f"{name} [sample {marks}{fail}]")


_CLAUDE, _HAIKU = "claude-sonnet-4-6", "claude-haiku-4-5"
_GPT, _CODEX = "gpt-5.1", "gpt-5.1-codex"
_GEMINI, _FLASH = "gemini-2.5-pro", "gemini-2.5-flash"

RETRIES, TAX, VECTOR = "feature/checkout-retries", "fix/tax-rounding", "search/vector-index"
IMPORT, UNDO, RERANK = "feature/catalog-import", "revert-43-search/vector-index", "search/rerank"
SPIKE = "spike/graph-db"

STORY: tuple[Branch | Commit | Merge | Squash | Revert | Session, ...] = (
    Commit(at=_BEFORE, branch="main", message="Storefront", files={"README.md": 20, "src/checkout.py": 120}),
    # 41, by a merge commit: a long agent loop; the provider is overloaded once
    Branch(at=_on(2, 9), name=RETRIES),
    Session(at=_on(2, 9, 5), team="payments", api="anthropic.count_tokens", model=_CLAUDE, branch=RETRIES),
    Session(
        at=_on(2, 9, 6),
        team="payments",
        api="anthropic.messages.stream",
        model=_CLAUDE,
        branch=RETRIES,
        turns=14,
        context=62_000,
        output=1_150,
        reasoning=300,
        fail="529x1",
    ),
    Commit(
        at=_on(2, 11),
        branch=RETRIES,
        message="Retry card payments",
        files={"src/checkout.py": 210, "tests/retry.py": 90},
    ),
    Session(
        at=_on(3, 10),
        team="payments",
        api="anthropic.messages",
        model=_HAIKU,
        branch=RETRIES,
        turns=2,
        context=18_000,
    ),
    Commit(at=_on(3, 11), branch=RETRIES, message="Back off between retries", files={"src/backoff.py": 60}),
    Session(
        at=_on(3, 15),
        team="platform",
        api="anthropic.messages",
        model=_CLAUDE,
        change=41,
        purpose="review",
        context=21_000,
    ),
    Merge(at=_on(4, 9), branch=RETRIES, number=41, title="Retry card payments"),
    # 42, squashed: the rate limit is met once
    Branch(at=_on(7, 8), name=TAX),
    Session(
        at=_on(7, 8, 30),
        team="payments",
        api="openai.responses.stream",
        model=_CODEX,
        branch=TAX,
        turns=11,
        context=48_000,
        output=900,
        reasoning=1_400,
        fail="429x1",
    ),
    Commit(at=_on(7, 10), branch=TAX, message="Round tax once", files={"src/tax.py": 85, "tests/tax.py": 140}),
    Session(
        at=_on(7, 14),
        team="platform",
        api="openai.chat",
        model="gpt-5-mini",
        change=42,
        purpose="review",
        context=9_000,
    ),
    Squash(at=_on(8, 9), branch=TAX, number=42, title="Fix tax rounding of split orders"),
    # a spike that is never merged
    Branch(at=_on(8, 12), name=SPIKE),
    Session(
        at=_on(8, 12, 10),
        team="platform",
        api="openai.responses",
        model=_GPT,
        branch=SPIKE,
        turns=12,
        context=70_000,
        output=1_300,
        reasoning=2_000,
    ),
    Commit(at=_on(8, 15), branch=SPIKE, message="Try a graph database", files={"spike/graph.py": 300}),
    # 43, squashed, and reverted within its window
    Branch(at=_on(9, 9), name=VECTOR),
    Session(
        at=_on(9, 9, 10),
        team="search",
        api="openai.embeddings",
        model="text-embedding-3-small",
        branch=VECTOR,
        context=900_000,
    ),
    Session(
        at=_on(9, 9, 15),
        team="search",
        api="gemini.stream",
        model=_GEMINI,
        branch=VECTOR,
        tags_in_path=True,
        turns=10,
        context=84_000,
        output=1_600,
        reasoning=900,
    ),
    Commit(at=_on(9, 12), branch=VECTOR, message="Vector index", files={"src/index.py": 260, "tests/index.py": 120}),
    Squash(at=_on(10, 9), branch=VECTOR, number=43, title="Add a vector index to search"),
    # 44, by a merge commit: two units, a lock file that does not count
    Branch(at=_on(10, 10), name=IMPORT),
    Session(
        at=_on(10, 10, 10),
        team="platform",
        api="anthropic.messages.stream",
        model=_CLAUDE,
        branch=IMPORT,
        turns=22,
        context=71_000,
        output=1_700,
        reasoning=500,
    ),
    Commit(
        at=_on(10, 14),
        branch=IMPORT,
        message="Import catalogues",
        files={"src/imports.py": 520, "package-lock.json": 4_000},
    ),
    Session(
        at=_on(11, 9),
        team="platform",
        api="openai.chat.stream",
        model="gpt-4.1",
        branch=IMPORT,
        turns=3,
        context=12_000,
    ),
    Commit(at=_on(11, 11), branch=IMPORT, message="Test catalogue imports", files={"tests/imports.py": 310}),
    Merge(at=_on(12, 9), branch=IMPORT, number=44, title="Import supplier catalogues"),
    # work on main itself, a question from nowhere, a model without a price
    Session(
        at=_on(14, 9), team="platform", api="gemini.generate", model=_FLASH, branch="main", turns=2, context=15_000
    ),
    Commit(at=_on(14, 10), branch="main", message="Bump the version", files={"VERSION": 1}),
    Session(
        at=_on(15, 13), team="search", api="openai.chat", model="gpt-4.1", purpose="chat", context=1_100, output=400
    ),
    # 45 undoes 43
    Branch(at=_on(16, 8), name=UNDO),
    Session(
        at=_on(16, 8, 5), team="search", api="gemini.generate", model=_FLASH, branch=UNDO, context=8_000, output=250
    ),
    Revert(at=_on(16, 9), branch=UNDO, number=45, undoes=43),
    # 46 is too young to be accepted
    Branch(at=_on(24, 9), name=RERANK),
    Session(
        at=_on(24, 9, 5),
        team="search",
        api="gemini.stream",
        model=_GEMINI,
        branch=RERANK,
        tags_in_path=True,
        turns=9,
        context=58_000,
        output=1_200,
        reasoning=700,
    ),
    Session(
        at=_on(24, 11), team="search", api="openai.chat", model="acme-reranker-preview", branch=RERANK, context=6_000
    ),
    Commit(
        at=_on(24, 12), branch=RERANK, message="Rerank results", files={"src/rerank.py": 180, "tests/rerank.py": 75}
    ),
    Squash(at=_on(25, 9), branch=RERANK, number=46, title="Rerank search results"),
)
