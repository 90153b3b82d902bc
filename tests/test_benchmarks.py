"""`make bench` measures what it says it measures. How fast anything is, is no matter of tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from attribution.settings import environment_without


def test_it_measures_both_calls_direct_and_through_the_proxy(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--rounds", "1", "--requests", "40", "--connections", "4", "--json"]
    environment = environment_without([], PYTHONPATH=str(Path(__file__).parents[1]))
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    results = json.loads(done.stdout)["results"]
    assert [(row["call"], row["target"]) for row in results] == [
        ("plain", "direct"),
        ("plain", "proxy"),
        ("stream", "direct"),
        ("stream", "proxy"),
    ]
    assert all(row["requests_per_second"] > 0 and row["p50_ms"] <= row["p99_ms"] for row in results)
    assert [row["proxy_cpu_us"] is None for row in results if row["target"] == "direct"] == [True, True]
