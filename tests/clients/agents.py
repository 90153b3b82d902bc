"""How each agent is started, and what it does on the wire: one row an agent and way of connecting.

Update checks and telemetry are off by the clients' own documented settings. Their homes are temporary, and the usual
proxy variables lead nowhere but for loopback, so that whatever else a client would fetch fails at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.clients.install import pinned

__all__ = ["AGENTS", "PROVIDER_KEY", "Agent", "Start"]

PROVIDER_KEY = "sk-the-client-s-own"
OFFLINE = {
    "HTTP_PROXY": "http://127.0.0.1:9",  # the discard port: nobody listens
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
    "TERM": "dumb",
    "NO_COLOR": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What to run: `command` in the cache, its arguments, its environment, and files by their path in its home."""

    command: str
    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """`calls`: operation and model of each call a single prompt leads to, in any order."""

    name: str
    package: str
    installation: str
    api: str
    start: Callable[[str, str], Start]  # base URL of the API, prompt
    calls: tuple[tuple[str, str], ...]
    client_name: str
    session_header: str | None  # the request header that names the session
    library_version: str | None = None  # where it calls itself by the library it uses

    def __str__(self) -> str:
        return self.name

    @property
    def version(self) -> str:
        return pinned()[self.package]

    @property
    def client_version(self) -> str:
        """As the ledger has it."""
        return self.library_version or self.version


def _claude_code(base: str, prompt: str) -> Start:
    # https://docs.claude.com/en/docs/claude-code/settings
    env = {
        "ANTHROPIC_BASE_URL": base,
        "ANTHROPIC_API_KEY": PROVIDER_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    arguments = ("--model", "claude-sonnet-4-6", "-p", prompt)
    return Start(command="npm/node_modules/.bin/claude", arguments=arguments, env=env)


_CODEX_QUIET = """\
model = "gpt-5"
check_for_update_on_startup = false
[analytics]
enabled = false
"""
_CODEX_PROVIDER = """
[model_providers.mergecost]
name = "mergecost"
base_url = "{base}"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
"""


def _codex(config: str, prompt: str) -> Start:
    return Start(
        command="npm/node_modules/.bin/codex",
        arguments=("exec", prompt),
        env={"OPENAI_API_KEY": PROVIDER_KEY, "CODEX_API_KEY": PROVIDER_KEY},
        files={".codex/config.toml": config},
    )


def _codex_base_url(base: str, prompt: str) -> Start:
    return _codex(f'openai_base_url = "{base}"\n{_CODEX_QUIET}', prompt)


def _codex_provider(base: str, prompt: str) -> Start:
    return _codex(f'model_provider = "mergecost"\n{_CODEX_QUIET}{_CODEX_PROVIDER.format(base=base)}', prompt)


def _gemini_cli(base: str, prompt: str) -> Start:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
    }
    env = {
        "GOOGLE_GEMINI_BASE_URL": base,
        "GEMINI_API_KEY": PROVIDER_KEY,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    return Start(
        command="npm/node_modules/.bin/gemini",
        arguments=("-p", prompt),
        env=env,
        files={".gemini/settings.json": json.dumps(settings)},
    )


def _opencode(base: str, prompt: str) -> Start:
    options: dict[str, Any] = {"baseURL": f"{base}/v1", "apiKey": "{env:ANTHROPIC_API_KEY}"}
    config = {
        "provider": {"anthropic": {"options": options}},
        "model": "anthropic/claude-sonnet-4-5",
        "small_model": "anthropic/claude-haiku-4-5",
        "autoupdate": False,
        "share": "disabled",
    }
    env = {
        "ANTHROPIC_API_KEY": PROVIDER_KEY,
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    }
    return Start(
        command="npm/node_modules/.bin/opencode",
        arguments=("run", prompt),
        env=env,
        files={".config/opencode/opencode.json": json.dumps(config)},
    )


def _aider(base: str, prompt: str) -> Start:
    env = {"OPENAI_API_BASE": base, "OPENAI_API_KEY": PROVIDER_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    quiet = ("--no-check-update", "--analytics-disable", "--no-show-release-notes", "--no-show-model-warnings")
    arguments = (*quiet, "--model", "openai/gpt-4.1", "--yes-always", "--no-gitignore", "--message", prompt)
    prices = {".aider/caches/model_prices_and_context_window.json": '{"sample": {}}'}  # else it fetches them
    return Start(command="aider/bin/aider", arguments=arguments, env=env, files=prices)


AGENTS = (
    Agent(
        name="claude-code",
        package="@anthropic-ai/claude-code",
        installation="npm",
        api="anthropic",
        start=_claude_code,
        calls=(("messages", "claude-sonnet-4-6"),),
        client_name="claude-cli",
        session_header="x-claude-code-session-id",
    ),
    Agent(
        name="codex, openai_base_url",
        package="@openai/codex",
        installation="npm",
        api="openai",
        start=_codex_base_url,
        calls=(("responses", "gpt-5"),),
        client_name="codex_exec",
        session_header="session-id",
    ),
    Agent(
        name="codex, model_providers",
        package="@openai/codex",
        installation="npm",
        api="openai",
        start=_codex_provider,
        calls=(("responses", "gpt-5"),),
        client_name="codex_exec",
        session_header="session-id",
    ),
    Agent(
        name="gemini-cli",
        package="@google/gemini-cli",
        installation="npm",
        api="gemini",
        start=_gemini_cli,
        calls=(
            ("generateContent", "gemini-3.5-flash-lite"),  # which model shall answer
            ("streamGenerateContent", "gemini-3.8-flash"),
        ),
        client_name="GeminiCLI-tui",
        session_header=None,
    ),
    Agent(
        name="opencode",
        package="opencode-ai",
        installation="npm",
        api="anthropic",
        start=_opencode,
        calls=(("messages", "claude-haiku-4-5"), ("messages", "claude-sonnet-4-5")),  # the session's title comes first
        client_name="opencode",
        session_header="x-session-id",
    ),
    Agent(
        name="aider",
        package="aider-chat",
        installation="aider",
        api="openai",
        start=_aider,
        calls=(("chat.completions", "gpt-4.1"),),
        client_name="OpenAI",  # it leaves the library's own User-Agent
        session_header=None,
        library_version="2.20.0",
    ),
)
