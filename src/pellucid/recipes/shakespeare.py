"""A language model that writes like Shakespeare, letter by letter.

Task: which character comes next? A GPT of 4 blocks with 4 heads, 128 wide, sees up to 64 characters
    (804,096 parameters); what it writes is drawn from its answers, one character after another.
Data: Tiny Shakespeare, 1.1 million characters of his plays. 12,000 windows of 64 characters from
    the first 90 % for training (drawn by the seed), the next 5 % for validation, the last 5 % for
    the test.
Command: pellucid train shakespeare
Time: 6 to 9 minutes on two cores that had other work to do as well.
Expected: loss 1.78 on the validation part and 1.84 on the test part (seed 0), which is 1.81 on the
    last tenth of the text, after 2,000 steps of 12 windows. nanoGPT, of the same size and with as
    many steps, states 1.88. Half of that rate (learning_rate=0.001, nanoGPT's) gives 1.89 here.

Your own beginning: ``pellucid predict runs/latest "ROMEO:"``, or a text file. A recurrent network
in place of the GPT: ``pellucid train shakespeare_lstm``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.datasets import tiny_shakespeare
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Model
from pellucid.optimizers import AdamW
from pellucid.optimizers.schedules import CosineDecay
from pellucid.recipes._given_text import SUFFIXES, read_text
from pellucid.recipes._recipe import (
    Data,
    Example,
    Objective,
    Part,
    Recipe,
    Report,
    TextAnswer,
    setting,
)
from pellucid.zoo.gpt import generate, gpt

WARM_UP = 100
"""Steps in which the learning rate rises."""
SAMPLE = "\n"
"""What the text in the report goes on from."""


@dataclass(frozen=True)
class Shakespeare(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    epochs: int = setting(2, "passes over the windows of the training part")
    batch_size: int = setting(12, "windows per step")
    windows: int = setting(12_000, "windows drawn for the training part")
    context: int = setting(64, "characters that the network sees")
    width: int = setting(128, "length of the vector of a character")
    blocks: int = setting(4, "number of blocks")
    heads: int = setting(4, "heads of each attention")
    dropout: float = setting(0.0, "fraction dropped in the blocks")
    learning_rate: float = setting(2e-3, "AdamW's rate after the warm-up; it ends at a tenth")
    length: int = setting(500, "characters that are written")
    temperature: float = setting(0.8, "below 1 the likely characters become likelier; 0: likeliest")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("windows", "context", "width", "blocks", "heads", "length"):
            check_positive_int("Recipe 'shakespeare'", name, getattr(self, name))
        check_range("Recipe 'shakespeare'", "dropout", self.dropout, 0, 1, open_high=True)
        check_range("Recipe 'shakespeare'", "learning_rate", self.learning_rate, 0, open_low=True)
        check_range("Recipe 'shakespeare'", "temperature", self.temperature, 0)

    def data(self) -> Data:
        """Return windows of characters, and for each the same window one character further on."""
        train, rest = tiny_shakespeare.load_data()
        first = np.random.default_rng(self.seed).integers(
            0, len(train) - self.context, self.windows
        )
        validation, test = np.array_split(rest, 2)
        return Data(
            train=windows(train, first, self.context),
            validation=windows(validation, None, self.context),
            test=windows(test, None, self.context),
        )

    def model(self, data: Data) -> Model:
        """Return the GPT."""
        return gpt(
            len(tiny_shakespeare.characters),
            context=self.context,
            width=self.width,
            blocks=self.blocks,
            heads=self.heads,
            dropout=self.dropout,
            seed=self.seed,
        )

    def objective(self, data: Data) -> Objective:
        """Return cross-entropy and AdamW, its rate warmed up and then let down on a cosine."""
        steps = self.epochs * -(-len(data.train.x) // self.batch_size)
        warm_up = min(WARM_UP, max(1, steps // 10))
        rate = CosineDecay(
            initial_learning_rate=self.learning_rate / WARM_UP,
            warmup_target=self.learning_rate,
            warmup_steps=warm_up,
            decay_steps=max(1, steps - warm_up),
            alpha=0.1,
        )
        return Objective(
            loss=SparseCategoricalCrossentropy(from_logits=True),
            optimizer=AdamW(rate, beta_2=0.99, weight_decay=0.1, global_clipnorm=1.0),
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


def windows(text: np.ndarray, first: np.ndarray | None, length: int) -> Part:
    """Return windows of a text as x, and the same one character further on as y.

    Args:
        text: character numbers.
        first: where each window begins; None cuts the text into windows side by side.
        length: characters of a window.
    """
    if first is None:
        first = np.arange(0, len(text) - length, length)
    places = first[:, None] + np.arange(length)
    return Part(text[places].astype(np.int32), text[places + 1].astype(np.int32))
