"""Who sells what where: Azure OpenAI, Vertex AI and Bedrock by host, region and model id, all exact."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from attribution.model import PriceStatus
from attribution.pricing.book import PriceBook
from attribution.pricing.charge import charge_call
from attribution.pricing.sellers import canonical_seller, region_of, seller_at
from proxy.call import Attempt, Call, Metered, Outcome, Usage


@pytest.mark.parametrize(
    ("server", "seller"),
    [
        ("my-resource.openai.azure.com", "azure"),
        ("my-resource.openai.azure.com.evil.example", None),
        ("openai.azure.com", None),
        ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com:443", "bedrock"),
        ("vpce-0a1b-xyz.bedrock-runtime.eu-central-1.vpce.amazonaws.com", "bedrock"),
        ("bedrock-runtime.us-east-1.amazonaws.com.evil.example", None),
        ("aiplatform.googleapis.com", "vertex_ai"),
        ("us-east5-aiplatform.googleapis.com", "vertex_ai"),
        ("aiplatform.eu.rep.googleapis.com", "vertex_ai"),
        ("generativelanguage.googleapis.com", "gemini"),
    ],
)
def test_a_host_with_a_resource_or_a_region_in_its_name_tells_its_seller(server: str, seller: str | None) -> None:
    assert seller_at(server) == seller


@pytest.mark.parametrize(
    ("name", "seller"),
    [
        ("azure.ai.openai", "azure"),
        ("gcp.vertex_ai", "vertex_ai"),
        ("vertex", "vertex_ai"),
        ("aws.bedrock", "bedrock"),
    ],
)
def test_opentelemetry_s_names_lead_to_the_price_book_s(name: str, seller: str) -> None:
    assert canonical_seller(name) == seller


@pytest.mark.parametrize(
    ("seller", "server", "path", "region"),
    [
        ("bedrock", "bedrock-runtime.eu-central-1.amazonaws.com", "/model/m/converse", "eu-central-1"),
        ("bedrock", "vpce-0a.bedrock-runtime.us-west-2.vpce.amazonaws.com", "/model/m/converse", "us-west-2"),
        ("bedrock", "127.0.0.1:4010", "/model/m/converse", None),
        ("vertex_ai", "aiplatform.googleapis.com", "/v1/projects/p/locations/us-east5/publishers/x", "us-east5"),
        ("vertex_ai", "us-east5-aiplatform.googleapis.com", "/v1/publishers/google/models/m:predict", None),
        ("azure", "r.openai.azure.com", "/openai/v1/responses", None),
        ("openai", "eu.api.openai.com", "/v1/responses", None),
    ],
)
def test_the_region_is_the_host_s_or_the_path_s(seller: str, server: str, path: str, region: str | None) -> None:
    assert region_of(seller, server, path) == region


def charged(
    book: PriceBook, *, model: str, server: str = "gateway.example", **facts: str
) -> tuple[PriceStatus, int | None]:
    """A call that read 1000 tokens and wrote 100."""
    known = {"provider": "aws.bedrock", "seller": "bedrock", "operation": "converse", "path": "/model/m/converse"}
    call = Call(
        call_id="c1",
        attempt=1,
        started_at=datetime(2026, 11, 2, 12, tzinfo=UTC),
        method="POST",
        server=server,
        request_model=model,
        **(known | facts),  # type: ignore[arg-type]  # words all
    )
    usage = Usage(input_tokens=1000, output_tokens=100)
    metered = Metered(usage=usage, raw_usage={"inputTokens": 1000, "outputTokens": 100})
    charge = charge_call(call, Attempt(outcome=Outcome.OK, status=200, metered=metered), book)
    return charge.status, charge.total


# Pico-dollars a token, from the map: Nova Lite 0.06/0.24 USD a million, 0.078/0.312 in the EU; Haiku 4.5 1/5 USD, a
# tenth more through a geographic profile; Haiku 4.5 through the global one as in a region.
@pytest.mark.parametrize(
    ("model", "total"),
    [
        ("amazon.nova-lite-v1:0", 1000 * 60_000 + 100 * 240_000),
        ("us.amazon.nova-lite-v1:0", 1000 * 60_000 + 100 * 240_000),
        ("eu.amazon.nova-lite-v1:0", 1000 * 78_000 + 100 * 312_000),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", 1000 * 1_000_000 + 100 * 5_000_000),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 1000 * 1_100_000 + 100 * 5_500_000),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", 1000 * 1_000_000 + 100 * 5_000_000),
        (
            "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0",
            1000 * 78_000 + 100 * 312_000,
        ),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", 1000 * 60_000 + 100 * 240_000),
    ],
)
def test_a_bedrock_model_is_priced_by_its_id_its_profile_or_their_arn(book: PriceBook, model: str, total: int) -> None:
    assert charged(book, model=model) == (PriceStatus.PRICED, total)


@pytest.mark.parametrize(
    "model",
    [
        "us.amazon.nova-premier-v1:0",  # a profile the map does not have is not taken for its model
        "nova-lite",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123",
        "arn:aws:sagemaker:us-east-1:123456789012:foundation-model/amazon.nova-lite-v1:0",
    ],
)
def test_what_the_map_does_not_name_is_unpriced(book: PriceBook, model: str) -> None:
    assert charged(book, model=model) == (PriceStatus.UNPRICED, None)


def test_a_regional_bedrock_price_is_found_by_the_host(book: PriceBook) -> None:
    """DeepSeek V3.2 has a price of its own in Tokyo."""
    tokyo = "bedrock-runtime.ap-northeast-1.amazonaws.com"
    listed = book.find("bedrock", "deepseek.v3.2", region="ap-northeast-1")
    assert listed is not None
    assert listed.key == "bedrock/ap-northeast-1/deepseek.v3.2"
    # 0.74 USD a million in, 2.22 out
    assert charged(book, model="deepseek.v3.2", server=tokyo) == (PriceStatus.PRICED, 1000 * 740_000 + 100 * 2_220_000)


@pytest.mark.parametrize(("location", "tenths"), [("global", 10), ("us-east5", 11), ("eu", 11)])
def test_claude_on_vertex_costs_a_tenth_more_outside_the_global_location(
    book: PriceBook, location: str, tenths: int
) -> None:
    """Sonnet 4.5: 3 USD a million in, 15 out."""
    found = charged(
        book,
        model="claude-sonnet-4-5@20250929",
        provider="gcp.vertex_ai",
        seller="vertex",
        operation="rawPredict",
        path=f"/v1/projects/p/locations/{location}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
    )
    assert found == (PriceStatus.PRICED, (1000 * 3_000_000 + 100 * 15_000_000) * tenths // 10)
