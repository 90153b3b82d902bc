"""What of a request's headers goes on, what is ours, and which stamp they amount to."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.call import BillingBasis, Stamp, StampSource
from proxy.headers import (
    MAX_TAGS,
    MAX_VALUE,
    STAMP_FIELDS,
    ClientIdentity,
    billing_basis,
    client_identity,
    collect_stamp,
    forwardable,
    header_text,
    presented_keys,
    swap_key,
)

OURS = "sk-mc-0123456789abcdef"


# What goes on --------------------------------------------------------------------------------------------------------


def test_headers_go_on_in_order_spelling_and_number() -> None:
    pairs = [("X-B", "2"), ("x-a", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("anthropic-beta", "x,y; z")]
    assert forwardable(pairs) == pairs


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Host",
        "X-Mergecost-Key",
        "x-mergecost-team",
        "X-MERGECOST-ANYTHING",
    ],
)
def test_hop_by_hop_headers_and_ours_end_here(name: str) -> None:
    assert forwardable([(name, "x"), ("Accept", "*/*")]) == [("Accept", "*/*")]


def test_headers_that_connection_names_end_here() -> None:
    pairs = [
        ("connection", "close, X-Hop"),
        ("Connection", "x-other"),
        ("x-hop", "1"),
        ("X-Other", "2"),
        ("X-Hops", "3"),
    ]
    assert forwardable(pairs) == [("X-Hops", "3")]


@given(st.lists(st.tuples(st.sampled_from(["Accept", "x-y", "Content-Type", "cookie"]), st.text(max_size=5))))
def test_what_is_no_hop_s_business_is_never_touched(pairs: list[tuple[str, str]]) -> None:
    assert forwardable([*pairs, ("Connection", "keep-alive")]) == pairs


# Keys ----------------------------------------------------------------------------------------------------------------


def test_keys_are_presented_strongest_first() -> None:
    headers = CIMultiDict(
        {
            "api-key": "azure",
            "X-Goog-Api-Key": "goog",
            "x-api-key": " anthropic ",
            "authorization": "bearer  openai",
            "X-Mergecost-Key": OURS,
        }
    )
    assert presented_keys(headers, {"key": "query"}) == [OURS, "openai", "anthropic", "goog", "azure", "query"]


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic dXNlcg=="}, {"x-api-key": "  "}, {"Authorization": "Bearer "}]
)
def test_no_key_is_presented(headers: dict[str, str]) -> None:
    assert presented_keys(CIMultiDict(headers), {}) == []


@pytest.mark.parametrize(
    ("carrier", "sent"), [("Authorization", "Bearer sk-real"), ("x-api-key", "sk-real"), ("x-goog-api-key", "sk-real")]
)
@pytest.mark.parametrize("came_in", ["Authorization", "x-api-key", "X-Goog-Api-Key", "api-key"])
def test_our_key_becomes_the_provider_s_in_its_own_carrier(carrier: str, sent: str, came_in: str) -> None:
    value = f"Bearer {OURS}" if came_in == "Authorization" else OURS
    assert swap_key([("Accept", "*/*"), (came_in, value)], carrier=carrier, secret="sk-real") == [
        ("Accept", "*/*"),
        (carrier, sent),
    ]


@pytest.mark.parametrize(
    ("access_key", "expected"), [("sk-mc-abc", ["sk-mc-abc"]), ("AKIDEXAMPLE", []), ("sk-mc-", [])]
)
def test_our_key_is_read_where_an_aws_sdk_took_it_as_its_access_key_id(access_key: str, expected: list[str]) -> None:
    signature = f"AWS4-HMAC-SHA256 Credential={access_key}/20261102/us-east-1/bedrock/aws4_request, Signature=0"
    assert presented_keys({"Authorization": signature}, {}) == expected


def test_a_key_sent_twice_is_swapped_once() -> None:
    both = [("x-api-key", OURS), ("Authorization", f"Bearer {OURS}")]
    assert swap_key(both, carrier="x-api-key", secret="sk-real") == [("x-api-key", "sk-real")]


def test_an_own_credential_beside_our_key_stays_as_it_came() -> None:
    headers = [("Authorization", "Bearer sk-ant-oat-own"), ("anthropic-beta", "oauth-2025-04-20"), ("x-api-key", OURS)]
    assert swap_key(headers, carrier="x-api-key", secret=None) == headers[:2]


def test_our_key_goes_nowhere_whatever_header_holds_it() -> None:
    kept = swap_key([("Cookie", f"a={OURS}"), ("X-Auth", OURS)], carrier="x-api-key", secret=None)
    assert kept == []


# Facts of the client -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "basis"),
    [
        ({"Authorization": "Bearer sk-ant-oat01-abc"}, BillingBasis.PLAN),
        ({"authorization": "bearer eyJ", "ChatGPT-Account-Id": "7"}, BillingBasis.PLAN),
        ({"Authorization": "Bearer sk-ant-api03-abc"}, BillingBasis.METERED),
        ({"x-api-key": "sk-ant-api03-abc"}, BillingBasis.METERED),
        ({}, BillingBasis.METERED),
    ],
)
def test_a_login_token_is_billed_by_plan(headers: dict[str, str], basis: BillingBasis) -> None:
    assert billing_basis(CIMultiDict(headers)) is basis


@pytest.mark.parametrize(
    ("agent", "name", "version"),
    [
        ("claude-cli/2.1.330 (external, cli)", "claude-cli", "2.1.330"),
        ("codex_cli_rs/0.169.0 (Ubuntu 24.4.0; x86_64) xterm", "codex_cli_rs", "0.169.0"),
        ("GeminiCLI/0.61.0/gemini-2.5-pro (linux; x64)", "GeminiCLI", "0.61.0"),
        ("google-genai-sdk/1.55.0 gl-python/3.11", "google-genai-sdk", "1.55.0"),
        ("AsyncOpenAI/Python 3.54.0", "AsyncOpenAI", "3.54.0"),
        ("Anthropic/JS 0.75.0", "Anthropic", "0.75.0"),
        ("Thing/dev (x)", "Thing", "dev"),
        ("curl", "curl", None),
        ("", None, None),
        ("(only a comment)", None, None),
    ],
)
def test_the_first_product_of_the_user_agent_names_the_client(
    agent: str, name: str | None, version: str | None
) -> None:
    assert client_identity(CIMultiDict({"user-agent": agent})) == ClientIdentity(name, version, None)


@pytest.mark.parametrize(
    ("said", "count"), [("0", 0), ("2", 2), ("", None), ("-1", None), ("٣", None), ("9" * 6, None)]
)
def test_the_retry_count_of_official_sdks_is_read(said: str, count: int | None) -> None:
    assert client_identity(CIMultiDict({"X-Stainless-Retry-Count": said})).retry_count == count


# Stamps --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "field"), STAMP_FIELDS.items())
def test_our_headers_and_path_tags_name_every_field(name: str, field: str) -> None:
    from_header = collect_stamp([(f"X-Mergecost-{name.title()}", " v ")], []).stamp
    from_path = collect_stamp([], [(name, "v")]).stamp
    assert getattr(from_header, field) == getattr(from_path, field) == "v"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("Helicone-User-Id", "ada")], Stamp(actor="ada")),
        ([("Helicone-Session-Id", "s")], Stamp(session="s")),
        ([("X-Claude-Code-Session-Id", "s")], Stamp(session="s")),
        ([("x-session-id", "s")], Stamp(session="s")),
        ([("session_id", "s")], Stamp(session="s")),
        ([("session-id", "s")], Stamp(session="s")),
        ([("x-codex-window-id", "s")], Stamp()),
        ([("Helicone-Property-Team", "t"), ("Helicone-Property-App", "a")], Stamp(team="t", tags=(("app", "a"),))),
        (
            [("x-litellm-tags", "repo:acme/shop, branch:feature/x:y,urgent, a=b")],
            Stamp(
                repository="acme/shop",
                branch="feature/x:y",
                tags=(("a", "b"), ("urgent", "")),
                source=StampSource.EXPLICIT,
            ),
        ),
        (
            [("x-portkey-metadata", '{"team":"t","n":7,"ok":true,"nested":{"a":1},"none":null,"ratio":0.5}')],
            Stamp(team="t", tags=(("n", "7"), ("ok", "true"))),
        ),
        ([("cf-aig-metadata", '{"team":"t"}')], Stamp(team="t")),
        ([("x-litellm-spend-logs-metadata", '{"repo":"r"}')], Stamp(repository="r", source=StampSource.EXPLICIT)),
        (
            [("Baggage", "team=a%20b;ttl=1, vcs.ref.head.name=feature%2Fx , user.id=ada,other=%3D,broken")],
            Stamp(team="a b", branch="feature/x", actor="ada", tags=(("other", "="),), source=StampSource.EXPLICIT),
        ),
        (
            [("baggage", "vcs.repository.url.full=https://x/y,vcs.ref.head.revision=abc"), ("baggage", "session.id=s")],
            Stamp(repository="x/y", head="abc", session="s", source=StampSource.EXPLICIT),
        ),
        ([("x-mergecost-tags", "a=1,b:2,c")], Stamp(tags=(("a", "1"), ("b", "2"), ("c", "")))),
        ([("x-mergecost-key", OURS), ("x-mergecost-unknown", "x"), ("authorization", "Bearer x")], Stamp()),
        ([("x-mergecost-change", "7")], Stamp(change="7", source=StampSource.EXPLICIT)),
    ],
)
def test_a_stamp_is_read_from_each_source(headers: list[tuple[str, str]], expected: Stamp) -> None:
    tagged = collect_stamp(headers, [])
    assert tagged.stamp == expected
    assert tagged.problems == ()


SOURCES = [
    ("header", [("x-mergecost-team", "header")], []),
    ("path", [], [("team", "path")]),
    ("baggage", [("baggage", "team=baggage")], []),
    ("foreign", [("x-portkey-metadata", '{"team":"foreign"}')], []),
]


@pytest.mark.parametrize("strongest", range(4))
@pytest.mark.parametrize("reverse", [False, True])
def test_the_strongest_source_wins_in_any_order_of_headers(strongest: int, reverse: bool) -> None:
    present = SOURCES[strongest:]
    headers = [pair for _, pairs, _ in present for pair in pairs]
    path_tags = [pair for _, _, pairs in present for pair in pairs]
    stamp = collect_stamp(headers[::-1] if reverse else headers, path_tags).stamp
    assert stamp.team == SOURCES[strongest][0]


def test_an_empty_value_leaves_the_field_to_a_weaker_source() -> None:
    assert collect_stamp([("x-mergecost-team", " "), ("baggage", "team=b")], []).stamp.team == "b"


def test_control_characters_are_taken_out_of_names_and_values() -> None:
    stamp = collect_stamp([], [("a\r\nb", "c\x00d\x7f"), ("team", "x\ty\n")]).stamp
    assert (stamp.team, stamp.tags) == ("xy", (("ab", "cd"),))


@pytest.mark.parametrize("value", ["x" * (MAX_VALUE + 1), "é" * (MAX_VALUE // 2 + 1)])
def test_a_value_that_is_too_long_is_refused_not_cut(value: str) -> None:
    tagged = collect_stamp([("x-mergecost-branch", value)], [(value, "v")])
    assert tagged.stamp == Stamp()
    assert tagged.problems[1] == "tag 'x-mergecost-branch' is longer than 256 bytes and was ignored"
    assert len(tagged.problems) == 2


@pytest.mark.parametrize("value", ["x" * MAX_VALUE, "é" * (MAX_VALUE // 2)])
def test_the_longest_value_is_kept_whole(value: str) -> None:
    assert collect_stamp([("x-mergecost-branch", value)], []).stamp.branch == value


@pytest.mark.parametrize(
    "headers",
    [
        [("x-mergecost-team", OURS)],
        [("x-mergecost-tags", OURS)],
        [("x-mergecost-tags", f"a={OURS}")],
        [("x-mergecost-tags", f"{OURS}=a")],
        [("x-litellm-tags", OURS)],
        [("baggage", f"k=%73k-mc-{OURS[6:]}")],
        [("baggage", f"k=sk-%00mc-{OURS[6:]}")],
        [("x-portkey-metadata", json.dumps({"k": OURS, OURS: "v"}))],
        [("helicone-property-k", f"Bearer {OURS}")],
        [("x-session-id", OURS)],
    ],
)
def test_a_key_never_becomes_a_tag_nor_stands_in_the_problem(headers: list[tuple[str, str]]) -> None:
    tagged = collect_stamp(headers, [])
    assert "0123456789abcdef" not in repr(tagged)
    assert tagged.stamp == Stamp()
    assert "held a key" in tagged.problems[0]


def test_tags_beyond_the_limit_are_refused_and_the_words_about_it_are_bounded() -> None:
    tagged = collect_stamp([("x-mergecost-tags", ",".join(f"t{number:05}=v" for number in range(5000)))], [])
    assert len(tagged.stamp.tags) == MAX_TAGS
    assert tagged.problems[0] == "more than 32 tags: 't00032' was ignored"
    assert len(tagged.problems) <= 8


def test_a_header_that_is_no_utf_8_is_refused() -> None:
    value = b"caf\xe9".decode("utf-8", "surrogateescape")  # as aiohttp hands it over
    tagged = collect_stamp([("x-mergecost-team", value), ("x-portkey-metadata", '{"\\ud83d":"v"}')], [])
    assert tagged.stamp == Stamp()
    assert [problem.endswith("is not UTF-8 and was ignored") for problem in tagged.problems] == [True, True]


@pytest.mark.parametrize("value", ["[1]", "{", "", "nope", "[" * 60_000, "1" * 5000])
def test_metadata_that_is_no_object_is_a_problem(value: str) -> None:
    tagged = collect_stamp([("x-portkey-metadata", value), ("x-mergecost-team", "t")], [])
    assert tagged.stamp == Stamp(team="t")
    assert tagged.problems == ("header x-portkey-metadata is not a JSON object and was ignored",)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["baggage", "x-mergecost-tags", "x-litellm-tags", "cf-aig-metadata", "x-mergecost-repo"]),
            st.text(max_size=40) | st.dictionaries(st.text(max_size=3), st.text(max_size=3)).map(json.dumps),
        ),
        max_size=5,
    ),
    st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3),
)
def test_arbitrary_headers_give_a_bounded_stamp_of_plain_text(
    headers: list[tuple[str, str]], path_tags: list[tuple[str, str]]
) -> None:
    stamp = collect_stamp(headers, path_tags).stamp
    texts = [stamp.repository or "", *(text for tag in stamp.tags for text in tag)]
    assert all(len(text.encode()) <= MAX_VALUE and text == text.strip() for text in texts)
    assert all(name for name, _ in stamp.tags)
    assert not any(ord(character) < 32 for text in texts for character in text)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("https://GitHub.com/Acme/Shop.git", "github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "github.com/acme/shop"),
        ("https://user:ghp_secret@github.com/acme/shop", "github.com/acme/shop"),
        ("Acme/Shop", "acme/shop"),
        ("https://user:ghp_secret@", None),
    ],
)
def test_a_repository_is_kept_by_its_canonical_name_and_without_credentials(said: str, kept: str | None) -> None:
    tagged = collect_stamp([("x-mergecost-repo", said)], [])
    assert tagged.stamp.repository == kept
    assert "ghp_secret" not in repr(tagged)


@given(st.binary(max_size=20))
def test_a_header_s_text_is_written_as_the_same_bytes_or_else_has_the_same_characters(value: bytes) -> None:
    text = header_text(value)
    assert value in (text.encode(), text.encode("latin-1", "ignore"))
