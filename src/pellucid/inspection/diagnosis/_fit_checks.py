"""Faults of a fit as a whole: over-fitting, spikes, dropout, augmentation."""

from collections.abc import Iterator

import numpy as np

from pellucid.inspection.diagnosis._case import Case, count_rows, is_kind
from pellucid.inspection.diagnosis._probes import Probes
from pellucid.inspection.diagnosis._registry import check
from pellucid.inspection.diagnosis._simple import NEIGHBORS, as_features, squared_distances
from pellucid.inspection.diagnosis._verdict import Evidence, Verdict

GAP = 0.5
GAP_ERRORS = 4.0
RISE = 0.1
SPIKE = 8.0
SPIKE_LEVEL = 0.4
DROPOUT_GAP = 0.3
HIGH_LEVEL = 0.5
QUIET_GAIN = 0.15
OUT_OF_RANGE = 0.05
AGREEMENT = 0.6
BROKEN_LEVEL = 0.4


@check("overfitting", needs=["one_output", "validation", "training"])
def find_overfitting(case: Case) -> Iterator[Verdict]:
    """Compare the loss on validation rows with that on training rows, on the scale from 0 to 1.

    The gap must be many standard errors; where the history is known, the validation loss must also
    have risen since its best epoch.
    """
    if not case.finite or case.validation is None or np.isnan(case.scale[1]):
        return
    held_out = case.losses_of(case.sample(case.validation, 1024))[0]
    seen = case.evaluated[0]
    gap = case.level(float(held_out.mean())) - case.train_level
    error = np.sqrt(held_out.var() / len(held_out) + seen.var() / len(seen))
    errors = float((held_out.mean() - seen.mean()) / max(float(error), 1e-12))
    found = [Evidence("gap", gap, ">", GAP), Evidence("gap_z", errors, ">", GAP_ERRORS)]
    past = [float(loss) for loss in case.history.get("val_loss", ())]
    if len(past) >= 4 and np.isfinite(past).all():
        rise = case.level(past[-1]) - case.level(min(past))
        where = f"{int(np.argmin(past)) + 1} / {len(past)}"
        found.append(Evidence("rise", rise, ">", RISE, where))
    if all(part.speaks for part in found):
        yield Verdict("overfitting", tuple(found))


@check("loss_spikes", needs=["history"], cheap=True)
def find_loss_spikes(case: Case) -> Iterator[Verdict]:
    """Look for epochs whose loss jumps far beyond the usual change from epoch to epoch."""
    losses = np.asarray(case.history.get("loss", ()), float)
    if len(losses) < 6 or not np.isfinite(losses).all():
        return
    scale = case.scale if case.single else (0.0, float(losses[0]))
    unit = scale[1] - scale[0]
    if not np.isfinite(unit) or unit <= 0:
        return
    levels = (losses - scale[0]) / unit
    changes = np.diff(levels)
    usual = float(np.median(np.abs(changes))) + 0.01
    for number in np.flatnonzero((changes > SPIKE_LEVEL) & (changes > SPIKE * usual)):
        # A spike comes down again; what stays up is a divergence.
        after = levels[number + 2 :]
        if len(after) and after.min() < levels[number + 1] - changes[number] / 2:
            jump = float(changes[number] / usual)
            yield Verdict("loss_spikes", (Evidence("spike", jump, ">", SPIKE, f"{number + 2}"),))
            return


@check("dropout_too_strong", needs=["one_output", "training", "optimizer"])
def find_strong_dropout(case: Case) -> Iterator[Verdict]:
    """Compare the loss of one and the same rows with and without what training draws at random.

    Dropout so strong that nothing is learned shows no such difference; a probe of 60 steps without
    it, beside one with it, then tells.
    """
    if not case.finite or np.isnan(case.scale[1]) or case.step_level < HIGH_LEVEL:
        return
    drops = any(
        is_kind(node.layer, "Dropout") or getattr(node.layer, "dropout", 0)
        for node in case.graph.nodes
    )
    if not drops or _changed(case) is not None:
        return
    level = Evidence("level", case.step_level, ">", HIGH_LEVEL)
    gap = Evidence("dropout_gap", case.step_level - case.train_level, ">", DROPOUT_GAP)
    if gap.speaks:
        yield Verdict("dropout_too_strong", (level, gap))
    elif case.train_level > HIGH_LEVEL:
        probes = Probes(case)
        quiet, own = (probes.quiet_level(probes.first_rate, drop=drop) for drop in (False, True))
        gain = Evidence("quiet_gain", own - quiet, ">", QUIET_GAIN)
        if gain.speaks:
            yield Verdict("dropout_too_strong", (level, gain))


def _changed(case: Case) -> str | None:
    """Return the last layer before any weights whose output training changes: augmentation."""
    found = None
    for name, call, _ in case.graph.calls():
        if name in case.state.parameters:
            break
        label = f"{name}/output" if call == 0 else f"{name}#{call}/output"
        plain, drawn = case.values.get(label), case.training_values.get(label)
        if plain is None or drawn is None or plain.shape != drawn.shape:
            continue
        if not np.array_equal(plain, drawn):
            found = label
    return found


@check("broken_augmentation", needs=["one_output"])
def find_broken_augmentation(case: Case) -> Iterator[Verdict]:
    """Ask whether augmented examples still look like their class, to neighbors and to the network.

    Only changes that layers of the model make before the first weights are seen here.
    """
    if not case.finite or not case.classes or len(case.compared) < 40:
        return
    label = _changed(case)
    if label is None:
        return
    plain = np.asarray(case.values[label], np.float32)
    drawn = np.asarray(case.training_values[label], np.float32)
    low, high = float(plain.min()), float(plain.max())
    room = 0.25 * (high - low)
    outside = float(((drawn < low - room) | (drawn > high + room)).mean())
    layer = label.rpartition("/")[0]
    evidence = Evidence("augmented_range", outside, ">", OUT_OF_RANGE)
    loss = float(np.mean(case.losses_of(case.small, probes={label: drawn - plain})[0]))
    level = Evidence("augmented_level", case.level(loss), ">", BROKEN_LEVEL)
    if not level.speaks:
        return
    if evidence.speaks:
        yield Verdict("broken_augmentation", (evidence, level), layer=layer, kind="range")
        return
    fit = as_features(plain, False)
    labels = case.labels_of(case.small)
    rates = []
    for rows in (plain, drawn):
        distances = squared_distances(as_features(rows, False, fit).rows, fit.rows)
        np.fill_diagonal(distances, np.inf)
        k = min(NEIGHBORS, count_rows(case.small) - 1)
        near = np.argpartition(distances, k - 1, axis=1)[:, :k]
        rates.append(float((labels[near] == labels[:, None]).mean()))
    chance = float(((np.bincount(labels) / len(labels)) ** 2).sum())
    ratio = (rates[1] - chance) / max(rates[0] - chance, 1e-9)
    agreement = Evidence("augmented_agreement", ratio, "<", AGREEMENT)
    if rates[0] > chance + 0.1 and agreement.speaks:
        yield Verdict("broken_augmentation", (level, agreement), layer=layer, kind="content")
