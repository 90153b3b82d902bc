"""`mergecost config`: the generated example and the check of a file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from attribution.commands.config import config, example
from attribution.settings import ProviderSettings, Settings, load_settings

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"


def test_the_example_file_is_the_generated_text() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == example(), "run: mergecost config example > config.example.yaml"


def test_the_example_is_a_configuration_and_changes_nothing() -> None:
    assert load_settings(EXAMPLE) == load_settings()


def test_every_setting_stands_in_the_example() -> None:
    written = yaml.safe_load(example().replace("# ledger:", "ledger:").replace("# api_key:", "api_key:"))
    defaults = Settings().model_dump(mode="json")
    assert written.keys() == defaults.keys()
    for section in defaults.keys() - {"ledger", "providers"}:
        assert written[section] == defaults[section]
    for setting in ProviderSettings.model_fields:
        assert re.search(rf"^    (?:# )?{setting}: \S", example(), re.MULTILINE), setting
    for name, provider in defaults["providers"].items():
        assert (
            written["providers"][name].items() <= {**provider, "api_key": written["providers"][name]["api_key"]}.items()
        )


def test_nothing_of_the_machine_leaks_into_the_example(tmp_path: Path) -> None:
    secret = "sk-of-this-machine"
    environment = {
        "OPENAI_API_KEY": secret,
        "GEMINI_API_KEY": secret,
        "MERGECOST_PROVIDERS__OPENAI__API_KEY": secret,
        "MERGECOST_SERVER__PORT": "4999",
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    printed = subprocess.run(
        [sys.executable, "-c", "from attribution.cli import main; main()", "config", "example"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == example()


def test_check_prints_what_the_configuration_comes_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    file = tmp_path / "mine.yaml"
    file.write_text("server: {port: 4321}\nledger: sqlite:////books/ledger.db\n")
    result = CliRunner().invoke(config, ["check", "--config", str(file)])
    assert result.exit_code == 0
    assert f"read     {file}" in result.output
    assert "ledger   sqlite:////books/ledger.db" in result.output
    assert "listens  127.0.0.1:4321" in result.output
    assert "/openai  https://api.openai.com/v1 (openai, key set)" in result.output
    assert "sk-secret" not in result.output


def test_check_as_json_hides_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    file = tmp_path / "mine.yaml"
    file.write_text("server: {port: 4321}\n")
    result = CliRunner().invoke(config, ["check", "--config", str(file), "--json"])
    assert json.loads(result.output)["server"]["port"] == 4321
    assert "sk-secret" not in result.output


def test_check_fails_on_a_wrong_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("server: {prot: 4321}\n")
    command = [
        sys.executable,
        "-c",
        "from attribution.cli import main; main()",
        "config",
        "check",
        "--config",
        str(file),
    ]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert checked.stderr == (
        f"mergecost: the configuration {file}: there is no setting server.prot; did you mean port? "
        "(`mergecost config example` prints every setting)\n"
    )
