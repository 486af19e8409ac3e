"""A recurrent network that writes like Shakespeare, letter by letter.

Task: which character comes next? Two layers of 128 LSTM cells read the text from left to right
    (242,945 parameters); what the network writes is drawn from its answers, one character after
    another. ``--set network=gru`` takes gated recurrent units.
Data: Tiny Shakespeare, 1.1 million characters of his plays. 24,000 windows of 64 characters from
    the first 90 % for training (drawn by the seed), the next 5 % for validation, the last 5 % for
    the test.
Command: pellucid train shakespeare_lstm
Time: four minutes on two cores that had other work beside it.
Expected: validation loss 1.69, accuracy 0.497; test loss 1.78, accuracy 0.478, for the seed 0.

Your own beginning: ``pellucid predict runs/latest "ROMEO:"``, or a text file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._checks import check_one_of, check_positive_int, check_range
from pellucid.datasets import tiny_shakespeare
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Sequential
from pellucid.optimizers import Adam
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._given_text import SUFFIXES, read_text
from pellucid.recipes._recipe import (
    Data,
    Example,
    Objective,
    Recipe,
    Report,
    TextAnswer,
    setting,
)
from pellucid.recipes.shakespeare import windows
from pellucid.zoo import recurrent_language_model
from pellucid.zoo.recurrent_language_model import generate

NETWORKS = {"lstm": recurrent_language_model.lstm, "gru": recurrent_language_model.gru}
SAMPLE = "\n"
"""What the text in the report goes on from."""


@dataclass(frozen=True)
class ShakespeareLSTM(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    epochs: int = setting(3, "passes over the windows of the training part")
    network: str = setting("lstm", f"one of {', '.join(NETWORKS)}")
    windows: int = setting(24_000, "windows drawn for the training part")
    context: int = setting(64, "characters of a window; states start at 0 in each")
    width: int = setting(64, "length of the vector of a character")
    units: int = setting(128, "cells of each layer")
    layers: int = setting(2, "number of layers")
    dropout: float = setting(0.0, "fraction dropped between the layers")
    learning_rate: float = setting(4e-3, "Adam's rate after the warm-up; it ends at a tenth")
    length: int = setting(500, "characters that are written")
    temperature: float = setting(0.8, "below 1 the likely characters become likelier; 0: likeliest")

    def __post_init__(self) -> None:
        super().__post_init__()
        who = "Recipe 'shakespeare_lstm'"
        check_one_of(who, "network", self.network, tuple(NETWORKS))
        for name in ("windows", "context", "width", "units", "layers", "length"):
            check_positive_int(who, name, getattr(self, name))
        check_range(who, "dropout", self.dropout, 0, 1, open_high=True)
        check_range(who, "learning_rate", self.learning_rate, 0, open_low=True)
        check_range(who, "temperature", self.temperature, 0)

    def data(self) -> Data:
        """Return windows of characters, and for each the same window one character further on."""
        train, rest = tiny_shakespeare.load_data()
        random = np.random.default_rng(self.seed)
        first = random.integers(0, len(train) - self.context, self.windows)
        validation, test = np.array_split(rest, 2)
        return Data(
            train=windows(train, first, self.context),
            validation=windows(validation, None, self.context),
            test=windows(test, None, self.context),
        )

    def model(self, data: Data) -> Sequential:
        """Return the language model of the zoo."""
        return NETWORKS[self.network](
            len(tiny_shakespeare.characters),
            width=self.width,
            units=self.units,
            layers=self.layers,
            dropout=self.dropout,
            seed=self.seed,
        )

    def objective(self, data: Data) -> Objective:
        """Return cross-entropy and Adam, its rate warmed up and then let down on a cosine."""
        steps = self.epochs * -(-len(data.train.x) // self.batch_size)
        warm_up = max(1, steps // 20)
        rate = CosineDecay(
            initial_learning_rate=self.learning_rate / 10,
            warmup_target=self.learning_rate,
            warmup_steps=warm_up,
            decay_steps=max(1, steps - warm_up),
            alpha=0.1,
        )
        return Objective(
            loss=SparseCategoricalCrossentropy(from_logits=True),
            optimizer=Adam(rate, global_clipnorm=1.0),
            metrics=["accuracy"],
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return loss and accuracy of validation and test part, and a text that was written."""
        parts = data.parts()
        measures = {
            name: model.evaluate(*parts[name], return_dict=True, verbose=0)
            for name in ("validation", "test")
        }
        return Report({**measures, "sample": self._continued(model, SAMPLE)})

    def predict(self, model: Any, examples: Sequence[Example]) -> list[TextAnswer]:
        """Return how the text of each example goes on."""
        answers = []
        for example in examples:
            given = tiny_shakespeare.decode(example.x)
            text = self._continued(model, given)
            answers.append(TextAnswer(example, given, text, continues=True))
        return answers

    def example(self, source: str) -> Example:
        """Return a beginning: a text file, or the text itself."""
        return Example(source, tiny_shakespeare.encode(read_text(source)))

    def words_of(self, example: Example) -> list[str]:
        """Return the characters of an example."""
        return list(tiny_shakespeare.decode(example.x))

    def _continued(self, model: Any, given: str) -> str:
        prompt = tiny_shakespeare.encode(given)
        text = generate(model, prompt, self.length, self.temperature, seed=self.seed)
        return tiny_shakespeare.decode(text[len(prompt) :])
