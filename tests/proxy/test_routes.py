"""From what clients write into a request line to where it goes."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.routes import NoRoute, Route, resolve
from proxy.sellers import Seller

OPENAI = "https://api.openai.com"
ANTHROPIC = "https://api.anthropic.com"
GOOGLE = "https://generativelanguage.googleapis.com"
SELLERS = {
    seller.name: seller
    for seller in (
        Seller(name="openai", kind="openai", base_url=f"{OPENAI}/v1"),
        Seller(name="anthropic", kind="anthropic", base_url=ANTHROPIC),
        Seller(name="gemini", kind="gemini", base_url=GOOGLE),
        Seller(name="zhipu", kind="openai", base_url="https://open.bigmodel.cn/api/paas/v4"),
    )
}
CLAUDE = {"Anthropic-Version": "2023-06-01"}
GOOG = {"X-Goog-Api-Key": "k"}


def route(target: str, headers: dict[str, str] | None = None, method: str = "POST") -> Route:
    found = resolve(method, target, CIMultiDict(headers or {}), SELLERS)
    assert isinstance(found, Route), found
    return found


def no_route(target: str, headers: dict[str, str] | None = None) -> NoRoute:
    found = resolve("POST", target, CIMultiDict(headers or {}), SELLERS)
    assert isinstance(found, NoRoute), found
    return found


# target, operation, upstream URL
POSTS = [
    # Anthropic callers append /v1/messages or /messages to whatever base URL they were given
    ("/anthropic/v1/messages", "messages", f"{ANTHROPIC}/v1/messages"),
    ("/anthropic/messages", "messages", f"{ANTHROPIC}/v1/messages"),
    ("/anthropic/v1/v1/messages", "messages", f"{ANTHROPIC}/v1/messages"),
    ("/anthropic//v1/messages", "messages", f"{ANTHROPIC}/v1/messages"),
    ("/anthropic/v1/messages?beta=true", "messages", f"{ANTHROPIC}/v1/messages?beta=true"),
    ("/v1/messages", "messages", f"{ANTHROPIC}/v1/messages"),
    ("/messages", "messages", f"{ANTHROPIC}/v1/messages"),
    ("/v1/v1/messages", "messages", f"{ANTHROPIC}/v1/messages"),
    ("//v1/messages", "messages", f"{ANTHROPIC}/v1/messages"),
    ("/v1/messages/count_tokens?beta=true", "messages.count_tokens", f"{ANTHROPIC}/v1/messages/count_tokens?beta=true"),
    ("/messages/count_tokens", "messages.count_tokens", f"{ANTHROPIC}/v1/messages/count_tokens"),
    ("/v1/messages/batches", "batches", f"{ANTHROPIC}/v1/messages/batches"),
    ("/api/event_logging/batch", "event_logging", f"{ANTHROPIC}/api/event_logging/batch"),
    ("/anthropic/api/event_logging/batch", "event_logging", f"{ANTHROPIC}/api/event_logging/batch"),
    # OpenAI
    ("/openai/v1/chat/completions", "chat.completions", f"{OPENAI}/v1/chat/completions"),
    ("/openai/chat/completions", "chat.completions", f"{OPENAI}/v1/chat/completions"),
    ("/v1/chat/completions", "chat.completions", f"{OPENAI}/v1/chat/completions"),
    ("/chat/completions", "chat.completions", f"{OPENAI}/v1/chat/completions"),
    ("/v1/responses", "responses", f"{OPENAI}/v1/responses"),
    ("/responses", "responses", f"{OPENAI}/v1/responses"),
    ("/v1/v1/responses", "responses", f"{OPENAI}/v1/responses"),
    ("/openai/v1/responses/resp_1/cancel", "responses.cancel", f"{OPENAI}/v1/responses/resp_1/cancel"),
    ("/v1/embeddings", "embeddings", f"{OPENAI}/v1/embeddings"),
    ("/openai/v1/images/generations", "images.generations", f"{OPENAI}/v1/images/generations"),
    ("/v1/audio/transcriptions", "audio.transcriptions", f"{OPENAI}/v1/audio/transcriptions"),
    ("/batches", "batches", f"{OPENAI}/v1/batches"),
    ("/files", "files", f"{OPENAI}/v1/files"),
    ("/openai/v1/videos", None, f"{OPENAI}/v1/videos"),
    ("/openai/something/new", None, f"{OPENAI}/v1/something/new"),
    # a gateway with a version of its own
    ("/zhipu/chat/completions", "chat.completions", "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
    ("/zhipu/v1/chat/completions", "chat.completions", "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
    # Gemini
    (
        "/gemini/v1beta/models/gemini-2.5-flash:generateContent",
        "generateContent",
        f"{GOOGLE}/v1beta/models/gemini-2.5-flash:generateContent",
    ),
    ("/gemini/models/m:generateContent", "generateContent", f"{GOOGLE}/v1beta/models/m:generateContent"),
    ("/gemini/v1/models/m:generateContent", "generateContent", f"{GOOGLE}/v1/models/m:generateContent"),
    ("/gemini/v1/v1beta/models/m:generateContent", "generateContent", f"{GOOGLE}/v1beta/models/m:generateContent"),
    ("/v1/models/m:generateContent", "generateContent", f"{GOOGLE}/v1/models/m:generateContent"),
    ("/models/m:generateContent", "generateContent", f"{GOOGLE}/v1beta/models/m:generateContent"),
    (
        "/v1beta/models/m:streamGenerateContent?alt=sse&key=a%20b",
        "streamGenerateContent",
        f"{GOOGLE}/v1beta/models/m:streamGenerateContent?alt=sse&key=a%20b",
    ),
    ("/v1alpha/models/m:embedContent", "embedContent", f"{GOOGLE}/v1alpha/models/m:embedContent"),
    ("/v1beta/models/m:batchEmbedContents", "embedContent", f"{GOOGLE}/v1beta/models/m:batchEmbedContents"),
    ("/v1beta/models/m:countTokens", "countTokens", f"{GOOGLE}/v1beta/models/m:countTokens"),
    ("/v1beta/tunedModels/t:generateContent", "generateContent", f"{GOOGLE}/v1beta/tunedModels/t:generateContent"),
    ("/v1beta/models/m:someNewVerb", None, f"{GOOGLE}/v1beta/models/m:someNewVerb"),
    ("/v1beta/cachedContents", "cachedContents.create", f"{GOOGLE}/v1beta/cachedContents"),
    ("/upload/v1beta/files?uploadType=media", "files", f"{GOOGLE}/upload/v1beta/files?uploadType=media"),
    ("/v1beta/openai/chat/completions", "chat.completions", f"{GOOGLE}/v1beta/openai/chat/completions"),
]


@pytest.mark.parametrize(("target", "operation", "url"), POSTS)
def test_a_post_goes_where_its_client_means(target: str, operation: str | None, url: str) -> None:
    found = route(target)
    assert (found.operation.name if found.operation else None, found.url) == (operation, url)
    assert found.tags == ()


@pytest.mark.parametrize(
    ("target", "headers", "seller", "url"),
    [
        ("/v1/models", {}, "openai", f"{OPENAI}/v1/models"),
        ("/models", {}, "openai", f"{OPENAI}/v1/models"),
        ("/v1/models/gpt-5", {}, "openai", f"{OPENAI}/v1/models/gpt-5"),
        ("/v1/models?limit=1000", CLAUDE, "anthropic", f"{ANTHROPIC}/v1/models?limit=1000"),
        ("/v1/models/claude-opus-4-6", CLAUDE, "anthropic", f"{ANTHROPIC}/v1/models/claude-opus-4-6"),
        ("/models", CLAUDE, "anthropic", f"{ANTHROPIC}/v1/models"),
        ("/v1/models", GOOG, "gemini", f"{GOOGLE}/v1/models"),
        ("/v1beta/models", {}, "gemini", f"{GOOGLE}/v1beta/models"),
        ("/v1beta/models/m", CLAUDE, "gemini", f"{GOOGLE}/v1beta/models/m"),
        ("/gemini/models", {}, "gemini", f"{GOOGLE}/v1beta/models"),
        ("/openai/v1/models", CLAUDE, "openai", f"{OPENAI}/v1/models"),
    ],
)
def test_models_are_asked_of_whom_the_path_or_the_headers_name(
    target: str, headers: dict[str, str], seller: str, url: str
) -> None:
    found = route(target, headers, "GET")
    assert (found.seller.name, found.url) == (seller, url)
    assert found.operation is not None
    assert found.operation.name == "models"


@pytest.mark.parametrize(
    ("target", "headers", "seller"),
    [
        ("/v1/files/f", {}, "openai"),
        ("/v1/files/f", CLAUDE, "anthropic"),
        ("/v1/files", CLAUDE, "anthropic"),
        ("/v1/skills", CLAUDE, "anthropic"),
        ("/v1/messages/batches/b/results", {}, "anthropic"),
        ("/download/v1beta/files/f:download", {}, "gemini"),
        ("/api/claude_code/metrics", {}, "anthropic"),
    ],
)
def test_what_two_apis_share_is_asked_of_whose_client_asks(target: str, headers: dict[str, str], seller: str) -> None:
    assert route(target, headers, "GET").seller.name == seller


@pytest.mark.parametrize(
    ("base", "version", "path", "url"),
    [
        # a version within the base URL stands in place of the usual one
        ("https://s.example/v1beta/openai", None, "/v1/chat/completions", "/v1beta/openai/chat/completions"),
        ("https://s.example/v1beta/openai", None, "/chat/completions", "/v1beta/openai/chat/completions"),
        ("https://s.example/v1/openai", None, "/v1/models", "/v1/openai/models"),
        ("https://s.example/api/v3", None, "/v1/chat/completions", "/api/v3/chat/completions"),
        # no version: as the client wrote it
        ("https://s.example", "", "/chat/completions", "/chat/completions"),
        ("https://s.example", "", "/v1/responses", "/v1/responses"),
        ("https://s.example/inference", "", "/chat/completions", "/inference/chat/completions"),
        # a version of its own
        ("https://s.example", "v2", "/v1/chat/completions", "/v2/chat/completions"),
        ("https://s.example", "v2", "/chat/completions", "/v2/chat/completions"),
        ("https://s.example", "v2", "/v4/chat/completions", "/v4/chat/completions"),
    ],
)
def test_a_seller_s_version_is_told_by_its_address_or_its_setting(
    base: str, version: str | None, path: str, url: str
) -> None:
    sellers = {"s": Seller(name="s", kind="openai", base_url=base, version=version)}
    found = resolve("POST", f"/s{path}?a=b", CIMultiDict(), sellers)
    assert isinstance(found, Route)
    assert found.url == f"https://s.example{url}?a=b"
    if path.endswith("completions") and not path.startswith("/v4"):
        assert found.operation is not None
        assert found.operation.name == "chat.completions"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_another_method_on_a_known_path_is_no_known_operation(method: str) -> None:
    assert route("/v1/messages", method=method).operation is None


@pytest.mark.parametrize("base", ["https://gw.example/llm", "https://gw.example/llm/v1"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "/v1/v1/chat/completions"])
def test_a_gateway_may_be_given_with_and_without_its_version(base: str, path: str) -> None:
    sellers = {"gw": Seller(name="gw", kind="openai", base_url=base)}
    for target in (f"/gw{path}", path):
        found = resolve("POST", target, CIMultiDict(), sellers)
        assert isinstance(found, Route)
        assert found.url == "https://gw.example/llm/v1/chat/completions"
        assert found.path == "/v1/chat/completions"


def test_a_client_s_unusual_version_stands_before_the_base_url_s() -> None:
    sellers = {"gemini": Seller(name="gemini", kind="gemini", base_url="https://gw.example/v1beta")}
    found = resolve("POST", "/v1alpha/models/m:generateContent", CIMultiDict(), sellers)
    assert isinstance(found, Route)
    assert found.url == "https://gw.example/v1alpha/models/m:generateContent"


@pytest.mark.parametrize(
    ("target", "model"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash"),
        ("/v1beta/models/a%2Fb%20c:generateContent", "a/b c"),
        ("/v1beta/tunedModels/t-1:generateContent", "t-1"),
        ("/v1beta/models/" + "m" * 5000 + ":generateContent", "m" * 256),
        ("/v1/messages", None),
        ("/v1/chat/completions", None),
    ],
)
def test_the_model_is_read_from_the_path_where_it_stands_there(target: str, model: str | None) -> None:
    assert route(target).model == model


# Path tags -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segment", "tags"),
    [
        ("@team=payments", (("team", "payments"),)),
        ("@team=payments,actor=ci,purpose=review", (("team", "payments"), ("actor", "ci"), ("purpose", "review"))),
        ("%40team=payments", (("team", "payments"),)),
        ("%40team%3Dpayments,actor%3dci", (("team", "payments"), ("actor", "ci"))),
        ("@branch=feature%2Flogin", (("branch", "feature/login"),)),
        ("@purpose=a%2Cb%20c", (("purpose", "a,b c"),)),
        ("@note=a=b%3Dc", (("note", "a=b=c"),)),
        ("@team=", (("team", ""),)),
        ("@team=caf%C3%A9", (("team", "café"),)),
        ("@team=caf%E9", (("team", "caf\ufffd"),)),
        ("@mail=a%40b", (("mail", "a@b"),)),
        ("@change=%40abc", (("change", "@abc"),)),
    ],
)
@pytest.mark.parametrize(
    "rest", ["/anthropic/v1/messages?beta=true", "/v1/messages?beta=true", "//anthropic//messages?beta=true"]
)
def test_path_tags_are_read_and_taken_out(segment: str, tags: tuple[tuple[str, str], ...], rest: str) -> None:
    found = route(f"/{segment}{rest}")
    assert found.tags == tags
    assert found.url == f"{ANTHROPIC}/v1/messages?beta=true"


@pytest.mark.parametrize("segment", ["@", "@team", "@=x", "@team=a,", "@team=a,,b=c", "%40team"])
def test_malformed_tags_are_refused_with_the_way_to_write_them(segment: str) -> None:
    refused = no_route(f"/{segment}/v1/messages")
    assert refused.status == 400
    assert "/@team=NAME,actor=NAME/" in refused.message
    assert refused.provider.kind == "anthropic"


# What is sent upstream -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rest",
    [
        "/v1/files/a%2Fb%20c%25?x=%2F&y=a+b&z",
        "/v1/files/%e4%bd%a0?",
        "/v1/files/a//b/..c/...;d?q=%3F?/../@team=x",
        "/v1/files/a:b@c!$&'()*+,=~",
    ],
)
@pytest.mark.parametrize("prefix", ["", "/@team=x"])
def test_percent_encoding_and_query_reach_the_provider_as_they_were_written(rest: str, prefix: str) -> None:
    assert route(f"{prefix}/anthropic{rest}").url == f"{ANTHROPIC}{rest}"


@given(st.text(alphabet="abc/%2F:@=,&?+.~", max_size=30))
def test_whatever_follows_a_known_prefix_reaches_the_provider_unchanged(rest: str) -> None:
    assume(not {".", ".."} & set(rest.partition("?")[0].replace("%2F", "/").split("/")))
    assert route(f"/anthropic/v1/x/{rest}").url == f"{ANTHROPIC}/v1/x/{rest}"


@given(st.text(alphabet="av1/%40F:@=,&?+.~", max_size=30))
def test_any_target_has_a_route_or_an_answer(rest: str) -> None:
    found = resolve("POST", f"/{rest}", CIMultiDict(), SELLERS)
    assert found.seller.name in SELLERS if isinstance(found, Route) else found.status in (400, 404)


@pytest.mark.parametrize("rest", ["/..", "/../x", "/v1/./x", "/v1/%2e%2E/x", "/.%2e/x", "/v1/.", "/v1/x%2f..%2Fy"])
@pytest.mark.parametrize("prefix", ["", "/anthropic", "/@team=x", "/@team=x/anthropic"])
def test_a_dot_segment_is_refused(prefix: str, rest: str) -> None:
    refused = no_route(f"{prefix}{rest}?q=/../")
    assert refused.status == 400
    assert "segment" in refused.message


# Nowhere to go -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "headers", "shape"),
    [
        ("/mistral/v1/chat", {}, "openai"),
        ("/", {}, "openai"),
        ("", {}, "openai"),
        ("*", {}, "openai"),
        ("/nothing", CLAUDE, "anthropic"),
        ("/nothing", GOOG, "gemini"),
    ],
)
def test_an_unknown_path_is_answered_with_the_known_ones_in_the_client_s_shape(
    target: str, headers: dict[str, str], shape: str
) -> None:
    refused = no_route(target, headers)
    assert refused.status == 404
    assert "(/openai, /anthropic, /gemini, /zhipu)" in refused.message
    assert "base URL" in refused.message
    assert refused.provider.kind == shape


def test_a_bare_path_of_a_provider_that_is_not_configured_is_unknown() -> None:
    found = resolve("POST", "/v1/messages", CIMultiDict(), {"openai": SELLERS["openai"]})
    assert isinstance(found, NoRoute)
    assert (found.status, found.provider.kind) == (404, "anthropic")


def test_a_long_path_is_quoted_in_part() -> None:
    assert len(no_route("/" + "x" * 60_000).message) < 1000
    assert len(no_route("/@" + "x" * 60_000 + "/v1/messages").message) < 1000
