"""What a network says when its images are too small for it."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from pellucid.errors import ArgumentError, ShapeError

F = TypeVar("F", bound=Callable[..., Any])


def needs_pixels(least: int, multiple: int = 1) -> Callable[[F], F]:
    """Return a decorator for a function that builds a network for images of ``input_shape``.

    A ``ShapeError`` from inside, of images smaller than ``least``, is told as what it is: the
    network ran out of pixels, in the layer that the error names.

    Args:
        least: the smallest height and width that the network takes.
        multiple: height and width must be a multiple of it.
    """

    def decorate(network: F) -> F:
        signature = inspect.signature(network)
        name = network.__name__

        @wraps(network)
        def checked(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            height, width, _ = check_image_shape(name, bound.arguments["input_shape"])
            if height % multiple or width % multiple:
                raise ShapeError(
                    f"{name} halves its images and doubles them again, so that height and width "
                    f"must be multiples of {multiple}, got {height}x{width}; pad or resize them."
                )
            try:
                return network(*args, **kwargs)
            except ShapeError as error:
                if min(height, width) >= least:
                    raise
                raise ShapeError(
                    f"{name} ran out of pixels: images of {height}x{width} are too small, "
                    f"{least}x{least} is the least. {error}"
                ) from error

        return cast(F, checked)

    return decorate


def check_image_shape(who: str, shape: Any) -> tuple[int, int, int]:
    """Return ``shape`` if it is (height, width, channels), three integers of 1 or more."""
    fits = isinstance(shape, (tuple, list)) and len(shape) == 3
    if not fits or not all(isinstance(n, int) and n >= 1 for n in shape):
        raise ArgumentError(
            f"{who} expected input_shape to be (height, width, channels), integers of 1 or more, "
            f"got {shape!r}; type input_shape=(224, 224, 3), for example."
        )
    height, width, channels = shape
    return height, width, channels
