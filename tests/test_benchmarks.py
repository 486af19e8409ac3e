"""The benchmarks: networks and data of every workload, and the tables made from raw numbers."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    import report
    from workloads import WORKLOADS
finally:
    sys.path.remove(str(BENCHMARKS))

# Trained numbers: of the papers, of the zoo's tables, or counted by hand.
PARAMETERS = {
    "mlp-32": 785 * 128 + 129 * 10,
    "mlp-128": 785 * 128 + 129 * 10,
    "imdb": 160_000 + 17 * 16 + 17,
    "lenet5": 61_706,
    "resnet20": 269_722,
    "alexnet": 61_100_840 - 990 * 4097,
    "inception": 6_624_904 - 990 * 1025,
    "lstm": 4 * 128 * (64 + 128 + 1) + 129 * 10,
    "gru": 3 * 128 * (64 + 128 + 2) + 129 * 10,
    "bilstm": 2 * 4 * 64 * ((64 + 64 + 1) + (128 + 64 + 1)) + 129 * 10,
    "transformer": 2 * (4 * 129 * 128 + 129 * 512 + 513 * 128 + 4 * 128) + 129 * 10,
    "vae": 320 + 18_496 + 3137 * 16 + 2 * 17 * 2 + 3 * 3136 + 36_928 + 18_464 + 289,
}


def entry(**systems):
    """Return a workload's entry from the milliseconds of each system's rounds."""
    measured = {
        name: {
            "rounds": [{"ms": ms, "loss": 1.0, "peak_mib": 100.0} for ms in times],
            "parameters": 10,
            "forward_flops": 1_000_000 if name == "pellucid_fit" else None,
        }
        for name, times in systems.items()
    }
    return {"peak_gflops": {"numpy": 100.0}, "systems": measured, "left_out": {}, "problems": []}


@pytest.mark.parametrize("name", PARAMETERS)
def test_network_has_the_parameters_that_are_compared(name):
    model = WORKLOADS[name].networks().pellucid()
    shapes = [shape for layer in model.shapes.parameters.values() for shape in _shapes(layer)]
    assert sum(map(math.prod, shapes)) == PARAMETERS[name]


def _shapes(tree):
    for value in tree.values():
        yield from _shapes(value) if isinstance(value, dict) else [value.shape]


@pytest.mark.parametrize("name", WORKLOADS)
def test_data_fit_the_network_and_are_always_the_same(name):
    workload = WORKLOADS[name]
    if name != "digits":
        workload = replace(workload, rows=16)
    x, y = workload.data()
    again, _ = workload.data()
    assert len(x) == len(y) == workload.rows
    assert np.array_equal(x, again)
    if name != "digits":
        model = workload.networks().pellucid()
        assert x.shape[1:] == tuple(model.graph.input_symbols[0].shape[1:])


def test_every_workload_can_be_found_and_has_a_peer():
    assert set(WORKLOADS) == {*PARAMETERS, "digits"}
    for workload in WORKLOADS.values():
        assert workload.missing(workload.ours) is None
        assert workload.missing("torch_lean") is None or "sklearn" in workload.only


def test_a_system_that_cannot_do_a_workload_says_why():
    assert "by hand" in WORKLOADS["lstm"].missing("plain_jax")
    assert "scikit-learn" in WORKLOADS["digits"].missing("torch_lean")


def test_ratio_is_the_median_of_the_ratios_round_by_round():
    # The machine slows down by half in the second round; the ratio stays.
    systems = entry(pellucid_fit=[1.0, 2.0, 1.0], torch_lean=[3.0, 6.0, 3.1])["systems"]
    assert report.ratio(systems["torch_lean"], systems["pellucid_fit"]) == 3.0


def test_summary_names_the_best_peer():
    training = {"lstm": entry(pellucid_fit=[2.0], torch_lean=[8.0], keras_jax=[4.0])}
    row = report.summary(training).splitlines()[-1]
    # 3 x 1 MFLOP x 32 rows in 2 ms are 48 GFLOP/s.
    assert row.endswith("| 2.000 | keras_jax | 4.000 | 2.00 | 48% |")


def test_disagreements_are_told():
    workload = WORKLOADS["lstm"]
    systems = entry(pellucid_fit=[1.0], torch_lean=[1.0], keras_jax=[1.0])["systems"]
    assert report.disagreements(workload, systems) == []
    systems["torch_lean"]["rounds"][-1]["loss"] = 1.2
    systems["keras_jax"]["parameters"] = 11
    told = report.disagreements(workload, systems)
    assert any("parameters differ: 10 in pellucid_fit, torch_lean; 11 in keras" in t for t in told)
    assert any("torch_lean does not learn the same" in t for t in told)
    for one in systems.values():
        one["rounds"][-1]["loss"] = math.nan
    assert sum("has learned nothing" in t for t in report.disagreements(workload, systems)) == 3


def test_render_has_every_section_and_what_went_wrong():
    lenet = entry(pellucid_fit=[1.0], torch_lean=[3.0])
    lenet["left_out"]["keras_jax"] = "ended with status 1: no message"
    lenet["problems"].append("The losses differ.")
    record = {
        "machine": "A machine.",
        "training": {"lenet5": lenet},
        "predict": {"lenet5": {"pellucid_fit": [{"call": 50.0}, {"call": 70.0}]}},
        "launch": {"pellucid_fit": [8.0, 9.0, 10.0]},
        "import_seconds": 0.25,
    }
    text = report.render(record)
    assert "Left out: keras_jax (ended with status 1: no message)." in text
    assert "**The losses differ.**" in text
    assert "| lenet5 | pellucid_fit | call | 60 | 50 to 70 |" in text
    assert "| pellucid_fit | 9.0 | 8.0 to 10.0 |" in text
    assert "0.25 s" in text
