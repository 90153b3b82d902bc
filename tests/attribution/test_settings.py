"""Settings: where a value comes from, and what a person reads when one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from attribution.errors import UserError
from attribution.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "MERGECOST_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mergecost.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(config: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load_settings(config)
    return str(caught.value)


def test_without_a_file_the_defaults_stand(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.server.host == "127.0.0.1"
    assert settings.server.port == 4000
    assert settings.ledger == f"sqlite:///{tmp_path}/data/mergecost/ledger.db"
    assert sorted(settings.providers) == ["anthropic", "gemini", "openai"]


def test_the_default_file_is_read_where_it_exists(tmp_path: Path) -> None:
    (tmp_path / "config" / "mergecost").mkdir(parents=True)
    (tmp_path / "config" / "mergecost" / "config.yaml").write_text("server: {port: 4100}")
    assert load_settings().server.port == 4100


def test_mergecost_config_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGECOST_CONFIG", str(written(tmp_path, "server: {port: 4101}")))
    assert load_settings().server.port == 4101


def test_the_environment_beats_the_file_and_leaves_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "server: {host: 127.0.0.2, port: 4100}")
    monkeypatch.setenv("MERGECOST_SERVER__PORT", "4102")
    server = load_settings(file).server
    assert (server.host, server.port) == ("127.0.0.2", 4102)


def test_a_ledger_named_on_the_command_line_beats_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGECOST_LEDGER", "sqlite:////from/environment.db")
    file = written(tmp_path, "ledger: sqlite:////from/file.db")
    assert load_settings(file).ledger == "sqlite:////from/environment.db"
    assert load_settings(file, ledger="sqlite:////from/option.db").ledger == "sqlite:////from/option.db"


@pytest.mark.parametrize("named", ["file", "option"])
def test_a_tilde_in_the_ledger_is_the_home_directory(named: str, tmp_path: Path) -> None:
    url = "sqlite:///~/books/ledger.db"
    file = written(tmp_path, f"ledger: {url}" if named == "file" else "")
    settings = load_settings(file, ledger=url if named == "option" else None)
    assert settings.ledger == f"sqlite:///{tmp_path}/books/ledger.db"


def test_one_setting_of_a_provider_by_environment_keeps_the_other_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGECOST_PROVIDERS__OPENAI__BASE_URL", "http://127.0.0.1:9/v1/")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    settings = load_settings()
    openai = settings.providers["openai"]
    assert openai.api_key is not None
    assert (openai.kind, openai.base_url) == ("openai", "http://127.0.0.1:9/v1")
    assert openai.api_key.get_secret_value() == "sk-made-up"
    assert settings.providers["gemini"].base_url == "https://generativelanguage.googleapis.com"


def test_a_provider_in_the_file_adds_to_the_built_in_ones(tmp_path: Path) -> None:
    file = written(tmp_path, "providers: {mine: {kind: openai, base_url: 'https://gateway.example/v1'}}")
    assert sorted(load_settings(file).providers) == ["anthropic", "gemini", "mine", "openai"]


def test_a_known_seller_is_configured_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-made-up")
    providers = load_settings(written(tmp_path, "providers: {deepseek: {}, ollama: }")).providers
    assert (providers["deepseek"].kind, providers["deepseek"].base_url) == ("openai", "https://api.deepseek.com/v1")
    assert providers["deepseek"].api_key is not None
    assert providers["deepseek"].api_key.get_secret_value() == "sk-made-up"
    assert (providers["ollama"].base_url, providers["ollama"].api_key) == ("http://127.0.0.1:11434/v1", None)


def test_what_is_said_of_a_known_seller_beats_what_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGECOST_PROVIDERS__PERPLEXITY__VERSION", "v1")
    file = written(tmp_path, "providers: {perplexity: {base_url: 'http://gateway.example/'}}")
    perplexity = load_settings(file).providers["perplexity"]
    assert (perplexity.base_url, perplexity.version, perplexity.kind) == ("http://gateway.example", "v1", "openai")


def test_a_seller_nobody_knows_needs_its_kind_and_address(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, "providers: {deepsek: {}}"))
    assert "providers: 'deepsek' is no seller known by its name, so it needs a kind and a base_url. Known:" in message
    assert "deepseek" in message


def test_a_version_that_is_no_version_segment_is_refused(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, "providers: {openai: {version: /v1}}"))
    assert "providers.openai.version" in message


def test_a_reference_is_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-by-reference")
    file = written(tmp_path, "providers: {openai: {api_key: os.environ/MY_KEY}}")
    key = load_settings(file).providers["openai"].api_key
    assert key is not None
    assert key.get_secret_value() == "sk-by-reference"


def test_the_second_variable_of_a_provider_is_read_where_the_first_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "made-up")
    assert load_settings().providers["gemini"].api_key is not None


def test_no_secret_stands_in_the_text_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    settings = load_settings()
    assert "sk-very-secret" not in f"{settings!r} {settings.model_dump_json()}"


# What a person reads when something is wrong: input, then mend.


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path / "absent.yaml")
    assert (
        message == f"cannot read the configuration {tmp_path}/absent.yaml: No such file or directory. Check --config."
    )


def test_broken_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, "server:\n  port: [1\n")
    message = refusal(file)
    assert message.startswith(f"the configuration {file} is not valid YAML")
    assert "line" in message


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mergecost.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    assert refusal(file).startswith(f"the configuration {file} is not valid YAML")


def test_a_list_instead_of_settings_is_refused_with_an_example(tmp_path: Path) -> None:
    assert "must be a mapping of settings, such as `server: {port: 4000}`" in refusal(written(tmp_path, "- a\n- b\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sever: {port: 1}", "there is no setting sever; did you mean server?"),
        ("server: {prot: 1}", "there is no setting server.prot; did you mean port?"),
        ("providers: {openai: {baseurl: x}}", "there is no setting providers.openai.baseurl; did you mean base_url?"),
        ("server: {port: many}", "server.port: Input should be a valid integer"),
        ("server: {port: 70000}", "server.port: Input should be less than or equal to 65535"),
        ("providers: {mine: {base_url: 'https://x'}}", "providers.mine.kind: Field required"),
        (
            "providers: {mine: {kind: gopher, base_url: 'https://x'}}",
            "providers.mine.kind: no API 'gopher' is known; use",
        ),
        ("providers: {openai: {base_url: api.openai.com}}", "providers.openai.base_url: must start with http:// or"),
        ("statement: {time_zone: Mars/Base}", "statement.time_zone: no time zone 'Mars/Base'; use an IANA name"),
        ("changes: {survival_days: 7}", "changes.survival_days: Input should be greater than or equal to 14"),
        ("server: 4000", "server: Input should be"),
    ],
)
def test_a_wrong_setting_is_named_with_file_and_key(text: str, expected: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)
    message = refusal(file)
    assert message.startswith(f"the configuration {file}: ")
    assert expected in message


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGECOST_SERVER__PORT", "many")
    assert refusal().startswith("the environment variable MERGECOST_SERVER__PORT: server.port: Input should be a valid")


def test_a_misspelt_variable_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGECOST_SEVER__PORT", "1")
    assert refusal() == "the environment variable MERGECOST_SEVER__PORT names no setting; did you mean server?"


def test_a_list_in_a_variable_must_be_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGECOST_CHANGES__EXCLUDE", "*.lock")
    assert "Lists are written as JSON" in refusal()
    monkeypatch.setenv("MERGECOST_CHANGES__EXCLUDE", '["*.lock"]')
    assert load_settings().changes.exclude == ("*.lock",)


def test_a_missing_reference_names_file_and_variable(tmp_path: Path) -> None:
    file = written(tmp_path, "providers: {openai: {api_key: os.environ/NOT_SET_ANYWHERE}}")
    assert refusal(file) == (
        f"the configuration {file} refers to the environment variable NOT_SET_ANYWHERE, which is not set; "
        "set NOT_SET_ANYWHERE or remove the line"
    )


def test_settings_cannot_be_changed_after_reading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().server.port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_means() -> None:
    sections = [Settings.model_fields[name].annotation for name in Settings.model_fields]
    fields = {
        f"{section.__name__}.{name}": field.description
        for section in sections
        if isinstance(section, type) and issubclass(section, BaseModel)
        for name, field in section.model_fields.items()
    }
    assert [name for name, description in fields.items() if not description] == []
