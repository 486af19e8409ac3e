"""Variational auto-encoders: codes that fill a plane evenly, so that every point makes an image.

The encoder gives for an image x not a code but a normal distribution of codes, with mean m(x) and
log variance v(x); the code z is drawn from it (``GaussianSampling``), and the decoder gives the
logits of the pixels. What is maximized is a lower bound of the log-likelihood of the images::

    log p(x) >= E[ log p(x | z) ] - KL( N(m, exp v) || N(0, 1) )
    log p(x | z) = - sum_i H(x_i, y_i)                    (H: binary cross-entropy of pixel i)
    KL = 1/2 sum_j (m_j^2 + exp(v_j) - 1 - v_j)

The draw is z = m + exp(v / 2) e with e ~ N(0, 1), so that its gradient with respect to m and v
exists. The loss ``BinaryCrossentropy`` is a mean over the 784 pixels and not a sum; the whole is
therefore divided by 784, and the KL term has the weight beta / 784 (beta = 1 is the bound above).
784 times the loss is minus the bound, in nats an image.

In the conditional form encoder and decoder are also told the class, as one of ten numbers that is
1; images of a class that is asked for are then drawn from z ~ N(0, 1).

Papers: D. Kingma, M. Welling, Auto-encoding variational Bayes (2014), equation 10 and appendix C.1;
K. Sohn, X. Yan, H. Lee, Learning structured output representation using deep conditional generative
models (2015), equation 5.

::

    vae(latent=2)                 shape        parameters
    image                         (28, 28)
    flatten                       (784,)
    encoder: Dense 400, ReLU      (400,)       314,000
    mean: Dense                   (latent,)    802
    log_variance: Dense           (latent,)    802
    code: GaussianSampling        (latent,)    0
    decoder: Dense 400, ReLU      (400,)       1,200
    pixels: Dense                 (784,)       314,384
    reconstruction                (28, 28)     total 631,188

The conditional one has 10 more inputs to ``encoder`` and to ``decoder``, 8,000 more parameters.

The input is the target: ``model.fit(x, x)`` with ``BinaryCrossentropy(from_logits=True)``.
"""

from typing import Any

from pellucid._checks import check_range
from pellucid.layers import Concatenate, Dense, Flatten, GaussianSampling, Input, Reshape
from pellucid.models import Model
from pellucid.zoo._parts import part

IMAGE = (28, 28)
PIXELS = IMAGE[0] * IMAGE[1]


def vae(latent: int = 2, units: int = 400, beta: float = 1.0, seed: int = 0) -> Model:
    """Return the variational auto-encoder.

    Args:
        latent: numbers in the code.
        units: width of the layers on both sides of it.
        beta: weight of the KL term, 0 or more.
        seed: makes the initial weights.
    """
    return _vae(latent, units, beta, None, seed)


def conditional_vae(
    latent: int = 2, units: int = 400, beta: float = 1.0, classes: int = 10, seed: int = 0
) -> Model:
    """Return the one that is told the class: its inputs are ``image`` and one-hot ``label``.

    Args:
        latent: numbers in the code.
        units: width of the layers on both sides of it.
        beta: weight of the KL term, 0 or more.
        classes: how many classes there are.
        seed: makes the initial weights.
    """
    return _vae(latent, units, beta, classes, seed)


def _vae(latent: int, units: int, beta: float, classes: int | None, seed: int) -> Model:
    check_range("vae", "beta", beta, 0)
    image = Input(IMAGE, name="image")
    label = None if classes is None else Input((classes,), name="label")

    def told(x: Any, where: str) -> Any:
        return x if label is None else Concatenate(name=f"{where}_and_label")([x, label])

    h = told(Flatten(name="flatten")(image), "image")
    h = Dense(units, activation="relu", name="encoder")(h)
    m = Dense(latent, name="mean")(h)
    v = Dense(latent, name="log_variance")(h)
    z = GaussianSampling(beta / PIXELS, name="code")([m, v])
    h = Dense(units, activation="relu", name="decoder")(told(z, "code"))
    y = Reshape(IMAGE, name="reconstruction")(Dense(PIXELS, name="pixels")(h))
    inputs = image if label is None else [image, label]
    return Model(inputs, y, name="vae" if label is None else "conditional_vae", seed=seed)


def encoder(model: Model) -> Model:
    """Return the part from the image (and label) to the mean of its codes, as trained."""
    return part(model, model.graph.input_names, "mean", "encoder")


def decoder(model: Model) -> Model:
    """Return the part from the code (and label) to the logits of the image, as trained."""
    others = [name for name in model.graph.input_names if name != "image"]
    return part(model, ["code", *others], "reconstruction", "decoder")
