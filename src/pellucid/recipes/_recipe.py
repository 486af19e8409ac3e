"""What a recipe is: a frozen dataclass of settings, and five parts in a fixed order.

A task is one file in this folder. Its dataclass lists the settings, each with a default and one
line of help; its methods are the five parts::

    @dataclass(frozen=True)
    class Digits(Recipe):
        epochs: int = setting(30, "passes over the training part")

        def data(self): ...                     # 1 where the examples come from
        def model(self, data): ...              # 2 the network
        def objective(self, data): ...          # 3 loss, optimizer, metrics
        def report(self, model, data): ...      # 4 what is measured on the test part, and drawn
        def predict(self, model, example): ...  # 5 raw input in, probabilities, text or picture out

        def example(self, source): ...          # how an input of one's own becomes an example

The one runner (``pellucid.recipes.train``) does all the rest.
"""

import dataclasses
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from pellucid._checks import check_positive_int, check_range
from pellucid.errors import ArgumentError, UnknownNameError


class Part(NamedTuple):
    """One part of the data: inputs ``x`` and answers ``y``, the same number of each.

    ``x`` is a list of arrays for a network of several inputs; ``y`` is None where there are no
    answers.
    """

    x: Any
    y: Any

    @property
    def inputs(self) -> list[np.ndarray]:
        """The arrays of the inputs, one or several."""
        return list(self.x) if isinstance(self.x, (list, tuple)) else [self.x]

    @property
    def rows(self) -> int:
        """How many examples there are."""
        return len(self.inputs[0])


@dataclass(frozen=True)
class Data:
    """Training, validation and test part, and what the classes are called, if there are any.

    What learns without answers (a map, a game) may lack the ``y`` of a part, or have no validation
    part; what makes its own data has an empty training part.
    """

    train: Part
    validation: Part | None
    test: Part
    labels: tuple[str, ...] = ()

    def parts(self) -> dict[str, Part]:
        """Return the parts that are not empty, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None and part.rows}


@dataclass(frozen=True)
class Objective:
    """What ``compile`` is given."""

    loss: Any
    optimizer: Any
    metrics: Sequence[Any] = ()
    callbacks: Sequence[Any] = ()


@dataclass(frozen=True)
class Learning:
    """What ``pellucid.training.train`` is given, where learning has a step of its own.

    Attributes:
        learner: makes of the recipe's model an object with ``start(seed)``, ``step(state, batch)``
            and ``keep(state)``, as those of ``pellucid.zoo`` are; ``keep`` puts what was learned
            into the model.
        steps: steps an epoch of a learner that makes its own data; None reads the training part.
        validate: ``(learner, state) -> measures`` after every epoch, or None.
        callbacks: called at their moments.
    """

    learner: Callable[[Any], Any]
    steps: int | None = None
    validate: Callable[[Any, Any], Mapping[str, float]] | None = None
    callbacks: Sequence[Any] = ()


@dataclass(frozen=True)
class Report:
    """What was measured: numbers for ``metrics.json``, and figures by file name."""

    measures: dict[str, Any]
    figures: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """One raw input, ready for ``predict``.

    Attributes:
        source: where it comes from, in words: a file name, ``"test sample 7"``.
        x: the network's input without the batch axis; for a recipe that reads text, its numbers.
        picture: what the network sees as an image in [0, 1], (height, width), bright ink on dark;
            None for what is no image.
        truth: the right answer where it is known.
        size: height and width of an image before it was brought to the network's size; None where
            they are the same.
    """

    source: str
    x: np.ndarray
    picture: np.ndarray | None = None
    truth: str | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Prediction:
    """The answer for one example: the most probable label, and the probability of each."""

    example: Example
    label: str
    probabilities: dict[str, float]

    @property
    def is_right(self) -> bool | None:
        """Whether the label is the true one; None where that is not known."""
        truth = self.example.truth
        return None if truth is None else self.label == truth

    def to_json(self) -> dict[str, Any]:
        """Return the answer as plain JSON."""
        return {
            "source": self.example.source,
            "label": self.label,
            "probability": self.probabilities[self.label],
            "truth": self.example.truth,
            "probabilities": self.probabilities,
        }


@dataclass(frozen=True)
class TextAnswer:
    """The answer of a network that writes.

    Attributes:
        example: what it was asked.
        given: the text that it was given.
        text: the text that it wrote.
        continues: True if what it wrote goes on where the given text ends.
    """

    example: Example
    given: str
    text: str
    continues: bool = False

    @property
    def is_right(self) -> bool | None:
        """Whether the text is the known answer; None where none is known."""
        truth = self.example.truth
        return None if truth is None else self.text == truth

    def to_json(self) -> dict[str, Any]:
        """Return the answer as plain JSON."""
        return {
            "source": self.example.source,
            "given": self.given,
            "text": self.text,
            "truth": self.example.truth,
        }


@dataclass(frozen=True)
class PictureAnswer:
    """The answer of a network that draws.

    Attributes:
        example: what it was asked.
        picture: what it drew, in [0, 1], (height, width), bright ink on dark.
        numbers: what else there is to say about it, by name.
    """

    example: Example
    picture: np.ndarray
    numbers: dict[str, Any] = dataclasses.field(default_factory=dict)
    is_right: ClassVar[bool | None] = None

    def to_json(self) -> dict[str, Any]:
        """Return the answer as plain JSON, brightness in thousandths."""
        return {
            "source": self.example.source,
            "truth": self.example.truth,
            **self.numbers,
            "picture": np.round(np.asarray(self.picture, float), 3).tolist(),
        }


class FoundBox(NamedTuple):
    """An object that was found: its class, how certain that is (from 0 to 1), and its box.

    The sides are in pixels of the image as it was given.
    """

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class BoxesAnswer:
    """The answer of a network that finds objects.

    Attributes:
        example: what it was asked.
        boxes: what it found, the most certain first.
    """

    example: Example
    boxes: tuple[FoundBox, ...]
    is_right: ClassVar[bool | None] = None

    def counts(self) -> dict[str, int]:
        """Return how many objects of each class were found, the most frequent class first."""
        labels = [box.label for box in self.boxes]
        return {label: labels.count(label) for label in sorted(set(labels), key=labels.count)[::-1]}

    def to_json(self) -> dict[str, Any]:
        """Return the answer as plain JSON, sides in tenths of a pixel, scores in thousandths."""
        found = [
            {
                "label": box.label,
                "score": round(box.score, 3),
                "box": [round(side, 1) for side in box[2:]],
            }
            for box in self.boxes
        ]
        return {"source": self.example.source, "truth": self.example.truth, "boxes": found}


Answer = Prediction | TextAnswer | PictureAnswer | BoxesAnswer


def setting(default: Any, help: str) -> Any:
    """Return the dataclass field of one setting: its default and one line that says what it is."""
    return dataclasses.field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Recipe(ABC):
    """Settings and five parts of one task; the subclass's file says which.

    Args:
        epochs: passes over the training part, 1 or more.
        batch_size: examples a step, 1 or more.
        seed: fixes the weights at the start, the order of the examples and the dropout, 0 or more.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    """What the files end in that ``example`` takes."""

    epochs: int = setting(10, "passes over the training part")
    batch_size: int = setting(32, "examples per step")
    seed: int = setting(0, "fixes starting weights, order of examples and dropout")

    def __post_init__(self) -> None:
        check_positive_int("This recipe", "epochs", self.epochs)
        check_positive_int("This recipe", "batch_size", self.batch_size)
        check_range("This recipe", "seed", self.seed, 0, 2**32, open_high=True)

    @abstractmethod
    def data(self) -> Data:
        """Return the training, validation and test part."""

    @abstractmethod
    def model(self, data: Data) -> Any:
        """Return the network, not compiled yet."""

    @abstractmethod
    def objective(self, data: Data) -> Objective | Learning:
        """Return loss, optimizer and metrics, or a form of learning with a step of its own."""

    @abstractmethod
    def report(self, model: Any, data: Data) -> Report:
        """Return what is measured, at least ``{"test": {"loss": ...}}``, and the figures."""

    @abstractmethod
    def predict(self, model: Any, examples: Sequence[Example]) -> Sequence[Answer]:
        """Return an answer for each example: with probabilities, a text or a picture."""

    def example(self, source: str) -> Example:
        """Return the example that a file of one's own holds.

        Raises:
            ArgumentError: this recipe takes no files.
        """
        raise ArgumentError(
            f"This recipe takes no files, got {source!r}; predict a test sample with --sample."
        )

    def sample(self, data: Data, number: int) -> Example:
        """Return a sample of the test part; the first one is number 1.

        Raises:
            ArgumentError: there is no such sample.
        """
        count = data.test.rows
        if not 1 <= number <= count:
            raise ArgumentError(
                f"Expected the sample to be a number from 1 to {count}, the size of the test "
                f"part, got {number}."
            )
        return Example(source=f"test sample {number}", x=data.test.x[number - 1])

    def words_of(self, example: Example) -> list[str] | None:
        """Return the words of an example, the last entries of its ``x``; None if it is no text."""
        return None


# Settings as text and as JSON


def settings_of(kind: type[Recipe]) -> dict[str, dataclasses.Field[Any]]:
    """Return the settings of a recipe by name."""
    return {entry.name: entry for entry in dataclasses.fields(kind)}


def build(name: str, kind: type[Recipe], values: Mapping[str, Any]) -> Recipe:
    """Return the recipe with these settings.

    Args:
        name: the recipe's name, for messages.
        kind: the recipe's class.
        values: settings by name; text is read as the setting's type, as ``"5"`` for ``epochs``.

    Raises:
        UnknownNameError: the recipe has no such setting.
        ArgumentError: a value has the wrong type or is outside its domain.
    """
    hints = typing.get_type_hints(kind)
    known = settings_of(kind)
    typed = {}
    for key, value in values.items():
        if key not in known:
            raise UnknownNameError(f"setting of recipe {name!r}", key, known)
        typed[key] = _typed(name, key, value, hints[key])
    return kind(**typed)


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _typed(name: str, key: str, value: Any, hint: type) -> Any:
    """Return ``value`` as the type ``hint``, one of int, float, bool and str."""
    error = ArgumentError(
        f"Recipe {name!r} expected the setting {key!r} to be {_WORDS[hint]}, got {value!r}."
    )
    if isinstance(value, str) and hint is not str:
        try:
            return _TRUTH[value.lower()] if hint is bool else hint(value)
        except (KeyError, ValueError):
            raise error from None
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise error
    return value
