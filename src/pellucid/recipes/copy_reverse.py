"""Copy or reverse a number: what attention does, in a picture.

Task: a word says what to do with the digits behind it, "copy 2025" or "reverse 2025"; the answer is
    written digit by digit. A transformer of 2 + 2 blocks, 64 wide (170,317 parameters); it can only
    succeed by reading the right digit for each that it writes.
Data: made up by the seed: 10,000 different numbers of 4 to 10 digits, each to be copied or to be
    reversed; 8,000 for training, 1,000 for validation, 1,000 for the test.
Command: pellucid train copy_reverse
Time: 1 to 2 minutes on two cores.
Expected: all 1,000 test numbers right, from the tenth epoch on every digit (seed 0); attention.png
    shows the diagonal of copying and the other one of reversing.

Your own: ``pellucid predict runs/latest "reverse 271828"``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import DataError
from pellucid.inspection import trace
from pellucid.inspection._plots import plot_attention
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Model
from pellucid.optimizers import Adam
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
from pellucid.zoo.transformer import encoder_decoder, translate

SHORTEST, LONGEST = 4, 10
START, END, FIRST = 1, 2, 3
"""Tokens: 0 is padding, then start, end, the ten digits; of the source also the two words."""
WORDS = ("copy", "reverse")
TOKENS = 13
SHOWN = ("copy 2718281828", "reverse 2718281828", "reverse 31415")
"""What the figure shows."""


@dataclass(frozen=True)
class CopyReverse(Recipe):
    """Settings and the five parts."""

    suffixes = SUFFIXES

    epochs: int = setting(15, "passes over the training part")
    batch_size: int = setting(64, "numbers per step")
    numbers: int = setting(10_000, "numbers made up; a tenth each for validation and test")
    width: int = setting(64, "length of the vector of a digit")
    hidden: int = setting(128, "width of the hidden layer in each block")
    blocks: int = setting(2, "blocks of the encoder, and of the decoder")
    heads: int = setting(4, "heads of each attention")
    learning_rate: float = setting(2e-3, "Adam's rate after the warm-up; it ends at 0")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("numbers", "width", "hidden", "blocks", "heads"):
            check_positive_int("Recipe 'copy_reverse'", name, getattr(self, name))
        check_range("Recipe 'copy_reverse'", "numbers", self.numbers, 50, 10**6)
        check_range("Recipe 'copy_reverse'", "learning_rate", self.learning_rate, 0, open_low=True)

    def data(self) -> Data:
        """Return source and target so far as x, the target one digit further on as y."""
        random = np.random.default_rng(self.seed)
        asked: dict[str, str] = {}  # by number, so that no number occurs in two parts
        while len(asked) < self.numbers:
            digits = random.integers(0, 10, random.integers(SHORTEST, LONGEST + 1))
            asked["".join(map(str, digits))] = WORDS[random.integers(2)]
        lines = [f"{word} {number}" for number, word in asked.items()]
        tenth = self.numbers // 10
        test, validation, train = lines[:tenth], lines[tenth : 2 * tenth], lines[2 * tenth :]
        return Data(train=part_of(train), validation=part_of(validation), test=part_of(test))

    def model(self, data: Data) -> Model:
        """Return the transformer."""
        return encoder_decoder(
            TOKENS + len(WORDS),
            TOKENS,
            LONGEST + 1,
            LONGEST + 1,
            width=self.width,
            hidden=self.hidden,
            blocks=self.blocks,
            heads=self.heads,
            dropout=0.0,
            normalize_first=True,
            seed=self.seed,
        )

    def objective(self, data: Data) -> Objective:
        """Return cross-entropy and Adam, its rate warmed up and then let down on a cosine."""
        steps = self.epochs * -(-len(data.train.y) // self.batch_size)
        warm_up = max(1, steps // 10)
        rate = CosineDecay(
            initial_learning_rate=self.learning_rate / 10,
            warmup_target=self.learning_rate,
            warmup_steps=warm_up,
            decay_steps=max(1, steps - warm_up),
        )
        return Objective(
            loss=SparseCategoricalCrossentropy(from_logits=True),
            optimizer=Adam(rate, global_clipnorm=1.0),
            metrics=["accuracy"],
        )

    def report(self, model: Any, data: Data) -> Report:
        """Return loss and accuracy by digit, the share of right whole numbers, and a figure."""
        measures: dict[str, Any] = {}
        for name in ("validation", "test"):
            part = data.parts()[name]
            measures[name] = model.evaluate(*part, return_dict=True, verbose=0)
            written = translate(model, part.x[0], START, END)
            right = np.all(written == np.where(part.y == END, 0, part.y), axis=1)
            measures[name]["whole_numbers"] = float(right.mean())
        return Report(measures, {"attention.png": attention_figure(model)})

    def predict(self, model: Any, examples: Sequence[Example]) -> list[TextAnswer]:
        """Return what the network writes for each example."""
        written = translate(model, np.stack([example.x for example in examples]), START, END)
        return [
            TextAnswer(example, as_line(example.x), as_number(tokens))
            for example, tokens in zip(examples, written, strict=True)
        ]

    def example(self, source: str) -> Example:
        """Return a line of one's own, such as "copy 2025", or that of a file."""
        line = read_text(source).strip()
        word, _, number = line.partition(" ")
        return Example(source, as_source(line), truth=answer_to(word, number))

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part with its answer; the first one is number 1."""
        example = super().sample(replace(data, test=Part(data.test.x[0], data.test.y)), number)
        word, _, digits = as_line(example.x).partition(" ")
        return replace(example, truth=answer_to(word, digits))


def answer_to(word: str, number: str) -> str:
    """Return the number as the word says, as it is or from behind."""
    return number if word == "copy" else number[::-1]


def as_source(line: str) -> np.ndarray:
    """Return a line such as "copy 2025" as tokens of shape (11,), padded.

    Raises:
        DataError: the line is none of that kind.
    """
    word, _, number = line.partition(" ")
    fits = word in WORDS and number.isascii() and number.isdigit()
    if not (fits and SHORTEST <= len(number) <= LONGEST):
        raise DataError(
            f"Expected 'copy' or 'reverse' and a number of {SHORTEST} to {LONGEST} digits, such as "
            f"'reverse 271828', got {line!r}."
        )
    tokens = [TOKENS + WORDS.index(word), *(FIRST + int(digit) for digit in number)]
    return np.pad(np.array(tokens, np.int32), (0, LONGEST + 1 - len(tokens)))


def as_line(source: np.ndarray) -> str:
    """Return tokens of a source as the line that they stand for."""
    return f"{WORDS[source[0] - TOKENS]} {as_number(source[1:])}"


def as_number(tokens: np.ndarray) -> str:
    """Return the digits among some tokens."""
    return "".join(str(token - FIRST) for token in tokens if FIRST <= token < TOKENS)


def part_of(lines: Sequence[str]) -> Part:
    """Return lines as what the network reads, and what it is to write."""
    source, so_far, target = [], [], []
    for line in lines:
        word, _, number = line.partition(" ")
        answer = [FIRST + int(digit) for digit in answer_to(word, number)]
        room = [0] * (LONGEST - len(answer))
        source.append(as_source(line))
        so_far.append([START, *answer, *room])
        target.append([*answer, END, *room])
    return Part([np.stack(source), np.array(so_far, np.int32)], np.array(target, np.int32))


def attention_figure(model: Any) -> Any:
    """Return the map of some lines: the weights of the last cross-attention, mean of its heads."""
    maps, words = {}, {}
    part = part_of(SHOWN)
    values = trace(model, part.x, part.y).values
    last = max(path for path in values if path.endswith("cross_attention/attention_weights"))
    weights = np.asarray(values[last]).mean(axis=1)
    for row, line in enumerate(SHOWN):
        word, _, number = line.partition(" ")
        written = [*answer_to(word, number), "end"]
        maps[line] = weights[row, : len(written), : len(number) + 1]
        words[line] = (written, [word, *number])
    return plot_attention(maps, words)
