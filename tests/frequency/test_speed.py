"""The transform's promises about time and memory, through its benchmark; ratios within one run, never seconds."""

import importlib.util
import json
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks/frequency.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("frequency_benchmark", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_forward_costs_at_most_twelve_fft_round_trips(benchmark):
    taken = benchmark.times("cpu", repeats=5)
    quickest = {name: min(values) for name, values in taken.items()}  # least disturbed by what else runs
    assert quickest["forward"] <= 12 * quickest["fft round trip"]
    assert quickest["forward"] < quickest["ladder forward"]


def test_responses_of_the_paper_size_fit_into_64_megabytes(benchmark):
    assert 0 < sum(benchmark.cached_megabytes(352, 352).values()) <= 64


def test_stored_measurement_keeps_the_goal():
    stored = json.loads(BENCHMARK.with_name("results").joinpath("frequency_cpu.json").read_text())
    assert stored["shape"] == [8, 3, 352, 352]
    assert stored["ratio to the fft round trip"]["forward"] <= 6
    assert stored["milliseconds, median"]["first call"] <= 3000
