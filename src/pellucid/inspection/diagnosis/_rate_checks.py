"""Faults of the step: rate, batch size, weight decay, plateaus, told by probes."""

from collections.abc import Iterator

import numpy as np

from pellucid.inspection.diagnosis._case import Case
from pellucid.inspection.diagnosis._measures import gradient_noise_scale
from pellucid.inspection.diagnosis._probes import Probes
from pellucid.inspection.diagnosis._registry import check
from pellucid.inspection.diagnosis._verdict import Evidence, Verdict

TROUBLE = 0.3
"""Levels of the training loss up to which nothing is asked of the rate."""
LEFT = 0.05
"""How much better a simple model must be before the network counts as not having learned."""
GAIN = 0.1
"""How much lower, on the scale from 0 to 1, another setting must bring the loss in a probe."""
EARLY = 0.1
FLAT = 0.03
NOISE = 1.0


def has_learned(case: Case) -> bool:
    """Tell whether the network got out of the data what simple models get out of it."""
    if not case.finite:
        return False
    if min(case.train_level, case.step_level) < TROUBLE:
        return True
    if not case.simple_targets or len(case.compared) < 40:
        return False
    return case.simple.score - case.score_of(case.large, case.evaluated[1]) < LEFT


@check(
    "weight_decay_too_strong",
    "noisy_gradients",
    "rate_too_high",
    "rate_too_low",
    "plateau",
    "underfitting",
    needs=["one_output", "training", "optimizer"],
)
def find_bad_steps(case: Case) -> Iterator[Verdict]:
    """Find out by probes why the training loss is high, if it is.

    Runs up to eight probes of 60 steps (more where batches are smaller than 32 rows), and none
    where the loss is low or the network knows what simple models know.
    """
    if np.isnan(case.scale[1]):
        return
    present = case.step_level if case.finite else float("inf")
    if case.finite and min(case.train_level, present) < TROUBLE:
        return
    probes = Probes(case)
    if case.finite and probes.decays:
        own = probes.level("now", probes.rate)
        free = probes.level("now", probes.rate, decay=False)
        gain = Evidence("decay_gain", own - free, ">", GAIN)
        if gain.speaks:
            yield Verdict("weight_decay_too_strong", (_level(present), gain))
            return
    if has_learned(case):
        return
    found = list(_rate_too_high(case, probes, present))
    if not found and case.finite:
        found = list(_rate_too_low(case, probes, present))
    if not found and case.finite:
        found = list(_underfitting(case, present))
    yield from found


def _level(present: float) -> Evidence:
    return Evidence("level", present, ">", TROUBLE)


def _rate_too_high(case: Case, probes: Probes, present: float) -> Iterator[Verdict]:
    """Start again at the rate and at lower ones; a large batch tells noise from a high rate."""
    rate = probes.first_rate
    own = probes.level("start", rate)
    lower = {part: probes.level("start", part) for part in (rate / 10, rate / 100)}
    best = min(lower, key=lambda part: lower[part])
    gain = Evidence("lower_rate_gain", own - lower[best], ">", GAIN, f"{rate:g}, {best:g}")
    whole = Evidence("whole_gain", present - lower[best], ">", GAIN)
    if not (gain.speaks and whole.speaks):
        yield from _noise(case, probes, present)
        return
    if case.batch_size * 4 <= case.rows:
        steady = probes.level("start", rate, larger_batch=16)
        calmer = Evidence("batch_gain", own - steady, ">", GAIN)
        if steady <= lower[best] + GAIN / 2 and calmer.speaks:
            yield from _noise(case, probes, present, calmer)
            return
    yield Verdict("rate_too_high", (_level(present), gain, whole))


def _noise(
    case: Case, probes: Probes, present: float, calmer: Evidence | None = None
) -> Iterator[Verdict]:
    """Go on with larger batches at the same rate."""
    if not case.finite or case.batch_size * 4 > case.rows:
        return
    if calmer is None:
        own = probes.level("now", probes.rate)
        steady = probes.level("now", probes.rate, larger_batch=16)
        calmer = Evidence("batch_gain", min(own, present) - steady, ">", GAIN)
    if not calmer.speaks:
        return
    part = case.large
    size = min(case.batch_size, len(case.evaluated[0]) // 2)
    noise = gradient_noise_scale(case.model, part.x, part.y, batch_size=size, seed=case.seed)
    ratio = Evidence("noise_scale", noise.scale / case.batch_size, ">", NOISE)
    if ratio.speaks:
        yield Verdict("noisy_gradients", (_level(present), calmer, ratio))


def _rate_too_low(case: Case, probes: Probes, present: float) -> Iterator[Verdict]:
    """Go on at the rate and at others; what had learned and then stopped is a plateau."""
    rate = probes.rate
    own = present - probes.level("now", rate)
    tried = [rate * factor for factor in (10.0, 100.0)]
    if rate < probes.first_rate / 3:
        tried.append(probes.first_rate)
    gains = {part: present - probes.level("now", part) for part in tried}
    stopped = _stopped(case)
    if stopped is not None:
        gains[rate / 10] = present - probes.level("now", rate / 10)
    best = max(gains, key=lambda part: gains[part])
    where = f"{rate:g}, {best:g}"
    if stopped is not None:
        gain = Evidence("rate_gain", gains[best] - max(own, 0.0), ">", GAIN, where)
        if gain.speaks:
            yield Verdict("plateau", (_level(present), stopped, gain))
        return
    gain = Evidence("higher_rate_gain", gains[best] - own, ">", GAIN, where)
    slow = Evidence("own_gain", own, "<", gains[best] / 3)
    if gain.speaks and slow.speaks:
        yield Verdict("rate_too_low", (_level(present), gain, slow))


def _stopped(case: Case) -> Evidence | None:
    """Return how flat the last half of the epochs is, if the loss had fallen before."""
    losses = [case.level(float(loss)) for loss in case.history.get("loss", ())]
    if len(losses) < 6 or not np.isfinite(losses).all():
        return None
    middle = len(losses) // 2
    late = max(losses[middle:]) - min(losses[middle:])
    flat = Evidence("flat", late, "<", FLAT)
    fell = max(losses[0], 1.0) - losses[middle] > EARLY
    return flat if fell and flat.speaks else None


def _underfitting(case: Case, present: float) -> Iterator[Verdict]:
    """Compare with neighbors and a linear model on rows that they have not seen."""
    if not case.simple_targets or len(case.compared) < 40:
        return
    better = case.simple.score - case.score_of(case.large, case.evaluated[1])
    evidence = Evidence("knowable", better, ">", 0.1)
    if evidence.speaks:
        yield Verdict("underfitting", (_level(present), evidence))
