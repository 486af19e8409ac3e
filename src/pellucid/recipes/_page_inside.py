"""Sections of the report page that look inside the network."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid import inspection
from pellucid._tree import flatten_paths
from pellucid.errors import ArgumentError, DTypeError, ShapeError
from pellucid.inspection import _page as html
from pellucid.inspection._embedding import plot_embedding
from pellucid.inspection._excitation import plot_exciting
from pellucid.inspection._flow import layer_flow, plot_gradient_flow, plot_update_ratios
from pellucid.inspection._maps import (
    attentions,
    plot_attention_maps,
    plot_feature_maps,
    plot_weight_maps,
)
from pellucid.inspection._overlays import plot_attribution
from pellucid.inspection._page import Page
from pellucid.inspection._page_words import figure_words, tell
from pellucid.layers import Dense
from pellucid.recipes._explaining import explain_examples
from pellucid.recipes._page_facts import Facts
from pellucid.recipes._recipe import Objective, Prediction

SHOWN_FLOWS = 30
"""Layers with all their parts that a figure of gradients has room for."""
NAMED = 24
"""Rows that a verdict names."""
TRACED, MAPPED, EXPLAINED, LOOKED_AT = 64, 400, 4, 1000
"""Examples that are traced, put on a map, explained, and searched for what excites units."""


def layers(page: Page, facts: Facts, full: bool) -> Iterator[str]:
    """Yield the table of all layers with parameters, and the figures of gradients and updates."""
    language, model = page.language, facts.run.model
    start = facts.run.recipe.model(facts.data).variables.parameters
    now = model.variables.parameters
    step = _traced(facts) if full else None
    flows = {row.path: row for row in layer_flow(step)} if step is not None else {}
    rows: list[list[Any]] = []
    for name in model.graph.layers():
        own = dict(flatten_paths(now.get(name, {})))
        if not own:
            continue
        first = dict(flatten_paths(start.get(name, {})))
        size = _size(own.values())
        same = {path: np.shape(a) for path, a in own.items()} == {
            path: np.shape(a) for path, a in first.items()
        }
        far = _size(np.asarray(own[p]) - np.asarray(first[p]) for p in own) if same else None
        count = sum(int(np.size(a)) for a in own.values())
        flow = flows.get(name)
        cells: list[Any] = [name, count, size, far / size if far is not None and size else None]
        if flow is not None:
            cells += [flow.gradient, flow.ratio or None, flow.delta]
        elif flows:
            cells += [None, None, None]
        rows.append(cells)
    if not rows:
        return
    keys = ["layer", "parameters", "weights", "moved"]
    keys += ["gradient", "ratio", "delta"] if flows else []
    if flows and all(row[5] is None for row in rows):  # the rate had fallen to 0
        rows, keys = [row[:5] + row[6:] for row in rows], keys[:5] + keys[6:]
    if flows:
        note = tell("layers_note", language, min(TRACED, facts.data.train.rows))
    else:
        note = tell("layers_note_short", language)
    yield html.paragraph(note, "soft")
    yield html.table([tell(key, language) for key in keys], rows, paths=True)
    if step is not None:
        nested = len(flows) <= SHOWN_FLOWS
        yield '<div class="two">'
        yield html.svg_figure(plot_gradient_flow(step, nested), tell("flow", language), language)
        if "ratio" in keys:
            yield html.svg_figure(
                plot_update_ratios(step, nested), tell("ratios", language), language
            )
        yield "</div>"
    if not full:
        command = f"pellucid report {facts.run.folder}"
        yield html.paragraph(tell("report_more", language, command), "soft")


def diagnosis(page: Page, facts: Facts) -> Sequence[str]:
    """Return the verdicts about the run; nothing for what was not trained by ``fit``."""
    if not _can_be_traced(facts):
        return []
    language, run, data = page.language, facts.run, facts.data
    parts = [
        None if part is None or not part.rows or part.y is None else tuple(part)
        for part in (data.validation, data.test)
    ]
    history: dict[str, list[Any]] = {}
    for line in run.log:
        for name, value in line.items():
            history.setdefault(name, []).append(value)
    found = inspection.diagnose(
        _compiled(facts),
        tuple(data.train),
        validation_data=parts[0],
        test_data=parts[1],
        history=history,
        batch_size=min(run.recipe.batch_size, data.train.rows),
        language=language,
        seed=run.recipe.seed,
    )
    if not found.verdicts:
        return [html.paragraph(tell("healthy", language))]
    made = []
    for verdict in found.verdicts:
        place = f" ({verdict.layer})" if verdict.layer else ""
        rows = [
            [part.in_words(language), part.value, part.relation, part.threshold]
            for part in verdict.evidence
        ]
        heads = [tell(key, language) for key in ("evidence", "value", "limit", "limit")]
        made += [
            html.heading(verdict.title(language) + place),
            html.table([*heads[:2], "", heads[3]], rows),
        ]
        if verdict.rows:
            named = ", ".join(map(str, verdict.rows[:NAMED]))
            more = ", …" if len(verdict.rows) > NAMED else ""
            part_name = tell(verdict.part, language)
            made.append(html.paragraph(tell("rows", language, part_name, named + more)))
        made.append(html.paragraph(verdict.remedy(language)))
    return made


def insides(page: Page, facts: Facts) -> Iterator[str]:
    """Yield feature maps, weights, exciting pictures, attention and the map of the test part."""
    language, model, data = page.language, facts.run.model, facts.data
    grids = _grids(facts) if facts.reads_pictures else []
    if grids:
        sample, what = data.test.x[0], figure_words(facts.sample(0).source, language)
        yield '<div class="two">'
        for layer in dict.fromkeys([grids[0], grids[-1]]):
            figure = plot_feature_maps(model, layer, sample, most=24)
            yield html.svg_figure(figure, tell("feature_maps", language, layer, what), language)
        yield "</div>"
    yield '<div class="two">'
    kernels = _first_kernel(facts)
    if kernels is not None:
        figure = plot_weight_maps(model, kernels, most=24)
        yield html.svg_figure(figure, tell("weight_maps", language, kernels), language)
    if grids and np.issubdtype(model.graph.input_symbols[0].dtype, np.floating):
        layer = _last_convolution(facts) or grids[-1]
        x = np.asarray(data.test.x[:LOOKED_AT], np.float32)
        channels = range(min(5, _width(facts, layer)))
        figure = plot_exciting(model, layer, list(channels), x)
        yield html.svg_figure(figure, tell("exciting", language, layer), language)
    yield "</div>"
    yield from _attention(page, facts)
    vector = _before_last(facts)
    if vector is not None and facts.classes is not None:
        rows = min(MAPPED, data.test.rows)
        yield '<div class="two">'
        for method in ("pca", "tsne"):
            caption = tell("embedding", language, vector, rows)
            x = data.test.x[:rows]
            figure = plot_embedding(model, vector, x, facts.classes[:rows], data.labels, method)
            yield html.svg_figure(figure, caption if method == "pca" else "", language)
        yield "</div>"


def grounds(page: Page, facts: Facts) -> Iterator[str]:
    """Yield what some predictions rest on: right ones, and the worst mistake."""
    answers, truth = facts.answers, facts.classes
    if not answers:
        return
    chosen = list(range(min(EXPLAINED, len(answers))))
    if truth is not None:
        wrong = [n for n, one in enumerate(answers) if one.label != facts.data.labels[truth[n]]]
        sure = sorted(wrong, key=lambda n: -answers[n].probabilities[answers[n].label])
        chosen = list(dict.fromkeys([*chosen[: EXPLAINED - 1], *sure[:1], *chosen]))[:EXPLAINED]
    examples = [facts.sample(row) for row in chosen]
    try:
        found = explain_examples(facts.run, examples)
    except (ArgumentError, ShapeError, DTypeError):
        return  # a network whose answers are not one score for each class
    language = page.language
    if found.words is not None:
        yield html.paragraph(tell("grounds_words", language), "soft")
        for row, (prediction, words) in enumerate(zip(found.predictions, found.words, strict=True)):
            yield html.heading(_said(page, prediction))
            cut = slice(-120, None)
            yield html.reading(words[cut], found.positions(row)[cut])
    elif facts.reads_pictures:
        yield html.paragraph(tell("grounds_note", language), "soft")
        x = np.stack([example.x for example in examples])
        yield '<div class="two">'
        for row, prediction in enumerate(found.predictions):
            one = replace(
                found.attribution,
                **{
                    name: getattr(found.attribution, name)[row : row + 1]
                    for name in ("values", "target", "score", "error")
                },
            )
            figure = plot_attribution(one, x[row : row + 1], facts.data.labels)
            yield html.svg_figure(figure, _said(page, prediction), language)
        yield "</div>"
    else:
        yield html.paragraph(tell("grounds_words", language), "soft")
        for row, prediction in enumerate(found.predictions):
            yield html.heading(_said(page, prediction))
            names = [
                f"x{n} = {value:.3g}" for n, value in enumerate(np.ravel(prediction.example.x))
            ]
            yield html.reading(names, found.positions(row).reshape(-1))


def _said(page: Page, prediction: Prediction) -> str:
    percent = f"{100 * prediction.probabilities[prediction.label]:.0f} %"
    truth = prediction.example.truth
    if truth is not None and truth != prediction.label:
        said = tell("said", page.language, prediction.label, truth)
    else:
        said = prediction.label
    source = figure_words(prediction.example.source, page.language)
    return f"{source}: {said}, {percent}"


def _traced(facts: Facts) -> Any:
    """Return a step of the training; None where learning has a step of its own."""
    if not _can_be_traced(facts):
        return None
    train = facts.data.train
    x = [array[:TRACED] for array in train.inputs]
    return inspection.trace(_compiled(facts), x if len(x) > 1 else x[0], train.y[:TRACED])


def _can_be_traced(facts: Facts) -> bool:
    """Tell whether the run was trained by ``fit``, on answers."""
    objective = facts.run.recipe.objective(facts.data)
    return isinstance(objective, Objective) and facts.data.train.y is not None


def _compiled(facts: Facts) -> Any:
    """Return the model of the run, compiled as it was trained."""
    model, objective = facts.run.model, facts.run.recipe.objective(facts.data)
    if model.compile_config() is None and isinstance(objective, Objective):
        model.compile(objective.optimizer, objective.loss, list(objective.metrics), verbose=0)
    return model


def _attention(page: Page, facts: Facts) -> Iterator[str]:
    model = facts.run.model
    known = attentions(model)
    if not known:
        return
    row = [array[0] for array in facts.data.test.inputs]
    words = facts.run.recipe.words_of(facts.sample(0)) if len(row) == 1 else None
    words = words[:24] if words else None
    if words and len(words) < len(row[0]) and facts.data.labels:
        return  # padded in front: the first steps are no words
    sample = row if len(row) > 1 else row[0]
    source = figure_words(facts.sample(0).source, page.language)
    figure = plot_attention_maps(model, sample, known[-1], words, most=2)
    caption = tell("attention", page.language, known[-1], source)
    yield html.svg_figure(figure, caption, page.language)


def _grids(facts: Facts) -> list[str]:
    """Return the layers whose outputs are rows, columns and several channels."""
    graph = facts.run.model.graph
    return [
        name
        for name, call, node in graph.calls()
        if not call
        and len(node.outputs) == 1
        and len(node.outputs[0].shape) == 4
        and node.outputs[0].shape[-1] > 3
        and min(node.outputs[0].shape[1:3]) > 2
        and ("Conv" in type(node.layer).__name__ or "Pooling" in type(node.layer).__name__)
    ]


def _width(facts: Facts, layer: str) -> int:
    return next(
        int(node.outputs[0].shape[-1])
        for name, _, node in facts.run.model.graph.calls()
        if name == layer
    )


def _last_convolution(facts: Facts) -> str | None:
    parameters = facts.run.model.variables.parameters
    grids = _grids(facts)
    return next((n for n in reversed(grids) if "kernel" in parameters.get(n, {})), None)


def _first_kernel(facts: Facts) -> str | None:
    """Return the first layer whose weights are pictures of pixels."""
    model = facts.run.model
    for name, layer in model.graph.layers().items():
        own = model.variables.parameters.get(name, {})
        if "kernel" not in own:
            continue
        kernel = own["kernel"]
        if not facts.shows_pictures:
            return None
        if kernel.ndim == 4 and kernel.shape[2] in (1, 3) and max(kernel.shape[:2]) > 1:
            return name
        sizes = [s.shape[1:] for s in model.graph.input_symbols]
        pixels = len(sizes) == 1 and None not in sizes[0] and np.prod(sizes[0]) == kernel.shape[0]
        return name if isinstance(layer, Dense) and pixels else None
    return None


def _before_last(facts: Facts) -> str | None:
    """Return the last layer of one vector for a sample, before the outputs."""
    graph = facts.run.model.graph
    if len(graph.output_symbols) != 1 or len(graph.input_symbols) != 1:
        return None
    vectors = [
        name
        for name, call, node in graph.calls()
        if not call
        and node is not graph.output_symbols[0].node
        and len(node.outputs) == 1
        and len(node.outputs[0].shape) == 2
        and node.outputs[0].shape[-1] > 2
        and not type(node.layer).__name__.endswith("Dropout")
    ]
    return vectors[-1] if vectors else None


def _size(arrays: Any) -> float:
    """Return the Euclidean norm of all numbers."""
    return float(np.sqrt(sum(float(np.sum(np.square(np.asarray(a, np.float64)))) for a in arrays)))
