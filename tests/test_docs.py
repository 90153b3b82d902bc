"""README and docs say what the code does: commands, settings, tables, names and examples are checked against it."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from attribution import vocabulary
from attribution.cli import COMMANDS, _mergecost
from attribution.commands.price import price
from attribution.known_sellers import BUILT_IN, KNOWN_SELLERS
from attribution.ledger.base import Dimension, Window
from attribution.ledger.sqlite import SqliteLedger
from attribution.linking import RULES, LinkingLimits, allocate
from attribution.model import Category, PriceStatus
from attribution.pricing.rates import METERS
from attribution.settings import ProviderSettings, Settings
from proxy.headers import STAMP_FIELDS
from tests.factories import NOON, UNPRICED, make_call, make_change, make_charge, make_facts

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
OPERATING, LEDGER, PRICING, METRIC, ATTRIBUTION = (
    TEXTS[DOCS / name] for name in ("operating.md", "ledger.md", "pricing.md", "metric.md", "attribution.md")
)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


# Commands ------------------------------------------------------------------------------------------------------------


def command_names() -> Iterator[str]:
    """`serve`, `keys add` …: whatever the registry holds, sub-commands by their own names."""
    context = click.Context(_mergecost)
    for name in COMMANDS:
        command = _mergecost.get_command(context, name)
        assert command is not None
        yield from [f"{name} {inner}" for inner in command.commands] if isinstance(command, click.Group) else [name]


@pytest.mark.parametrize("command", list(command_names()))
def test_every_command_is_shown(command: str) -> None:
    assert any(re.search(rf"mergecost {command}\b", text) for text in TEXTS.values())


# A command on a line of an indented block, behind variables or a path, or in inline code.
SHOWN = re.compile(r"^ {4,}(?:\S+=\S* )*(?:\S*/)?mergecost (?P<line>\S.*)$|`mergecost (?P<inline>[^`]+)`", re.MULTILINE)


def shown_commands() -> Iterator[tuple[str, str, bool]]:
    for page, text in TEXTS.items():
        for match in SHOWN.finditer(text):
            yield name_of(page), " ".join((match["inline"] or match["line"]).split()), bool(match["inline"])


def arguments_of(line: str) -> list[str]:
    """Words up to a comment, a pipe or a redirection."""
    words = shlex.split(line, comments=True)
    end = next((place for place, word in enumerate(words) if word[:1] in ("<", ">", "|")), len(words))
    return words[:end]


@pytest.mark.parametrize(("page", "line", "inline"), sorted(set(shown_commands())))
def test_every_command_line_that_is_shown_parses(page: str, line: str, inline: bool) -> None:
    arguments = arguments_of(line)
    command: click.Command = _mergecost
    context = click.Context(_mergecost, info_name="mergecost")
    while isinstance(command, click.Group) and arguments:
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None, f"{page}: {line}"
        command = found
        context = click.Context(command, info_name=name, parent=context)
    named_only = inline and not arguments  # `mergecost statement` in a sentence
    assert named_only or command.make_context("mergecost", arguments).params is not None


# Sellers -------------------------------------------------------------------------------------------------------------


def test_every_seller_that_a_name_is_enough_for_is_shown() -> None:
    rows = re.findall(
        r"^\| (`[^|]+) \| (\w+) \| `(http[^`]+)` \| (`\w+`|none) \|$", TEXTS[DOCS / "clients.md"], re.MULTILINE
    )
    shown = {
        name: (kind, url, () if key == "none" else (key.strip("`"),))
        for names, kind, url, key in rows
        for name in re.findall(r"`([^`]+)`", names)
    }
    assert shown == {
        name: (seller.kind, seller.base_url, seller.key_variables[:1])
        for name, seller in KNOWN_SELLERS.items()
        if name not in BUILT_IN
    }


# Links ---------------------------------------------------------------------------------------------------------------

LINK = re.compile(r"\]\((?P<target>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")


def links() -> Iterator[tuple[str, str, str]]:
    for page, text in TEXTS.items():
        for match in LINK.finditer(text):
            if "://" not in match["target"]:
                yield name_of(page), match["target"], match["anchor"] or ""


def anchors(text: str) -> set[str]:
    """The anchors forges make of headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "target", "anchor"), sorted(set(links())))
def test_every_relative_link_resolves(page: str, target: str, anchor: str) -> None:
    found = ((ROOT / page).parent / target).resolve() if target else ROOT / page
    assert found.exists()
    if anchor:
        assert anchor in anchors(found.read_text(encoding="utf-8"))


# Names ---------------------------------------------------------------------------------------------------------------


def settings_of(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Every setting with its description, those of sections and providers included."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation)
        elif name != "providers":
            yield name, field.description or ""


@pytest.mark.parametrize(("setting", "description"), [*settings_of(Settings), *settings_of(ProviderSettings)])
def test_every_setting_is_explained_where_the_operating_page_points(setting: str, description: str) -> None:
    example = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    assert "(../config.example.yaml)" in OPERATING
    assert re.search(rf"^[ #]*{setting}:", example, re.MULTILINE)
    assert description
    assert " ".join(description.split()) in " ".join(re.sub(r"^ *# ?", "", example, flags=re.MULTILINE).split())


def vocabulary_names() -> Iterator[str]:
    for name in vocabulary.__all__:
        yield from (value for key, value in vars(getattr(vocabulary, name)).items() if key.isupper())


SECTIONS: dict[str, type[BaseModel]] = {"providers": ProviderSettings} | {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}


def settings_named() -> set[str]:
    """`section.setting` in inline code; file names and the names of telemetry look alike."""
    found = re.findall(rf"`((?:{'|'.join(SECTIONS)})\.[a-z_<>.]+)(?::[^`]*)?`", "\n".join(TEXTS.values()))
    return {name for name in found if not name.endswith(".py")} - set(vocabulary_names())


@pytest.mark.parametrize("named", sorted(settings_named()))
def test_every_setting_that_is_named_exists(named: str) -> None:
    section, *_, setting = named.split(".")
    assert setting in SECTIONS[section].model_fields


@pytest.mark.parametrize("name", list(vocabulary_names()))
def test_every_name_of_telemetry_is_on_the_operating_page(name: str) -> None:
    assert f"`{name}`" in OPERATING


def test_every_stamp_field_is_documented_with_its_header() -> None:
    assert [name for name in STAMP_FIELDS if f"| `x-mergecost-{name}` | `{name}` |" not in ATTRIBUTION] == []


def test_the_rules_are_documented_in_the_order_they_are_tried() -> None:
    assert re.findall(r"^\| (R\d+) \|", ATTRIBUTION, re.MULTILINE) == [rule.value for rule, _ in RULES]


def test_every_line_of_the_statement_is_documented() -> None:
    table = METRIC.split("| line | holds")[1].split("\n\n")[0]
    named = [name.strip() for row in re.findall(r"^\| ([a-z_, ]+) \|", table, re.MULTILINE) for name in row.split(",")]
    assert sorted(named) == sorted(category.value for category in Category)


def test_every_component_and_status_of_a_price_is_documented() -> None:
    names = [*(meter.component for meter in METERS), *(status.value for status in PriceStatus)]
    assert [name for name in names if f"`{name}`" not in PRICING] == []


# The ledger ----------------------------------------------------------------------------------------------------------


def documented_tables() -> dict[str, list[tuple[str, str]]]:
    sections = re.split(r"^### ", LEDGER.split("## Tables")[1].split("\n## ")[0], flags=re.MULTILINE)[1:]
    return {
        section.split("\n", 1)[0]: re.findall(r"^\| `(\w+)` \| (TEXT|INTEGER) \|", section, re.MULTILINE)
        for section in sections
    }


def test_the_tables_and_columns_of_the_ledger_are_those_documented(tmp_path: Path) -> None:
    SqliteLedger(tmp_path / "ledger.db").close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        schema = {
            table: [(column, kind) for _, column, kind, *_ in ledger.execute(f"PRAGMA table_info('{table}')")]
            for table in tables
            if not table.startswith(("_", "sqlite_"))
        }
    assert documented_tables() == schema


@pytest.fixture(scope="module")
def october(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of six calls on one repository, synced."""
    path = tmp_path_factory.mktemp("docs") / "ledger.db"
    facts = make_facts(make_change(7, title="Add refunds", merged_at=NOON + timedelta(days=3)))
    with closing(SqliteLedger(path)) as ledger:
        ledger.replace_facts(facts)
        ledger.record(
            [
                make_call("refunds-1"),
                make_call("refunds-2", charge=make_charge(web_search=10**10)),
                make_call("refunds-3", charge=UNPRICED),
                make_call("refunds-4", started_at=NOON + timedelta(days=1), charge=make_charge(cache_read=30_000_000)),
                make_call("cart-1", stamp={"branch": "cart", "team": "growth"}),
            ]
        )
        ledger.replace_allocations(allocate(ledger.allocation_inputs(Window()), [facts], LinkingLimits()))
    return path


def example(page: str, name: str) -> str:
    """The block under `<!-- example: name -->`."""
    found = re.search(rf"<!-- example: {name} -->\n```\w*\n(?P<block>.*?)```", page, re.DOTALL)
    assert found, f"there is no example {name!r}"
    return found["block"]


@pytest.mark.parametrize("name", ["spend", "change"])
def test_the_queries_that_are_shown_give_the_rows_that_are_shown(october: Path, name: str) -> None:
    with closing(sqlite3.connect(f"file:{october}?mode=ro", uri=True)) as ledger:
        answer = ledger.execute(example(LEDGER, f"{name} query"))
        rows = [tuple(column[0] for column in answer.description), *answer]
    shown = ["|".join("" if value is None else str(value) for value in row) for row in rows]
    assert shown == example(LEDGER, f"{name} rows").splitlines()


def test_the_price_example_gives_what_is_shown() -> None:
    answer = CliRunner().invoke(price, input=example(PRICING, "price in"))
    assert answer.exit_code == 0
    assert [json.loads(line) for line in answer.stdout.splitlines()] == [
        json.loads(line) for line in example(PRICING, "price out").splitlines()
    ]


# Habits --------------------------------------------------------------------------------------------------------------


def test_decision_records_are_short_and_have_the_three_parts() -> None:
    for page in (DOCS / "adr").glob("*.md"):
        text = TEXTS[page]
        assert len(text.splitlines()) <= 40, page.name
        assert re.findall(r"^## (\w+)", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], page.name


def test_the_dimensions_of_spend_that_are_shown_exist() -> None:
    shown = set(re.findall(r"--by (\w+)", "\n".join(TEXTS.values())))
    assert shown
    assert shown <= {dimension.value for dimension in Dimension}
