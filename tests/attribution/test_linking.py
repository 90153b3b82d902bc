from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.linking import LinkingLimits, allocate
from attribution.model import Allocation, AllocationInput, BranchHead, Change, Grade, RepositoryFacts, Rule, TargetKind
from tests.factories import REPOSITORY, make_change, make_facts

FORK = "github.com/bob/shop"
T0 = datetime(2026, 10, 1, tzinfo=UTC)
LINE = tuple(f"{place:02x}" + "a" * 38 for place in range(10))  # the first-parent line of production


def day(count: float) -> datetime:
    return T0 + timedelta(days=count)


def sha(name: str) -> str:
    return (name.encode().hex() + "b" * 40)[:40]


def change(number: int, *, ref: str | None = "feature", since: float, until: float | None, **values) -> Change:
    """Change `number` of branch `ref`, created and merged on these days, forked from LINE[2], commits `c<number>`."""
    return make_change(
        number,
        **{
            "head_ref": ref,
            "created_at": day(since),
            "merged_at": None if until is None else day(until),
            "landing_sha": None if until is None else sha(f"m{number}"),
            "fork_point": LINE[2],
            "commits": (sha(f"c{number}"),),
            **values,
        },
    )


SHOP = make_facts(
    change(1, since=2, until=5),
    change(2, since=8, until=12, fork_point=LINE[6]),
    change(3, ref="open", since=3, until=None),
    change(4, ref="main", since=3, until=9, head_repository=FORK),
    change(5, ref="main", since=3, until=9),
    change(6, ref="fix", since=3, until=9, head_repository=FORK),
    change(7, ref="develop", since=3, until=9),
    replace(change(0, ref=None, since=4, until=4), id=f"{REPOSITORY}@{sha('m0')}", number=None),
    aliases=("gitlab.example.com/mirror/shop",),
    branches=(BranchHead("main", LINE[9]),),
    commits=MappingProxyType(
        {name: place for place, name in enumerate(LINE)}
        | {
            sha("c1"): 3,
            sha("c2"): 7,
            sha("c3"): None,
            sha("stray"): None,
            "abcdef01" + "0" * 32: 1,
            "abcdef02" + "0" * 32: 1,
        }
    ),
)
LAB = make_facts(
    replace(make_change(9, repository="gitlab.example.com/acme/lab"), id="gitlab.example.com/acme/lab!9"),
    repository="gitlab.example.com/acme/lab",
    production_branch="trunk",
    shared_branches=(),
)
LIMITS = LinkingLimits(
    out_of_scope_keys=frozenset({"chat"}),
    out_of_scope_teams=frozenset({"legal"}),
    shared_branches=("develop", "release/*"),
)


def call(at: float = 3, **values) -> AllocationInput:
    """A call on day `at`, on branch `feature`, HEAD unknown."""
    defaults = {
        "call_id": "call-1",
        "attempt": 1,
        "started_at": day(at),
        "repository": REPOSITORY,
        "branch": "feature",
        "head": None,
        "change": None,
        "purpose": None,
        "key_id": "key",
        "team": "payments",
    }
    return AllocationInput(**{**defaults, **values})


def one(said: AllocationInput, *facts: RepositoryFacts, limits: LinkingLimits = LIMITS) -> Allocation:
    (allocation,) = allocate([said], facts or (SHOP, LAB), limits)
    return allocation


def short(allocation: Allocation) -> tuple[str, str, str]:
    return allocation.target.id.removeprefix(REPOSITORY), allocation.rule.value, allocation.grade.value


SECOND = 1 / 86400
BRANCH = f"branch:{REPOSITORY}:feature"

SCENARIOS = {
    # R2: the call names its change
    "R2 whole id": (call(change=f"{REPOSITORY}#3"), ("#3", "R2", "A")),
    "R2 owner and name": (call(change="acme/shop#3"), ("#3", "R2", "A")),
    "R2 number with mark": (call(change="#3"), ("#3", "R2", "A")),
    "R2 bare number": (call(change=" 3 "), ("#3", "R2", "A")),
    "R2 sha": (call(change=f"@{sha('m0')}"), (f"@{sha('m0')}", "R2", "A")),
    "R2 abbreviated sha of a numbered landing": (call(change=f"@{sha('m1')[:8]}"), ("#1", "R2", "A")),
    "R2 merge request": (
        call(repository="gitlab.example.com/acme/lab", change="!9"), ("gitlab.example.com/acme/lab!9", "R2", "A"),
    ),
    "R2 bare number of a merge request": (
        call(repository="gitlab.example.com/acme/lab", change="9"), ("gitlab.example.com/acme/lab!9", "R2", "A"),
    ),
    "R2 in another repository than the call's": (
        call(change="acme/lab!9"), ("gitlab.example.com/acme/lab!9", "R2", "A"),
    ),
    "R2 without a repository, whole id": (call(repository=None, change=f"{REPOSITORY}#3"), ("#3", "R2", "A")),
    "R2 without a repository, number alone": (call(repository=None, change="#3"), ("no-repo", "R11", "U")),
    "R2 wrong mark": (call(change="!3"), ("#1", "R3", "B")),
    "R2 unknown change falls through": (call(change="#99"), ("#1", "R3", "B")),
    "R2 nonsense falls through": (call(change="the big one"), ("#1", "R3", "B")),
    "R2 ended before": (call(20, change="#1"), (BRANCH, "R9", "U")),
    "R2 ended before, within the skew": (call(5 + 120 * SECOND, change="#1"), ("#1", "R2", "A")),
    "R2 ended before, a review": (call(20, change="#1", purpose="review"), ("#1", "R2", "A")),
    # R12: no development work
    "R12 key": (call(key_id="chat"), ("out-of-scope", "R12", "U")),
    "R12 team": (call(team="legal"), ("out-of-scope", "R12", "U")),
    "R12 yields to a named change": (call(key_id="chat", change="#3"), ("#3", "R2", "A")),
    # R3: tenure of a branch
    "R3 before creation": (call(0), ("#1", "R3", "B")),
    "R3 long before creation": (call(-29), (BRANCH, "R9", "U")),
    "R3 at the end": (call(5), ("#1", "R3", "B")),
    "R3 just after the end": (call(5 + 119 * SECOND), ("#1", "R3", "B")),
    "R3 the next tenant": (call(5 + 200 * SECOND), ("#2", "R3", "B")),
    "R3 after the last tenant": (call(13), (BRANCH, "R9", "U")),
    "R3 a change still open": (call(400, branch="open"), ("#3", "R3", "B")),
    "R3 HEAD in the change": (call(head=sha("c1")), ("#1", "R3", "A")),
    "R3 HEAD in the change, abbreviated": (call(head=sha("c1")[:9].upper()), ("#1", "R3", "A")),
    "R3 HEAD at the fork": (call(head=LINE[2]), ("#1", "R3", "A")),
    "R3 HEAD before the fork": (call(head=LINE[0]), ("#1", "R3", "A")),
    "R3 HEAD absent": (call(head="f" * 40), ("#1", "R3", "B")),
    "R3 HEAD ambiguous": (call(head="abcdef0"), ("#1", "R3", "B")),
    "R3 HEAD no hex": (call(head="unknown"), ("#1", "R3", "B")),
    "R3 HEAD of the next tenant": (call(head=LINE[5]), ("#2", "R3", "A")),
    "R3 HEAD in the next tenant": (call(head=sha("c2")), ("#2", "R3", "A")),
    "R3 HEAD elsewhere": (call(head=sha("stray")), (BRANCH, "R9", "U")),
    "R3 HEAD later on production": (call(9, head=LINE[8]), (BRANCH, "R9", "U")),
    "R3 full ref name": (call(branch="refs/heads/feature"), ("#1", "R3", "B")),
    "R3 by an alias of the repository": (call(repository="gitlab.example.com/mirror/shop"), ("#1", "R3", "B")),
    "R3 by another spelling of the repository": (call(repository="git@github.com:Acme/Shop.git"), ("#1", "R3", "B")),
    "R3 a fork's branch": (call(4, repository=FORK, branch="fix"), ("#6", "R3", "B")),
    "R3 a fork's branch is not upstream's": (call(4, branch="fix"), (f"branch:{REPOSITORY}:fix", "R9", "U")),
    "R3 a fork's main": (call(4, repository=FORK, branch="main"), ("#4", "R3", "B")),
    # R9 to R11
    "R9 no change": (call(branch="spike"), (f"branch:{REPOSITORY}:spike", "R9", "U")),
    "R9 case matters": (call(branch="Feature"), (f"branch:{REPOSITORY}:Feature", "R9", "U")),
    "R9 repository unknown": (call(repository="github.com/x/y"), ("branch:github.com/x/y:feature", "R9", "U")),
    "R10 default branch": (call(branch="main"), (f"default:{REPOSITORY}", "R10", "U")),
    "R10 shared branch": (call(branch="develop"), (f"default:{REPOSITORY}", "R10", "U")),
    "R10 shared by glob": (call(branch="release/1.2"), (f"default:{REPOSITORY}", "R10", "U")),
    "R10 another default branch": (
        call(repository="gitlab.example.com/acme/lab", branch="trunk"),
        ("default:gitlab.example.com/acme/lab", "R10", "U"),
    ),
    "R9 main where it is not the default": (
        call(repository="gitlab.example.com/acme/lab", branch="main"),
        ("branch:gitlab.example.com/acme/lab:main", "R9", "U"),
    ),
    "R10 repository unknown": (
        call(repository="github.com/x/y", branch="master"), ("default:github.com/x/y", "R10", "U"),
    ),
    "R11 branch unknown": (call(branch=None), (f"detached:{REPOSITORY}", "R11", "U")),
    "R11 HEAD detached": (call(branch="HEAD"), (f"detached:{REPOSITORY}", "R11", "U")),
    "R11 no repository": (call(repository=None), ("no-repo", "R11", "U")),
    "R11 blank": (call(repository="", branch=""), ("no-repo", "R11", "U")),
}  # fmt: skip


@pytest.mark.parametrize(("said", "expected"), SCENARIOS.values(), ids=SCENARIOS)
def test_a_call_goes_where_the_rules_say(said: AllocationInput, expected: tuple[str, str, str]) -> None:
    assert short(one(said)) == expected


def test_an_open_change_with_an_orphaned_commit_keeps_its_calls() -> None:
    orphan = sha("orphan")
    facts = make_facts(change(1, since=2, until=5, commits=(sha("c1"), orphan)), commits=MappingProxyType({LINE[2]: 2}))
    assert one(call(head=orphan), facts).grade is Grade.A
    assert one(call(head=orphan[:10]), facts).grade is Grade.A


def test_a_fork_known_as_an_alias_keeps_its_main() -> None:
    facts = replace(SHOP, aliases=(FORK,))
    assert short(one(call(4, repository=FORK, branch="main"), facts)) == ("#4", "R3", "B")
    assert short(one(call(4, repository=FORK, branch="fix"), facts)) == ("#6", "R3", "B")
    assert short(one(call(4, branch="main"), facts)) == (f"default:{REPOSITORY}", "R10", "U")


def test_an_unknown_fork_point_is_no_proof_and_no_contradiction() -> None:
    facts = make_facts(change(1, since=2, until=5, fork_point=None), commits=SHOP.commits)
    assert short(one(call(head=LINE[4]), facts)) == ("#1", "R3", "B")


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        (call(head=sha("c1")), "branch feature of #1; HEAD is one of its commits"),
        (call(13), "after the last change of branch feature ended: #2"),
        (call(branch="spike"), "no change is known of branch spike"),
        (call(repository="github.com/x/y"), "nothing is known of github.com/x/y yet"),
        (call(branch="HEAD"), "HEAD was detached"),
        (call(branch=None), "the call names no branch"),
        (call(key_id="chat"), "key chat is configured as out of scope"),
        (call(change="#3"), "the call names #3"),
    ],
)
def test_every_allocation_says_why(said: AllocationInput, evidence: str) -> None:
    assert one(said).evidence == evidence


def test_limits_are_settings() -> None:
    wide = LinkingLimits(created_after=timedelta(days=100), skew=timedelta(days=1))
    assert short(one(call(-29), limits=wide)) == ("#1", "R3", "B")
    assert short(one(call(6), limits=wide)) == ("#1", "R3", "B")


# Invariants ----------------------------------------------------------------------------------------------------------

REPOSITORIES = st.sampled_from([None, REPOSITORY, FORK, "gitlab.example.com/mirror/shop", "github.com/x/y", ""])
BRANCHES = st.sampled_from([None, "feature", "open", "main", "fix", "develop", "release/1", "HEAD", "spike", ""])
HEADS = st.sampled_from([None, *LINE, sha("c1"), sha("c2"), sha("c3"), sha("stray"), "abcdef0", "f" * 40, "?"])


@st.composite
def calls(draw: st.DrawFn) -> AllocationInput:
    return call(
        draw(st.floats(-60, 60)),
        call_id=draw(st.text(max_size=5)),
        attempt=draw(st.integers(1, 3)),
        repository=draw(REPOSITORIES),
        branch=draw(BRANCHES),
        head=draw(HEADS),
        change=draw(st.sampled_from([None, "#1", "2", "acme/shop#3", "!9", "x"])),
        purpose=draw(st.sampled_from([None, "review"])),
        key_id=draw(st.sampled_from([None, "chat", "key"])),
    )


@st.composite
def some_changes(draw: st.DrawFn) -> Change:
    since = draw(st.floats(-60, 60))
    lasted = draw(st.none() | st.floats(0, 60))
    return change(
        draw(st.integers(1, 9)),
        ref=draw(BRANCHES.filter(bool)),
        since=since,
        until=None if lasted is None else since + lasted,
        head_repository=draw(st.sampled_from([None, REPOSITORY, FORK])),
        fork_point=draw(st.sampled_from([None, *LINE])),
        commits=(draw(HEADS.filter(bool)),),
    )


FACTS = st.lists(some_changes(), max_size=6, unique_by=lambda found: found.id).map(
    lambda found: replace(SHOP, changes=tuple(found))
)


@given(st.lists(calls()), FACTS)
def test_every_call_has_exactly_one_allocation_in_order(inputs, facts) -> None:
    allocations = list(allocate(inputs, [facts], LIMITS))
    assert [(a.call_id, a.attempt) for a in allocations] == [(said.call_id, said.attempt) for said in inputs]
    assert all((a.grade is Grade.U) == (a.target.kind is not TargetKind.CHANGE) and a.evidence for a in allocations)


@given(calls(), st.lists(calls()), FACTS, st.randoms())
def test_neither_other_calls_nor_any_order_moves_a_call(said, others, facts, random) -> None:
    alone = one(said, facts)
    mixed = [said, *others]
    random.shuffle(mixed)
    shuffled = list(facts.changes)
    random.shuffle(shuffled)
    everyone = list(allocate(mixed, [LAB, replace(facts, changes=tuple(shuffled))], LIMITS))
    assert everyone[next(place for place, other in enumerate(mixed) if other is said)] == alone


@given(calls(), FACTS, some_changes())
def test_a_change_that_shares_nothing_with_a_call_cannot_move_it(said, facts, stranger) -> None:
    unrelated = replace(
        stranger,
        id=f"{REPOSITORY}#77",
        number=77,
        head_ref="stranger",
        commits=(sha("stranger"),),
        landing_sha=sha("x"),
    )
    more = replace(facts, changes=(*facts.changes, unrelated))
    assert one(said, more) == one(said, facts)


@given(calls(), FACTS, st.data())
def test_an_end_of_life_later_than_the_call_moves_nothing(said, facts, data) -> None:
    open_changes = [found for found in facts.changes if found.ended_at is None]
    if not open_changes:
        facts = replace(facts, changes=(*facts.changes, change(8, since=0, until=None)))
        open_changes = [facts.changes[-1]]
    chosen = data.draw(st.sampled_from(open_changes))
    after = max(said.started_at, chosen.created_at or said.started_at) + timedelta(days=data.draw(st.floats(0.01, 500)))
    closing = data.draw(st.sampled_from(["merged_at", "closed_at"]))
    ended = replace(chosen, **{closing: after})
    later = replace(facts, changes=tuple(ended if found is chosen else found for found in facts.changes))
    assert one(said, later).target == one(said, facts).target


def test_the_rules_that_exist_are_tried_in_the_printed_order() -> None:
    everything = call(20, change="#1", purpose="review", key_id="chat")
    steps = [
        everything,
        replace(everything, purpose=None),
        replace(call(3), key_id="key"),
        call(20),
        call(20, branch="main"),
        call(20, branch=None),
    ]
    assert [one(said).rule for said in steps] == [Rule.R2, Rule.R12, Rule.R3, Rule.R9, Rule.R10, Rule.R11]
