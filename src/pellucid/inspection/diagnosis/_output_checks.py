"""Faults between output, loss and metrics."""

from collections.abc import Iterator

import numpy as np

from pellucid import losses, metrics
from pellucid.inspection.diagnosis._case import Case
from pellucid.inspection.diagnosis._registry import check
from pellucid.inspection.diagnosis._verdict import Evidence, Verdict

ROW_SUM = 1e-3
CUT = 0.1
OUT_OF_REACH = 0.05
METRIC_GAP = 0.1


@check("activation_does_not_fit_loss", needs=["one_output"], cheap=True)
def find_misfit(case: Case) -> Iterator[Verdict]:
    """Compare what the network puts out, whatever its layers are called, with what the loss reads.

    ``compile`` refuses the contradictions that it can read from names; these are measured.
    """
    if not case.finite:
        return
    y = np.asarray(case.evaluated[1], np.float64)
    fault = "activation_does_not_fit_loss"
    crossentropy = isinstance(
        case.loss,
        losses.BinaryCrossentropy
        | losses.CategoricalCrossentropy
        | losses.SparseCategoricalCrossentropy,
    )
    inside = float(((y < 0) | (y > 1)).mean())
    if crossentropy and case.loss.expects == "logits":
        sums = float(np.abs(y.sum(axis=-1) - 1).max())
        one = y.shape[-1] == 1
        if inside == 0 and not one and sums < ROW_SUM:
            evidence = (Evidence("row_sum", sums, "<", ROW_SUM),)
            yield Verdict(fault, evidence, kind="already_probabilities")
        elif inside == 0 and one and float(y.min()) > 0 and float(y.max()) < 1:
            evidence = (Evidence("outside", 0.0, "<", 1e-6),)
            yield Verdict(fault, evidence, kind="already_probabilities")
        else:
            cut = Evidence("cut_outputs", float((y == 0).mean()), ">", CUT)
            lowest = Evidence("lowest_output", float(y.min()), ">", -1e-9)
            if cut.speaks and lowest.speaks:
                yield Verdict(fault, (cut, lowest), kind="cut_scores")
    elif crossentropy:
        outside = Evidence("outside", inside, ">", 0.01)
        sums = float(np.abs(y.sum(axis=-1) - 1).mean())
        apart = Evidence("sum_error", sums, ">", 0.05)
        if outside.speaks:
            yield Verdict(fault, (outside,), kind="not_probabilities")
        elif case.loss.expects == "distribution" and apart.speaks:
            yield Verdict(fault, (apart,), kind="not_probabilities")
    elif not case.classes:
        yield from _out_of_reach(case)


_RANGES = {
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, np.inf),
    "exponential": (0.0, np.inf),
}


def _out_of_reach(case: Case) -> Iterator[Verdict]:
    """Count the targets of a regression that the output's activation cannot give."""
    from pellucid.models._objective import output_activation

    low, high = _RANGES.get(output_activation(case.graph, 0) or "", (-np.inf, np.inf))
    y = np.asarray(case.train.y, np.float64)
    evidence = Evidence(
        "out_of_reach", float(((y < low) | (y > high)).mean()), ">", OUT_OF_REACH, f"{low}..{high}"
    )
    outputs = np.asarray(case.evaluated[1])
    # What was put out must bear the name of the activation out.
    if evidence.speaks and float(outputs.min()) >= low and float(outputs.max()) <= high:
        yield Verdict("activation_does_not_fit_loss", (evidence,), kind="out_of_reach")


@check("misleading_metric", needs=["labels"])
def find_misleading_metric(case: Case) -> Iterator[Verdict]:
    """Compute each accuracy of the model again, beside what one would take it for."""
    if not case.finite:
        return
    y_true, y_pred = np.asarray(case.large.y), case.evaluated[1]
    for metric in (*case.objective.metrics[0], *case.objective.weighted_metrics[0]):
        if "accuracy" not in type(metric).__name__.lower():
            continue
        name = metric.name
        value = float(np.asarray(metric(y_true, y_pred)))
        labels, chosen = case.labels_of(case.large), case.chosen(y_pred)
        right = float((labels == chosen).mean())
        if isinstance(metric, metrics.BinaryAccuracy) and y_pred.shape[-1] > 1:
            evidence = Evidence("metric_gap", value - right, ">", METRIC_GAP, name)
            # A sure network closes the gap on rows it has learned; the metric stays what it is:
            # always saying 0 would be called right in (classes - 1) / classes of the cases.
            nothing = Evidence("metric_gap", 1 - 1 / case.classes, ">", 0.5, f"{name}, 0 ... 0")
            if evidence.speaks or (nothing.speaks and case.classes > 2):
                found = evidence if evidence.speaks else nothing
                yield Verdict("misleading_metric", (found,), kind="binary_on_one_hot")
            continue
        shares = np.bincount(case.labels, minlength=case.classes) / case.rows
        recalls = [
            float((chosen[labels == k] == k).mean())
            for k in range(case.classes)
            if (labels == k).any()
        ]
        chance = 1 / max(len(recalls), 1)
        balanced = (float(np.mean(recalls)) - chance) / max(1 - chance, 1e-9)
        if shares.max() >= 0.7:
            evidence = Evidence("over_majority", value - float(shares.max()), "<", 0.02, name)
            fair = Evidence("balanced", balanced, "<", 0.1)
            if evidence.speaks and fair.speaks:
                yield Verdict("misleading_metric", (evidence, fair), kind="majority")
