"""The report page of a run: one file of HTML that needs nothing but itself."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

import pellucid
from pellucid.inspection import _page as html
from pellucid.inspection._confusions import plot_confusion_examples
from pellucid.inspection._drawing import draw
from pellucid.inspection._page import Page
from pellucid.inspection._page_words import measure_name, tell
from pellucid.inspection._plots import plot_confusion_matrix, plot_learning_curve
from pellucid.models._summary import summary_rows
from pellucid.recipes import _page_inside as inside
from pellucid.recipes._page_facts import Facts, class_numbers
from pellucid.recipes._recipe import (
    BoxesAnswer,
    Data,
    PictureAnswer,
    Prediction,
    TextAnswer,
    settings_of,
)
from pellucid.recipes._run import ENVIRONMENT, LOG, Run, open_run, read_json, replacing

REPORT = "report.html"
TILES, MISTAKES, DOUBTS, TEXTS = 16, 24, 8, 3
MOST_CLASSES = 20
"""Classes of which a matrix can be drawn."""


def write_page(
    run: Run | str | os.PathLike[str],
    language: str = "en",
    path: str | os.PathLike[str] | None = None,
    *,
    data: Data | None = None,
    full: bool = True,
) -> Path:
    """Write the report page of a run and return where it is.

    It holds the task, what was measured beside what the recipe expects, the data, the network as a
    drawing, the learning curve, mistakes, numbers layer by layer, what is inside the network, what
    predictions rest on, and settings and environment. What makes no sense for a recipe is left out.

    Args:
        run: a run, or its folder.
        language: ``"en"`` or ``"zh"``.
        path: the file; by default ``report.html`` in the run folder.
        data: the data of the recipe, where it is there already.
        full: False leaves out what has to run the network in new ways, which takes longer: gradient
            flow, feature maps, what excites units, the map of the test part, attributions.

    Raises:
        RunError: it is no run folder, or holds no model.
        ArgumentError: there is no such language.
    """
    from pellucid import recipes

    opened = run if isinstance(run, Run) else open_run(run)
    facts = Facts(
        opened,
        language,
        opened.recipe.data() if data is None else data,
        recipes.description(opened.recipe_name),
    )
    page = Page(facts.title, language)
    _facts(page, facts)
    page.add("results", *_results(page, facts))
    page.add("about", *_task(page, facts))
    page.add("learning", *_learning(page, facts))
    page.add("data", *_data(page, facts))
    page.add("network", *_network(page, facts))
    page.add("mistakes", *_mistakes(page, facts))
    page.add("answers", *_answers(page, facts, full))
    page.add("figures", *_figures(facts))
    page.add("layers", *inside.layers(page, facts, full))
    if full:
        page.add("diagnosis", *inside.diagnosis(page, facts))
        page.add("inside", *inside.insides(page, facts))
        page.add("grounds", *inside.grounds(page, facts))
    page.add("settings", *_settings(page, facts))
    target = opened.folder / REPORT if path is None else Path(path)
    with replacing(target) as temporary:
        temporary.write_text(page.write(), encoding="utf-8")
    return target


def _facts(page: Page, facts: Facts) -> None:
    run = facts.run
    page.facts = [f"{page.say('recipe')} <code>{run.recipe_name}</code>", run.folder.resolve().name]
    page.facts.append(page.say("parameters_count", f"{run.model.count_params():,}"))
    if facts.measures:
        page.facts.append(page.say("epochs", facts.measures["epochs"]))
        page.facts.append(page.say("trained_in", facts.measures["seconds"]))
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="minutes")
    page.foot = page.say("made_by", pellucid.__version__, now)
    if not page.sections and facts.measures and not facts.measures.get("test"):
        page.facts.append(page.say("not_measured"))


def _results(page: Page, facts: Facts) -> Sequence[str]:
    measures = facts.measures
    if not measures:
        return [html.paragraph(tell("not_measured", page.language))]
    parts = [part for part in ("test", "validation", "train") if part in measures]
    test = numbers(measures.get("test", {}))
    main = sorted(test.items(), key=lambda pair: pair[0] == "loss")[:4]
    test_word = tell("test", page.language)
    shown = [(short(value), f"{test_word}: {measure_name(n, page.language)}") for n, value in main]
    columns = list(dict.fromkeys(name for part in parts for name in numbers(measures[part])))
    rows = [
        [tell(part, page.language), *(numbers(measures[part]).get(name) for name in columns)]
        for part in parts
    ]
    heads = [tell("part", page.language), *(measure_name(n, page.language) for n in columns)]
    expected = facts.said.get("Expected", "")
    left = html.heading(tell("measured", page.language)) + html.table(heads, rows)
    right = html.heading(tell("expected_by", page.language)) + prose(expected)
    both = f'<div class="two"><div>{left}</div><div>{right}</div></div>' if expected else left
    return [html.cards(shown), both]


def _task(page: Page, facts: Facts) -> Sequence[str]:
    said = [
        html.heading(tell(key, page.language)) + prose(facts.said[head])
        for head, key in (("Task", "task"), ("Data", "data"), ("Time", "time"))
        if head in facts.said
    ]
    cells = "".join(f"<div>{part}</div>" for part in said)
    whole = html.details(tell("docstring", page.language), f"<pre>{escaped(facts.text)}</pre>")
    return [f'<div class="two">{cells}</div>', whole]


def _learning(page: Page, facts: Facts) -> Sequence[str]:
    if not (facts.run.folder / LOG).is_file():
        return []
    lines = facts.run.log
    kept_out = ("epoch", "seconds", "learning_rate")
    names = [name for name in lines[0] if name not in kept_out]
    history = {name: [line.get(name, np.nan) for line in lines] for name in names}
    figure = plot_learning_curve(history)
    return [html.svg_figure(figure, tell("curve", page.language), page.language)]


def _data(page: Page, facts: Facts) -> Sequence[str]:
    data, language = facts.data, page.language
    rows: list[list[Any]] = []
    for name, part in data.parts().items():
        shapes = ", ".join(str(tuple(a.shape[1:])) for a in part.inputs)
        kinds = ", ".join(str(a.dtype) for a in part.inputs)
        first = part.inputs[0]
        spread = f"{first.min():.4g} … {first.max():.4g}"
        rows.append([tell(name, language), part.rows, shapes, kinds, spread])
    keys = ("part", "examples", "shape", "type", "range")
    made = [html.table([tell(key, language) for key in keys], rows), _balance(page, data)]
    if facts.shows_pictures:
        tiles = []
        for row in range(min(TILES, data.test.rows)):
            example = facts.sample(row)
            tiles.append((facts.picture(example, row), example.truth or "", ""))
        made += [html.heading(tell("samples", language)), html.picture_tiles(tiles)]
    elif data.test.rows:
        texts = [facts.run.recipe.words_of(facts.sample(row)) for row in range(TEXTS)]
        joint = [("" if all(len(w) <= 1 for w in words) else " ").join(words[:80])
                 for words in texts if words]  # fmt: skip
        if joint:
            made += [html.heading(tell("text_samples", language)), *map(html.quoted, joint)]
    return made


def _balance(page: Page, data: Data) -> str:
    names = data.labels
    counted = {
        name: np.bincount(classes, minlength=len(names))
        for name, part in data.parts().items()
        if (classes := class_numbers(part, len(names))) is not None
    }
    if not counted:
        return ""
    first = next(iter(counted.values()))
    rows = [
        [label, *(int(counts[n]) for counts in counted.values()), html.bar(first[n] / first.max())]
        for n, label in enumerate(names)
    ]
    heads = [tell("class", page.language), *(tell(name, page.language) for name in counted), ""]
    return html.details(tell("balance", page.language), html.table(heads, rows)).replace(
        "<details>", "<details open>", 1
    )


def _network(page: Page, facts: Facts) -> Sequence[str]:
    model, language = facts.run.model, page.language
    rows = []
    for row in summary_rows(model):
        shape = ", ".join(str(tuple(one[1:])) for one in row["output_shape"])
        cells = [row["layer"], row["kind"], shape, row["parameters"], row["flops"], row["formula"]]
        rows.append(cells)
    keys = ("layer", "kind", "output", "parameters", "flops")
    heads = [*(tell(key, language) for key in keys), ""]
    return [
        html.paragraph(tell("drawing_note", language), "soft"),
        html.drawing(draw(model, language=language)),
        html.details(tell("summary", language), html.table(heads, rows, paths=True)),
    ]


def _mistakes(page: Page, facts: Facts) -> Sequence[str]:
    language, labels = page.language, facts.data.labels
    matrix = facts.measures.get("confusion_matrix")
    made = ['<div class="two">']
    if matrix is not None and len(matrix) <= MOST_CLASSES:
        figure = plot_confusion_matrix(np.asarray(matrix), labels)
        made.append(html.svg_figure(figure, tell("confusion", language), language))
    truth = facts.classes
    answers = None if truth is None else facts.answers
    if truth is None or not answers:
        return [*made, "</div>"] if len(made) > 1 else []
    truth = truth[: len(answers)]
    said = np.array([labels.index(answer.label) for answer in answers])
    sure = np.array([answer.probabilities[answer.label] for answer in answers])
    wrong = np.flatnonzero(said != truth)
    right = np.flatnonzero(said == truth)
    pictures = facts.shows_pictures
    if pictures and len(labels) <= MOST_CLASSES:
        first = answers[0].example
        kept = [facts.picture(answer.example, row) for row, answer in enumerate(answers)]
        if first.picture is not None:
            figure = plot_confusion_examples(truth, said, kept, labels, sure)
            caption = tell("confusion_examples", language)
            made.append(html.svg_figure(figure, caption, language))
    made.append("</div>")
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    if len(wrong):
        made.append(html.paragraph(tell("worst", language, len(wrong), len(answers))))
        made.append(_examples(page, facts, answers, truth, worst))
    else:
        made.append(html.paragraph(tell("none_wrong", language, len(answers))))
    doubtful = right[np.argsort(sure[right], kind="stable")][:DOUBTS]
    if len(doubtful):
        made.append(html.paragraph(tell("doubtful", language)))
        made.append(_examples(page, facts, answers, truth, doubtful))
    return made


def _examples(
    page: Page, facts: Facts, answers: Sequence[Prediction], classes: Any, rows: Any
) -> str:
    """Return some test examples with what was said about them."""
    entries, texts = [], []
    for row in rows:
        answer = answers[row]
        truth = facts.data.labels[int(classes[row])]
        percent = f"{100 * answer.probabilities[answer.label]:.0f} %"
        word = answer.label
        if answer.label != truth:
            word = tell("said", page.language, answer.label, truth)
        entries.append((facts.picture(answer.example, row), word, f"{percent} · {row + 1}"))
        words = facts.run.recipe.words_of(answer.example)
        text = " ".join((words or [])[-60:])
        texts.append([row + 1, word, percent, f"… {text}" if text else str(answer.example.x)])
    if facts.shows_pictures:
        return html.picture_tiles(entries)
    heads = [tell(key, page.language) for key in ("source", "answer", "share", "given")]
    return html.table(heads, texts[:8])


def _answers(page: Page, facts: Facts, full: bool) -> Sequence[str]:
    """Return what a network that writes, draws or acts answers to some test examples."""
    language = page.language
    sample = facts.measures.get("sample")
    made = [html.quoted(sample.strip())] if isinstance(sample, str) else []
    if facts.classes is not None or not full:
        return made
    examples = [facts.sample(row) for row in range(min(8, facts.data.test.rows))]
    answers = facts.run.predict(examples[: TEXTS if made else 8])
    tiles: list[tuple[Any, str, str]] = []
    rows: list[list[Any]] = []
    for number, answer in enumerate(answers):
        if isinstance(answer, PictureAnswer):
            if answer.example.picture is not None:
                tiles.append((answer.example.picture, tell("given", language), f"{number + 1}"))
            word = answer.example.truth or answer.example.source
            tiles.append((answer.picture, tell("answer", language), word))
        elif isinstance(answer, TextAnswer):
            rows.append([answer.given, answer.text, answer.example.truth])
        elif isinstance(answer, BoxesAnswer):
            said = ", ".join(f"{count} {label}" for label, count in answer.counts().items())
            tiles.append((facts.picture(answer.example, number), said or "0", f"{number + 1}"))
        else:
            percent = f"{100 * answer.probabilities[answer.label]:.0f} %"
            numbers_in = ", ".join(f"{value:.3g}" for value in np.ravel(answer.example.x)[:12])
            rows.append([numbers_in, answer.label, percent])
    if rows and isinstance(answers[0], TextAnswer):
        keys = ["given", "written", "truth"]
        if all(row[2] is None for row in rows):
            rows, keys = [row[:2] for row in rows], keys[:2]
        made.append(html.table([tell(key, language) for key in keys], rows))
    elif rows:
        keys = ["given", "answer", "share"]
        made.append(html.table([tell(key, language) for key in keys], rows))
    return [*made, html.picture_tiles(tiles)]


def _figures(facts: Facts) -> Sequence[str]:
    """Return the figures of the recipe's own that lie in the run folder."""
    shown_anyway = ("learning_curve.png", "confusion_matrix.png")
    return [
        html.png_figure(path.read_bytes(), path.stem.replace("_", " "))
        for path in sorted(facts.run.folder.glob("*.png"))
        if path.name not in shown_anyway
    ]


def _settings(page: Page, facts: Facts) -> Sequence[str]:
    language, recipe = page.language, facts.run.recipe
    rows = [
        [name, str(getattr(recipe, name)), str(entry.default), entry.metadata["help"]]
        for name, entry in settings_of(type(recipe)).items()
    ]
    heads = [tell(key, language) for key in ("setting", "value", "default", "help")]
    made = [html.table(heads, rows, paths=True)]
    if not (facts.run.folder / ENVIRONMENT).is_file():
        return made
    known = read_json(facts.run.folder / ENVIRONMENT)
    versions = [[name, version] for name, version in known["versions"].items()]
    machine = [
        [name, ", ".join(value) if isinstance(value, list) else str(value)]
        for name, value in known["machine"].items()
    ]
    hashes = [
        [f"{part} {name}", one["sha256"]]
        for part, arrays in known["data"].items()
        for name, one in arrays.items()
    ]
    pair = ["", tell("value", language)]
    for key, lines in (("versions", versions), ("machine", machine), ("hashes", hashes)):
        made.append(html.details(tell(key, language), html.table(pair, lines, paths=True)))
    command = " ".join(known["command"])
    made.append(f"<p>{page.say('command')}: <code>{escaped(command)}</code></p>")
    return made


# Helpers


def numbers(measures: dict[str, Any]) -> dict[str, float]:
    """Return the measures that are one number each."""
    return {
        name: float(value)
        for name, value in measures.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def short(value: float) -> str:
    """Return a number in four digits."""
    return f"{value:.4g}" if abs(value) >= 10 or value == 0 else f"{value:.4f}"


def prose(text: str) -> str:
    """Return text of a docstring: paragraphs, and tables in it as they stand."""
    made = []
    for block in text.split("\n\n"):
        lines = block.splitlines()
        table_like = any("   " in line.strip() for line in lines)
        if table_like:
            made.append(f"<pre>{escaped(block)}</pre>")
        else:
            text = " ".join(line.strip() for line in lines)
            made.append(html.paragraph(text[:1].upper() + text[1:]))
    return '<div lang="en">' + "".join(made) + "</div>"


def escaped(text: str) -> str:
    """Return text for HTML."""
    from html import escape

    return escape(text, quote=False)
