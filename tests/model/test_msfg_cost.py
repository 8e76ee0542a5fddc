"""MSFG's promises about time and memory, through its benchmark; ratios of neighbours, never seconds."""

import importlib.util
import json
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks/model.py"
STORED = json.loads(BENCHMARK.with_name("results").joinpath("model.json").read_text())


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("model_benchmark", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_bars(row):
    """Every bar of a row is kept."""
    kept = {name: row["ratio"][name] <= bar for name, bar in row["bars"].items()}
    assert all(kept.values()), (row["ratio"], row["bars"])


def test_pooling_equals_the_naive_form_on_the_benchmark_s_shape(benchmark):
    differences = benchmark.largest_difference()
    assert 0 < max(differences.values()) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("row", ["pooling", "block"])
def test_frequency_pooling_and_block_keep_their_bars(benchmark, row):
    check_bars(benchmark.compare(row, turns=1))


@pytest.mark.slow
def test_32_components_cost_little_more_than_one(benchmark, one_thread):
    """The least times, which other work on the machine disturbs least; the stored median is held below."""
    row = benchmark.compare_steps(turns=5)
    assert row["ratio of the least times"] <= row["bars"]["time"]


@pytest.mark.parametrize("row", ["pooling", "block", "step", "small", "b4"])
def test_stored_measurement_keeps_its_bars(benchmark, row):
    assert STORED[row]["bars"] == {name: round(bar, 3) for name, bar in benchmark.BARS[row].items()}
    check_bars(STORED[row])


def test_a_missed_bar_is_seen():
    with pytest.raises(AssertionError, match="0.8"):
        check_bars({"ratio": {"time": 0.8, "peak memory": 0.5}, "bars": {"time": 0.7, "peak memory": 0.6}})
