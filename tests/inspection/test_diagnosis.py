"""Diagnosis: injected faults are found and named, healthy runs get no verdict; words and forms."""

import json
import os
from collections import Counter

import numpy as np
import pytest

from inspection.faults import FAULTS, GROUNDS, HEALTHY, run
from pellucid import callbacks, datasets
from pellucid.errors import ArgumentError, DataError, NotReadyError, UnknownNameError
from pellucid.inspection import FAULT_NAMES, diagnose
from pellucid.inspection.diagnosis import Diagnosis, Evidence, Verdict
from pellucid.inspection.diagnosis._phrases import KINDS, NEEDS, QUANTITIES, SENTENCES
from pellucid.inspection.diagnosis._registry import CHECKS, EXPLAINS
from pellucid.inspection.diagnosis._words import FAULTS as WORDS
from pellucid.layers import Dense, Input
from pellucid.models import Sequential
from pellucid.optimizers import Adam

SEEDS = (5, 6, 7, 8, 9)
"""The seeds of the whole table; thresholds were chosen on others."""


def fault(title):
    return next(part for part in (*FAULTS, *HEALTHY) if part.title == title)


QUICK = (
    "mislabelled_examples",
    "duplicated_rows exact",
    "leaking_test_data near",
    "shuffled_labels",
    "not_finite",
    "missing_normalization",
    "symmetric_initialization",
    "random_predictions",
    "rate_too_high",
)


def test_healthy_run_has_no_verdict():
    found, _ = run(fault("healthy"), "iris-mlp", seed=5)
    assert len(found) == 0
    assert "no fault found" in str(found)
    assert set(found.looked_for) == set(FAULT_NAMES)


@pytest.mark.parametrize("title", QUICK)
def test_injected_fault_is_the_verdict(title):
    due = fault(title)
    found, _ = run(due, "iris-mlp", seed=5)
    assert found.faults == (due.name,)
    verdict = found[due.name]
    assert all(part.speaks for part in verdict.evidence)
    assert verdict.title("en") in str(found)


def test_every_fault_is_injected_and_has_its_words():
    assert {part.name for part in FAULTS} == set(FAULT_NAMES) == set(WORDS)
    assert {name for check in CHECKS for name in check.faults} == set(FAULT_NAMES)
    assert len(FAULT_NAMES) >= 24
    explained = {name for effects in EXPLAINS.values() for name in effects}
    assert explained | set(EXPLAINS) <= set(FAULT_NAMES)
    for words in WORDS.values():
        assert all(words.title)
        assert all(words.remedy)
    for table in (KINDS, NEEDS, QUANTITIES, SENTENCES):
        assert all(english and chinese for english, chinese in table.values())


def test_each_fault_is_injected_into_three_grounds():
    for name in set(FAULT_NAMES):
        grounds = {ground for part in FAULTS if part.name == name for ground in part.grounds}
        assert len(grounds) >= 3, name
        assert len({GROUNDS[ground].kind for ground in grounds}) >= 2, name


# Forms


@pytest.fixture(scope="module")
def sick():
    """A diagnosis with rows, a layer and a consequence."""
    verdicts = (
        Verdict("mislabelled_examples", (Evidence("mislabelled", 0.1, ">", 0.025),), rows=(4, 7)),
        Verdict("dead_units", (Evidence("dead", 0.75, ">", 0.5, "3 / 4"),), layer="dense"),
    )
    follows = {
        "dead_units": (Verdict("underfitting", (Evidence("knowable", 0.4, ">", 0.1),)),),
    }
    return Diagnosis("net", verdicts, follows, ("dead_units",), {"overfitting": "validation"})


def test_text(sick):
    assert str(sick).splitlines() == [
        "Diagnosis of 'net': 2 faults found, 1 looked for.",
        "",
        "1. Examples with a wrong label",
        "   share of labels that neighbors and a linear model contradict: 0.1  (healthy: <= 0.025)",
        "   training examples 4, 7",
        "   Try: look at the examples named above and correct or remove them.",
        "",
        "2. Dead ReLU units  [dense]",
        "   share of units that are 0 in every example, 3 / 4: 0.75  (healthy: <= 0.5)",
        "   Try: a lower learning rate, he_normal weights with biases of 0, or leaky ReLU.",
        "   Follows from it: Under-fitting",
        "",
        "Not looked for without validation_data: Over-fitting",
    ]


def test_chinese(sick):
    text = str(Diagnosis(**{**vars(sick), "language": "zh"}))
    assert "对 'net' 的诊断：检查了 1 种问题，发现 2 处。" in text
    assert "死亡的 ReLU 单元" in text
    assert "由此导致：欠拟合" in text
    assert "缺少 validation_data，未检查：过拟合" in text


def test_json(sick):
    read = json.loads(sick.write("json"))
    assert [part["fault"] for part in read["verdicts"]] == ["mislabelled_examples", "dead_units"]
    assert read["verdicts"][0]["rows"] == [4, 7]
    assert read["verdicts"][1]["evidence"][0]["value"] == 0.75
    assert read["verdicts"][1]["consequences"][0]["fault"] == "underfitting"
    assert read["not_looked_for"] == {"overfitting": "validation"}


def test_reading_a_diagnosis(sick):
    assert "dead_units" in sick
    assert "overfitting" not in sick
    assert [verdict.fault for verdict in sick] == list(sick.faults)
    assert sick["dead_units"].layer == "dense"
    with pytest.raises(UnknownNameError, match="did you mean 'dead_units'"):
        sick["dead_unit"]
    with pytest.raises(UnknownNameError, match="fault in this diagnosis named 'overfitting'"):
        sick["overfitting"]
    with pytest.raises(ArgumentError, match="form"):
        sick.write("pdf")


# Answers to bad input


def small_model():
    model = Sequential([Input((4,)), Dense(8, "relu"), Dense(3, "softmax")], seed=1)
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"], verbose=0)
    return model


def iris():
    (x, y), _ = datasets.iris.load_data()
    return ((x - x.mean(0)) / x.std(0)).astype("float32"), y.astype("int32")


def test_bad_input_gets_an_answer():
    x, y = iris()
    with pytest.raises(NotReadyError, match="not compiled"):
        diagnose(Sequential([Input((4,)), Dense(3)]), (x, y))
    with pytest.raises(DataError, match=r"data to be \(x, y\) with arrays, got ndarray"):
        diagnose(small_model(), x)
    with pytest.raises(ArgumentError, match="history to be what fit returned"):
        diagnose(small_model(), (x, y), history=[0.5, 0.4])
    with pytest.raises(ArgumentError, match="language"):
        diagnose(small_model(), (x, y), language="fr")
    with pytest.raises(ArgumentError, match="batch_size"):
        diagnose(small_model(), (x, y), batch_size=0)


def test_untrained_model_is_diagnosed_and_left_as_it_is():
    x, y = iris()
    model = small_model()
    before = model.get_weights()
    found = diagnose(model, (x, y))
    assert found.not_looked_for["rate_too_low"] == "training"
    assert found.not_looked_for["overfitting"] == "validation"
    assert found.faults == ()
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


# During a fit


def test_callback_tells_each_verdict_once():
    x, y = iris()
    told = []
    watch = callbacks.Diagnosis((100 * x, y), share=1.0, tell=told.append)
    small_model().fit(100 * x, y, epochs=3, verbose=0, callbacks=[watch])
    assert watch.looks == 3
    assert watch.diagnosis is not None
    assert len(told) == 1
    assert told[0].startswith("Epoch 1: Inputs are not normalized  [dense]")


def test_callback_keeps_to_its_share():
    x, y = iris()
    watch = callbacks.Diagnosis((x, y), tell=pytest.fail)
    small_model().fit(x, y, epochs=3, verbose=0, callbacks=[watch])
    assert watch.looks == 0  # a look would take longer than a twentieth of this fit
    assert watch.spent == 0.0


# The whole table


@pytest.mark.slow
@pytest.mark.skipif("PELLUCID_DATA" not in os.environ, reason="needs MNIST and Fashion-MNIST")
@pytest.mark.filterwarnings("default")
def test_recall_and_precision_of_every_fault(capsys):
    due: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    given: Counter[str] = Counter()
    right: Counter[str] = Counter()
    wrong: list[str] = []
    for injected in (*HEALTHY, *FAULTS):
        for ground in injected.grounds:
            for seed in SEEDS:
                found, _ = run(injected, ground, seed)
                due[injected.name] += 1
                hit[injected.name] += injected.name in found or found.faults == ()
                for name in found.faults:
                    given[name] += 1
                    true = name == injected.name or name in injected.also
                    right[name] += true
                    if not true:
                        wrong.append(f"{injected.title}, {ground}, seed {seed}: {name}")
                if injected.name:
                    hit[injected.name] -= found.faults == ()
    with capsys.disabled():
        print(f"\n{'fault':32} runs recall precision")
        for name in FAULT_NAMES:
            recall, precision = hit[name] / due[name], right[name] / max(given[name], 1)
            print(f"{name:32} {due[name]:4} {recall:6.2f} {precision:9.2f}")
        print(f"healthy runs without a verdict: {hit['']} of {due['']}")
        print("\n".join(wrong))
    for name in FAULT_NAMES:
        assert hit[name] / due[name] >= 0.9, name
        assert right[name] / max(given[name], 1) >= 0.9, name
    assert hit[""] == due[""]
