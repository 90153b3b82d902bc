"""One session of each kind an agent, shared by the tests; what was measured is printed at the end."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable

import pytest

from tests.clients.agents import AGENTS, Agent
from tests.clients.install import CACHE, installed
from tests.clients.session import Session, direct, proxied

Measured = dict[str, list[str]]
MEASURED = pytest.StashKey[Measured]()


@pytest.fixture(scope="session", params=AGENTS, ids=str)
def agent(request: pytest.FixtureRequest) -> Agent:
    """Fails with the reason where the agent is not installed or cannot be run on this machine."""
    chosen: Agent = request.param
    problem = installed(chosen.installation).problem()
    if problem:
        pytest.fail(f"{chosen} {chosen.version} {problem}", pytrace=False)
    command = str(CACHE / chosen.start("", "").command)
    try:
        said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.fail(f"{chosen} {chosen.version} cannot be run on this machine: {command}: {error}", pytrace=False)
    if said.returncode or chosen.version not in said.stdout:
        pytest.fail(
            f"{chosen} {chosen.version} cannot be run on this machine: `{command} --version` ended with "
            f"{said.returncode} and said: {said.stdout}{said.stderr}",
            pytrace=False,
        )
    return chosen


@pytest.fixture(scope="session")
def through_proxy(agent: Agent, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return asyncio.run(proxied(agent, tmp_path_factory.mktemp("proxied")))


@pytest.fixture(scope="session")
def refused(agent: Agent, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The proxy asks for a mergecost key, and the client has none."""
    return asyncio.run(proxied(agent, tmp_path_factory.mktemp("refused"), keys="required"))


@pytest.fixture(scope="session")
def without_proxy(agent: Agent, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return asyncio.run(direct(agent, tmp_path_factory.mktemp("direct")))


@pytest.fixture
def measured(agent: Agent, pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Adds a fact to the agent's line at the end of the run."""
    facts = pytestconfig.stash.setdefault(MEASURED, {})
    return facts.setdefault(f"{agent} {agent.version}", []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("measured")
    for name, facts in config.stash.get(MEASURED, {}).items():
        terminalreporter.write_line(f"{name}: {'; '.join(facts)}")
