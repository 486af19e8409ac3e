"""What the report page of a run is made from: its data, pictures, answers and words."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pellucid.recipes._recipe import Data, Example, Learning, Part, Prediction
from pellucid.recipes._run import METRICS, Run

ANSWERED = 10_000
"""Test examples that the network is asked about, at most."""
HEADS = ("Task", "Data", "Command", "Time", "Expected")


@dataclass
class Facts:
    """A run, and what is looked up of it only where a section wants it.

    Attributes:
        run: the run.
        language: of the page.
        data: the data of its recipe.
        text: what the recipe's file says on top.
        samples: the test examples that were looked at, by row.
    """

    run: Run
    language: str
    data: Data
    text: str
    samples: dict[int, Example] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The first line of the recipe's text."""
        return self.text.partition("\n")[0].rstrip(".")

    @cached_property
    def said(self) -> dict[str, str]:
        """The parts of the recipe's text by their heads: Task, Data, Command, Time, Expected."""
        parts = re.split(rf"^({'|'.join(HEADS)}):", self.text, flags=re.MULTILINE)
        found = {}
        for head, body in zip(parts[1::2], parts[2::2], strict=True):
            # What is not indented belongs to no head.
            kept = re.match(r".*(?:\n(?:[ \t]+.*|(?=\n[ \t])))*", body)
            lines = (kept[0] if kept else body).strip().splitlines()
            found[head] = "\n".join(line.removeprefix("    ") for line in lines)
        return found

    @cached_property
    def measures(self) -> dict[str, Any]:
        """What was measured; empty for a run that stopped early."""
        return self.run.metrics if (self.run.folder / METRICS).is_file() else {}

    @property
    def learns_by_itself(self) -> bool:
        """True if learning has a step of its own, so that no step of ``fit`` can be traced."""
        return isinstance(self.run.recipe.objective(self.data), Learning)

    @cached_property
    def classes(self) -> np.ndarray | None:
        """The true class of every test example, if they are known."""
        return class_numbers(self.data.test, len(self.data.labels))

    @cached_property
    def answers(self) -> list[Prediction] | None:
        """What the network says about the test part; None unless it tells classes."""
        recipe, count = self.run.recipe, min(self.data.test.rows, ANSWERED)
        first = self.run.predict([recipe.sample(self.data, 1)]) if self.data.labels else []
        if not first or not isinstance(first[0], Prediction):
            return None
        examples = [recipe.sample(self.data, number + 1) for number in range(count)]
        return [one for one in self.run.predict(examples) if isinstance(one, Prediction)]

    def picture(self, example: Example, row: int) -> np.ndarray | None:
        """Return the picture of a test example, in colors where it has them."""
        if example.picture is None:
            return None
        x = self.data.test.inputs[0]
        return x[row] if x.ndim == 4 and x.shape[-1] == 3 else example.picture

    @cached_property
    def shows_pictures(self) -> bool:
        """True if the examples of the recipe are pictures."""
        return self.sample(0).picture is not None

    @cached_property
    def reads_pictures(self) -> bool:
        """True if the network reads arrays of rows, columns and perhaps channels."""
        symbols = self.run.model.graph.input_symbols
        return self.shows_pictures and len(symbols) == 1 and len(symbols[0].shape) in (3, 4)

    def sample(self, row: int) -> Example:
        """Return the test example in a row, counted from 0."""
        if row not in self.samples:
            self.samples[row] = self.run.recipe.sample(self.data, row + 1)
        return self.samples[row]


def class_numbers(part: Part, count: int) -> np.ndarray | None:
    """Return the answers of a part as class numbers; None if they are something else."""
    if part.y is None or not count:
        return None
    y = np.asarray(part.y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 1 and np.issubdtype(y.dtype, np.integer) and len(y) and y.max() < count:
        return y.astype(int)
    if y.ndim == 2 and y.shape[1] == count and np.all(y.sum(axis=1) == 1):
        return y.argmax(axis=1)
    return None
