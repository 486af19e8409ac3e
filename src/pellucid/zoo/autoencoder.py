"""Auto-encoders: a network that gives back what it was given, through a narrow place.

An encoder makes a code z of an image x, a decoder an image of the code, and the two learn to make
the loss between image and image small::

    z = f(x)        y = g(z)        J = 1/n sum_i H(x_i, y_i)

with H the binary cross-entropy of the n pixels, in [0, 1], given as logits. The code has fewer
numbers than the image, so it must say what is common to the images. In four forms:

- **plain**: dense layers;
- **sparse**: a wide code, most of which is kept at 0 by a penalty on its size,
  ``J + a 1/rows sum_nj |z_nj|`` (a = ``sparsity``; ReLU makes the zeros exact);
- **denoising**: normal noise is added to the input in training, and what is to be given back is
  the image without it;
- **convolutional**: convolutions of stride 2 and their transposes.

Papers: D. Rumelhart, G. Hinton, R. Williams, Learning internal representations by error propagation
(1986); G. Hinton, R. Salakhutdinov, Reducing the dimensionality of data with neural networks,
Science 313 (2006); P. Vincent and others, Extracting and composing robust features with denoising
autoencoders (2008).

::

    plain, sparse, denoising      shape         parameters (code = 32)
    image                         (28, 28)
    flatten                       (784,)
    encoder: Dense 128, ReLU      (128,)        100,480
    code: Dense                   (code,)       4,128
    decoder: Dense 128, ReLU      (128,)        4,224
    pixels: Dense                 (784,)        101,136
    reshape                       (28, 28)      total 209,968

    convolutional                 shape         parameters (code = 32)
    image                         (28, 28, 1)
    Conv 16, 3x3 / 2, ReLU        (14, 14, 16)  160
    Conv 32, 3x3 / 2, ReLU        (7, 7, 32)    4,640
    code: Dense                   (code,)       50,208
    Dense, ReLU                   (7, 7, 32)    51,744
    ConvT 16, 3x3 / 2, ReLU       (14, 14, 16)  4,624
    ConvT 1, 3x3 / 2              (28, 28, 1)   145; total 111,521

The input is the target: ``model.fit(x, x)`` with ``BinaryCrossentropy(from_logits=True)``.
"""

from typing import Any

from pellucid._checks import check_range
from pellucid.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    GaussianNoise,
    Input,
    Reshape,
)
from pellucid.models import Model
from pellucid.regularizers import L1
from pellucid.zoo._parts import part

IMAGE = (28, 28)


def plain(code: int = 32, units: int = 128, seed: int = 0) -> Model:
    """Return the auto-encoder of dense layers.

    Args:
        code: numbers in the code.
        units: width of the layers on both sides of it.
        seed: makes the initial weights.
    """
    return _dense(code, units, seed, "autoencoder")


def sparse(code: int = 128, units: int = 128, sparsity: float = 1e-4, seed: int = 0) -> Model:
    """Return the one whose code is mostly zeros.

    Args:
        code: numbers in the code.
        units: width of the layers on both sides of it.
        sparsity: a, weight of the penalty, 0 or more.
        seed: makes the initial weights.
    """
    check_range("sparse", "sparsity", sparsity, 0)
    settings = {"activation": "relu", "activity_regularizer": L1(sparsity)}
    return _dense(code, units, seed, "sparse_autoencoder", code_settings=settings)


def denoising(code: int = 32, units: int = 128, noise: float = 0.5, seed: int = 0) -> Model:
    """Return the one that learns to take noise away.

    Args:
        code: numbers in the code.
        units: width of the layers on both sides of it.
        noise: standard deviation of the noise that training adds to the pixels.
        seed: makes the initial weights.
    """
    return _dense(code, units, seed, "denoising_autoencoder", noise=noise)


def _dense(
    code: int,
    units: int,
    seed: int,
    name: str,
    noise: float | None = None,
    code_settings: dict[str, Any] | None = None,
) -> Model:
    x = Input(IMAGE, name="image")
    seen = x if noise is None else GaussianNoise(noise, name="noise")(x)
    h = Flatten(name="flatten")(seen)
    h = Dense(units, activation="relu", name="encoder")(h)
    z = Dense(code, name="code", **(code_settings or {}))(h)
    h = Dense(units, activation="relu", name="decoder")(z)
    h = Dense(IMAGE[0] * IMAGE[1], name="pixels")(h)
    return Model(x, Reshape(IMAGE, name="reconstruction")(h), name=name, seed=seed)


def convolutional(code: int = 32, filters: int = 16, seed: int = 0) -> Model:
    """Return the one of convolutions, for images (28, 28, 1).

    Args:
        code: numbers in the code.
        filters: filters of the outer convolutions; the inner ones have twice as many.
        seed: makes the initial weights.
    """
    inner = (IMAGE[0] // 4, IMAGE[1] // 4, 2 * filters)
    x = Input((*IMAGE, 1), name="image")
    h = Conv2D(filters, 3, 2, "same", activation="relu", name="encoder_1")(x)
    h = Conv2D(2 * filters, 3, 2, "same", activation="relu", name="encoder_2")(h)
    z = Dense(code, name="code")(Flatten(name="flatten")(h))
    h = Dense(inner[0] * inner[1] * inner[2], activation="relu", name="decoder_1")(z)
    h = Reshape(inner, name="image_of_code")(h)
    h = Conv2DTranspose(filters, 3, 2, "same", activation="relu", name="decoder_2")(h)
    y = Conv2DTranspose(1, 3, 2, "same", name="reconstruction")(h)
    return Model(x, y, name="convolutional_autoencoder", seed=seed)


def encoder(model: Model) -> Model:
    """Return the part of an auto-encoder from the image to the code, as trained."""
    return part(model, ["image"], "code", "encoder")


def decoder(model: Model) -> Model:
    """Return the part from the code to the logits of the image, as trained."""
    return part(model, ["code"], "reconstruction", "decoder")
