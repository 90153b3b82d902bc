"""Every setting: from the YAML file, the environment (MERGECOST_SECTION__NAME) and the command line, in rising order.

The only file that reads the environment. `os.environ/NAME` as a value in the YAML file stands for that variable, as in
LiteLLM's configuration. config.example.yaml is generated from this model (`mergecost config example`), so it cannot
drift from it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from attribution.errors import UserError
from attribution.known_sellers import BUILT_IN, KNOWN_SELLERS
from proxy.providers import PROVIDERS

__all__ = [
    "ENVIRONMENT_REFERENCE",
    "PROVIDER_KEY_VARIABLES",
    "AllocationSettings",
    "ChangeSettings",
    "ProviderSettings",
    "ServerSettings",
    "Settings",
    "StatementSettings",
    "TelemetrySettings",
    "config_path",
    "default_config_path",
    "default_providers",
    "load_settings",
    "steering_variables",
    "telemetry_signals",
]

ENVIRONMENT_REFERENCE = "os.environ/"
ENVIRONMENT_PREFIX = "MERGECOST_"

# Known seller → the variables its key is taken from where the file names none; the first that is set.
PROVIDER_KEY_VARIABLES: Mapping[str, tuple[str, ...]] = {
    name: seller.key_variables for name, seller in KNOWN_SELLERS.items()
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Section):
    """Where the proxy listens and what it lets through."""

    host: str = Field("127.0.0.1", description="Address to listen on. Anything but loopback needs at least one key.")
    port: int = Field(4000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    keys: Literal["auto", "required", "optional"] = Field(
        "auto",
        description="Who may call: `auto` asks for a key (sk-mc-…) as soon as one exists; `optional` also lets "
        "clients through with their own provider key.",
    )
    max_body_bytes: int = Field(200_000_000, ge=1, description="Largest request body relayed.")
    buffer_bytes: int = Field(
        8_000_000, ge=0, description="Request bodies up to this size are read whole before they are sent on."
    )
    max_connections: int = Field(1000, ge=1, description="Client connections served at once; more are refused.")
    body_timeout_seconds: int = Field(60, ge=1, description="How long a client may take to send its request body.")
    drain_seconds: int = Field(30, ge=0, description="How long calls in flight may finish after SIGTERM.")
    durability: Literal["process", "power"] = Field(
        "process",
        description="What a recorded call survives: `process` a killed process, `power` also a power cut, at the price "
        "of a disk flush before a response may end.",
    )
    on_client_gone: Literal["close", "drain"] = Field(
        "close", description="What happens upstream when the client goes away mid-response."
    )


class ProviderSettings(_Section):
    """One seller of model calls, reached under /<name>/."""

    kind: str = Field(description="Which API it speaks: openai, anthropic, gemini, azure, vertex or bedrock.")
    base_url: str = Field(description="Where calls are sent; point it at a gateway or a test server.")
    api_key: SecretStr | None = Field(
        None, description="The provider's own key, sent upstream in place of an sk-mc-… key."
    )
    version: str | None = Field(
        None,
        pattern=r"^(?:v\d+[a-z]*\d*)?$",
        description="Version segment of its paths. Left out: the one in base_url, otherwise the API's usual one. "
        '"" adds none and keeps what a client wrote.',
        examples=['""'],
    )
    key_header: str | None = Field(
        None,
        description="Header its key is sent in. Left out: the API's usual one.",
        examples=["Authorization"],
    )
    inject_usage: bool = Field(
        True,
        description="Ask OpenAI-compatible chat streams for their usage where the client did not, and take the answer "
        "out of the stream again. Off: such streams are estimated.",
    )
    retries: int = Field(0, ge=0, le=10, description="Retries of ours, before the first byte. Agents retry themselves.")
    timeout_seconds: int = Field(600, ge=1, description="Longest silence of the provider before a call is given up.")
    connect_timeout_seconds: int = Field(10, ge=1, description="Longest wait for a connection to the provider.")
    region: str | None = Field(
        None,
        description="Bedrock: sign requests for this region with the AWS credentials found here (environment, profile, "
        "role). Left out, requests pass as they come, which is right for API keys.",
        examples=["us-east-1"],
    )

    @field_validator("kind")
    @classmethod
    def _is_known_kind(cls, value: str) -> str:
        if value not in PROVIDERS:
            raise ValueError(f"no API {value!r} is known; use one of {', '.join(PROVIDERS)}")
        return value

    @field_validator("base_url")
    @classmethod
    def _is_http_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")


class ChangeSettings(_Section):
    """What an accepted change is."""

    survival_days: int = Field(30, ge=14, le=90, description="Days a change must survive after its own merge.")
    unit_lines: int = Field(500, ge=1, description="Lines a unit; a change of N lines is ceil(N / this) units.")
    exclude: tuple[str, ...] = Field((), description="Globs of files that do not count as lines changed.")
    shared_branches: tuple[str, ...] = Field(
        ("develop", "release/*"), description="Integration branches: work on them belongs to no change by name alone."
    )


class AllocationSettings(_Section):
    """Limits of the allocation rules; printed with every statement."""

    skew_seconds: int = Field(120, ge=0, description="Allowance when git's whole-second times are compared.")
    created_after_days: int = Field(30, ge=0, description="R3: a change may be created this long after the call.")
    abandoned_days: int = Field(
        14, ge=1, description="R9: a branch without a call and a commit for this long is abandoned."
    )
    out_of_scope_keys: tuple[str, ...] = Field((), description="R12: ids of keys whose calls are no development work.")
    out_of_scope_teams: tuple[str, ...] = Field((), description="R12: teams whose calls are no development work.")


class StatementSettings(_Section):
    """How a month is told."""

    time_zone: str = Field("UTC", description="Time zone whose calendar months the statement uses (IANA name).")
    show_actors: bool = Field(False, description="Allow `spend --by actor`: for charging back, not for ranking.")

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {value!r}; use an IANA name such as Europe/Berlin") from error
        return value


class TelemetrySettings(_Section):
    """OpenTelemetry. Export itself is switched on by the standard OTEL_* variables."""

    legacy_names: bool = Field(
        False, description="Also emit gen_ai.client.token.usage and gen_ai.client.operation.duration."
    )


def default_providers(environ: Mapping[str, str]) -> dict[str, ProviderSettings]:
    """The built-in providers, with the keys that `environ` holds for them."""
    return {name: ProviderSettings(**_known(name, environ)) for name in BUILT_IN}


def _known(name: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings a seller's name stands for; none where nobody knows it."""
    seller = KNOWN_SELLERS.get(name)
    if seller is None:
        return {}
    key = next((environ[variable] for variable in seller.key_variables if environ.get(variable)), None)
    return {
        "kind": seller.kind,
        "base_url": seller.base_url,
        "version": seller.version,
        "key_header": seller.key_carrier,
        "api_key": SecretStr(key) if key else None,
    }


def _default_ledger() -> str:
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return f"sqlite:///{Path(home) / 'mergecost' / 'ledger.db'}"


def telemetry_signals() -> frozenset[str]:
    """The OpenTelemetry signals, `traces` and `metrics`, that the standard variables ask to be exported over OTLP."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return frozenset()
    everything = bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
    return frozenset(
        signal
        for signal in ("traces", "metrics")
        if (everything or os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"))
        and os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp").strip().lower() == "otlp"
    )


def default_config_path() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "mergecost" / "config.yaml"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    ledger: str = Field(
        default_factory=_default_ledger,
        description="Where calls are recorded: sqlite:///PATH. The journal lies beside it.",
        examples=["sqlite:///~/.local/share/mergecost/ledger.db"],
    )
    server: ServerSettings = Field(default_factory=ServerSettings)
    providers: dict[str, ProviderSettings] = Field(default_factory=lambda: default_providers(os.environ))
    changes: ChangeSettings = Field(default_factory=ChangeSettings)
    allocation: AllocationSettings = Field(default_factory=AllocationSettings)
    statement: StatementSettings = Field(default_factory=StatementSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)

    @field_validator("ledger")
    @classmethod
    def _with_home(cls, value: str) -> str:
        return _expand_home(value)

    @field_validator("providers", mode="before")
    @classmethod
    def _complete_providers(cls, value: Any) -> Any:
        """Named entries add to the built-in three; what an entry of a known name leaves out is as it is known."""
        if not isinstance(value, dict):
            return value
        merged: dict[str, Any] = {name: _known(name, os.environ) for name in BUILT_IN}
        for name, entry in value.items():
            values = entry.model_dump() if isinstance(entry, ProviderSettings) else {} if entry is None else entry
            known = _known(name, os.environ)
            if isinstance(values, dict) and not known and not {"kind", "base_url"} & values.keys():
                raise ValueError(
                    f"{name!r} is no seller known by its name, so it needs a kind and a base_url. "
                    f"Known: {', '.join(KNOWN_SELLERS)}"
                )
            merged[name] = {**known, **values} if isinstance(values, dict) else values
        return merged

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings  # the environment beats the file


def load_settings(config: Path | None = None, *, ledger: str | None = None) -> Settings:
    """Settings from `config` (or MERGECOST_CONFIG, or the default file where there is one), environment and overrides.

    Raises UserError naming the file or the variable, the key and the mend.
    """
    path = config_path(config)
    values = _read_file(path) if path else {}
    _refuse_unknown_variables(os.environ)
    try:
        settings = Settings(**values)
    except SettingsError as error:
        raise UserError(
            f'the environment is not usable: {error}. Lists are written as JSON: \'["a", "b"]\'.'
        ) from error
    except ValidationError as error:
        problems = "; ".join(_explain(problem, path) for problem in error.errors())
        raise UserError(f"{problems} (`mergecost config example` prints every setting)") from error
    return settings.model_copy(update={"ledger": _expand_home(ledger)}) if ledger else settings


def config_path(config: Path | None = None) -> Path | None:
    """The configuration file that is read: the named one, else MERGECOST_CONFIG, else the default file if it exists."""
    named = config or (Path(os.environ["MERGECOST_CONFIG"]) if os.environ.get("MERGECOST_CONFIG") else None)
    return named or (default_config_path() if default_config_path().exists() else None)


def steering_variables() -> list[str]:
    """The names in the environment that change what mergecost does: its own settings and OpenTelemetry's."""
    return [name for name in os.environ if name.startswith((ENVIRONMENT_PREFIX, "OTEL_"))]


def environment_without(names: Iterable[str], **changed: str) -> dict[str, str]:
    """The environment for a program we start: ours without `names`, with `changed` set."""
    dropped = frozenset(names)
    return {name: value for name, value in os.environ.items() if name not in dropped} | changed


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the configuration {path}: {error.strerror or error}. Check --config.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"the configuration {path} is not valid YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(
            f"the configuration {path} must be a mapping of settings, such as `server: {{port: 4000}}`; "
            "`mergecost config example` prints one"
        )
    return {str(key): _resolve(value, path) for key, value in values.items()}


def _resolve(value: Any, path: Path) -> Any:
    if isinstance(value, str) and value.startswith(ENVIRONMENT_REFERENCE):
        name = value.removeprefix(ENVIRONMENT_REFERENCE)
        if name not in os.environ:
            raise UserError(
                f"the configuration {path} refers to the environment variable {name}, which is not set; "
                f"set {name} or remove the line"
            )
        return os.environ[name]
    if isinstance(value, dict):
        return {key: _resolve(inner, path) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolve(inner, path) for inner in value]
    return value


def _expand_home(ledger: str) -> str:
    """`sqlite:///~/…` names the home directory: no shell expands a `~` inside a URL."""
    scheme, tilde, rest = ledger.partition(":///~/")
    return f"{scheme}:///{Path.home() / rest}" if tilde else ledger


def _refuse_unknown_variables(names: Iterable[str]) -> None:
    """A misspelt MERGECOST_SECTION__NAME would otherwise be passed over in silence."""
    for name in names:
        section, delimiter, _ = name.removeprefix(ENVIRONMENT_PREFIX).partition("__")
        if name.startswith(ENVIRONMENT_PREFIX) and delimiter and section.lower() not in Settings.model_fields:
            raise UserError(f"the environment variable {name} names no setting{_nearest(section, Settings)}")


def _explain(problem: Mapping[str, Any], path: Path | None) -> str:
    """One validation problem with the place it came from and the key it is about."""
    location = [str(part) for part in problem["loc"]]
    variable = ENVIRONMENT_PREFIX + "__".join(location).upper()
    in_file = f"the configuration {path}" if path else "the environment"
    where = f"the environment variable {variable}" if variable in os.environ else in_file
    key = ".".join(location)
    if problem["type"] == "extra_forbidden":
        return f"{where}: there is no setting {key}{_nearest(location[-1], _section_of(location[:-1]))}"
    return f"{where}: {key}: {problem['msg'].removeprefix('Value error, ')}"


def _section_of(location: list[str]) -> type[BaseModel]:
    """The model that holds the settings under `location`."""
    section: type[BaseModel] = Settings
    for part in location:
        if part in section.model_fields:
            annotation = section.model_fields[part].annotation
            candidates = [annotation, *get_args(annotation)]
            section = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), section)
    return section


def _nearest(name: str, section: type[BaseModel]) -> str:
    close = difflib.get_close_matches(name.lower(), section.model_fields, n=1)
    return f"; did you mean {close[0]}?" if close else ""
