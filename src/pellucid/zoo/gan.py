"""Generative adversarial networks: a generator learns to draw by fooling a discriminator.

The generator G makes an image of noise z ~ N(0, 1); the discriminator D gives a number for an
image, large for what it takes for a real one. They play in turns, each with its own loss and its
own optimizer. In two forms:

- ``GAN``, the form of 2014 with the generator's loss that does not saturate; D gives logits, and
  s(u) = 1 / (1 + exp(-u))::

      L_D = - E_x[ log s(D(x)) ] - E_z[ log(1 - s(D(G(z)))) ]
      L_G = - E_z[ log s(D(G(z))) ]

- ``WGAN``, in which D estimates how far the two distributions are from each other and must be
  smooth: its slope with respect to the image is held near 1 by a penalty, taken at points between
  real and drawn images, and D takes several turns for each of G's::

      L_D = E_z[ D(G(z)) ] - E_x[ D(x) ] + c E[ (|grad D(u)| - 1)^2 ]
      u   = e x + (1 - e) G(z),   e uniform in [0, 1]
      L_G = - E_z[ D(G(z)) ]

  The penalty is a function of a gradient, and learning takes the gradient of that.

Both networks may be told the class (``classes=10``): as ten numbers beside the noise, and as ten
constant planes beside the image.

Papers: I. Goodfellow and others, Generative adversarial nets (2014), section 3; A. Radford,
L. Metz, S. Chintala, Unsupervised representation learning with deep convolutional generative
adversarial networks (2016); I. Gulrajani and others, Improved training of Wasserstein GANs (2017),
algorithm 1; M. Mirza, S. Osindero, Conditional generative adversarial nets (2014).

::

    generator(latent=64)              shape         parameters
    noise                             (64,)
    Dense, batch norm, ReLU           (7, 7, 64)    200,704 + 256 (channels; half are averages)
    ConvT 32, 4x4 / 2, batch norm     (14, 14, 32)  32,768 + 128
    ConvT 1, 4x4 / 2, tanh            (28, 28, 1)   513; total 234,369

    discriminator()                   shape         parameters
    image in [-1, 1]                  (28, 28, 1)
    Conv 32, 4x4 / 2, leaky ReLU      (14, 14, 32)  544
    Conv 64, 4x4 / 2, leaky ReLU      (7, 7, 64)    32,832
    Dense 1                           (1,)          3,137; total 36,513

There is no batch normalization in D: the penalty is one for each image by itself. Images are in
[-1, 1], as tanh gives them::

    gan = WGAN(generator(), discriminator())
    state, history = train(gan.step, gan.start(seed=0), images, batch_size=64, epochs=5)
    gan.keep(state)
    drawn = gan.generator.predict(np.random.default_rng(0).standard_normal((100, 64)))
"""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from pellucid import ops
from pellucid._checks import check_positive_int, check_range
from pellucid.errors import MismatchError
from pellucid.layers import (
    Activation,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    Input,
    LeakyReLU,
    Reshape,
    UpSampling2D,
    Variables,
)
from pellucid.models import Model
from pellucid.optimizers import Adam, apply_updates, as_optimizer
from pellucid.training import Batch, TrainingState, mean_of

Array = jax.Array
Tree = Any

SIDE = 28


def generator(
    latent: int = 64, filters: int = 32, classes: int | None = None, seed: int = 0
) -> Model:
    """Return the network that draws images (28, 28, 1) in (-1, 1).

    Args:
        latent: numbers in the noise.
        filters: filters of the transposed convolution; twice as many planes are before it.
        classes: how many classes there are, to be told one; None for none.
        seed: makes the initial weights.
    """
    small = SIDE // 4
    noise = Input((latent,), name="noise")
    label = None if classes is None else Input((classes,), name="label")
    z = noise if label is None else Concatenate(name="noise_and_label")([noise, label])
    h = Dense(small * small * 2 * filters, use_bias=False, name="dense")(z)
    h = Reshape((small, small, 2 * filters), name="planes")(h)
    h = Activation("relu", name="relu_1")(BatchNormalization(name="norm_1")(h))
    h = Conv2DTranspose(filters, 4, 2, "same", use_bias=False, name="conv_1")(h)
    h = Activation("relu", name="relu_2")(BatchNormalization(name="norm_2")(h))
    image = Conv2DTranspose(1, 4, 2, "same", activation="tanh", name="image")(h)
    return Model(noise if label is None else [noise, label], image, name="generator", seed=seed)


def discriminator(filters: int = 32, classes: int | None = None, seed: int = 1) -> Model:
    """Return the network that gives one number for an image (28, 28, 1).

    Args:
        filters: filters of the first convolution; the second has twice as many.
        classes: how many classes there are, to be told one; None for none.
        seed: makes the initial weights.
    """
    image = Input((SIDE, SIDE, 1), name="image")
    label = None if classes is None else Input((classes,), name="label")
    x = image
    if label is not None:
        plane = Reshape((1, 1, -1), name="point")(label)
        planes = UpSampling2D(SIDE, name="planes")(plane)
        x = Concatenate(name="image_and_label")([image, planes])
    h = Conv2D(filters, 4, 2, "same", name="conv_1")(x)
    h = LeakyReLU(0.2, name="leaky_1")(h)
    h = Conv2D(2 * filters, 4, 2, "same", name="conv_2")(h)
    h = LeakyReLU(0.2, name="leaky_2")(h)
    score = Dense(1, name="score")(Flatten(name="flatten")(h))
    return Model(image if label is None else [image, label], score, name="discriminator", seed=seed)


@dataclass(frozen=True)
class GAN:
    """Two players and the step in which each takes its turn, the discriminator first.

    Args:
        generator: from noise (and a class) to an image.
        discriminator: from an image (and a class) to one number.
        generator_optimizer: makes the generator's updates.
        discriminator_optimizer: makes the discriminator's.
        turns: updates of the discriminator for each of the generator's. A batch is divided evenly
            between them, so ``batch_size`` must be a multiple of it.

    Raises:
        MismatchError: if the discriminator does not take what the generator draws.
    """

    generator: Any
    discriminator: Any
    generator_optimizer: Any = field(default_factory=lambda: Adam(2e-4, beta_1=0.5))
    discriminator_optimizer: Any = field(default_factory=lambda: Adam(2e-4, beta_1=0.5))
    turns: int = 1

    def __post_init__(self) -> None:
        check_positive_int(type(self).__name__, "turns", self.turns)
        drawn = self.generator.graph.output_symbols[0].shape
        (taken, *labels), (_, *classes) = (
            [symbol.shape for symbol in network.graph.input_symbols]
            for network in (self.discriminator, self.generator)
        )
        if drawn != taken or labels != classes:
            raise MismatchError(
                f"{type(self).__name__} expected a discriminator of what the generator draws, "
                f"images {drawn[1:]} and classes {[shape[1:] for shape in classes]}, got one of "
                f"images {taken[1:]} and classes {[shape[1:] for shape in labels]}."
            )

    # What each player makes small

    def discriminator_loss(self, real: Array, drawn: Array, weights: Array) -> Array:
        """Return - E[log s(D(x))] - E[log(1 - s(D(G(z))))], given what D says.

        Args:
            real: D of real images, shape (rows, 1).
            drawn: D of drawn images, likewise.
            weights: 1 / rows for real rows, 0 for padding, shape (rows,).
        """
        crossentropy = ops.binary_crossentropy_from_logits
        of_real = crossentropy(real, jnp.ones_like(real))
        of_drawn = crossentropy(drawn, jnp.zeros_like(drawn))
        return jnp.sum(weights * (of_real + of_drawn))

    def generator_loss(self, drawn: Array) -> Array:
        """Return - E[log s(D(G(z)))], given what D says of the drawn images (rows, 1)."""
        return jnp.mean(ops.binary_crossentropy_from_logits(drawn, jnp.ones_like(drawn)))

    def penalty(self, judge: Any, real: Array, drawn: Array, weights: Array, key: Array) -> Array:
        """Return what is added to the discriminator's loss; nothing here."""
        return jnp.zeros(())

    # The step

    def start(self, seed: int = 0) -> TrainingState:
        """Return the state before the first step."""
        players = {"generator": self.generator, "discriminator": self.discriminator}
        parameters = {name: player.variables.parameters for name, player in players.items()}
        kept = {name: player.variables.state for name, player in players.items()}
        optimizers = {
            "generator": as_optimizer(self.generator_optimizer).init(parameters["generator"]),
            "discriminator": as_optimizer(self.discriminator_optimizer).init(
                parameters["discriminator"]
            ),
        }
        return TrainingState.start(parameters, kept, optimizers, seed)

    def noise(self, key: Array, rows: int) -> Array:
        """Return z ~ N(0, 1), shape (rows, latent)."""
        return jax.random.normal(key, (rows, self.generator.graph.input_symbols[0].shape[1]))

    def draw(self, variables: Variables, z: Array, label: Array | None) -> Any:
        """Return drawn images, with the generator's new averages."""
        given = z if label is None else [z, label]
        return self.generator.apply(variables, given, training=True)

    def judge(self, parameters: Tree, image: Array, label: Array | None) -> Array:
        """Return what the discriminator says, shape (rows, 1)."""
        given = image if label is None else [image, label]
        kept = self.discriminator.variables.state
        return self.discriminator.apply(Variables(parameters, kept), given).outputs

    def step(self, state: TrainingState, batch: Batch) -> tuple[TrainingState, dict[str, Any]]:
        """Let the discriminator take its turns, then the generator.

        ``batch.x`` holds images in [-1, 1]; ``batch.y`` one-hot classes, or None.
        """
        rows = len(batch.x) // self.turns
        if rows * self.turns != len(batch.x):
            raise MismatchError(
                f"{type(self).__name__} expected a batch_size that is a multiple of "
                f"turns={self.turns}, got {len(batch.x)}."
            )
        *turn_keys, generator_key = jax.random.split(state.step_key(), self.turns + 1)
        real = jnp.ones(len(batch.x)) if batch.row_weights is None else batch.row_weights
        kept, optimizers = state.layer_state, state.optimizer_state
        g = Variables(state.parameters["generator"], kept["generator"])
        d, d_state = state.parameters["discriminator"], optimizers["discriminator"]

        d_losses = []
        for turn, key in enumerate(turn_keys):
            mine = slice(turn * rows, (turn + 1) * rows)
            label = None if batch.y is None else batch.y[mine]
            d, d_state, loss = self.take_turn(d, d_state, g, batch.x[mine], label, real[mine], key)
            d_losses.append(loss)

        z = self.noise(generator_key, rows)
        label = None if batch.y is None else batch.y[:rows]

        def g_loss(parameters: Tree) -> tuple[Array, Tree]:
            made = self.draw(Variables(parameters, g.state), z, label)
            return self.generator_loss(self.judge(d, made.outputs, label)), made.state

        (loss, averages), slope = jax.value_and_grad(g_loss, has_aux=True)(g.parameters)
        updates, g_state = as_optimizer(self.generator_optimizer).update(
            slope, optimizers["generator"], g.parameters
        )
        state = state.replace(
            parameters={"generator": apply_updates(g.parameters, updates), "discriminator": d},
            layer_state=kept | {"generator": averages},
            optimizer_state={"generator": g_state, "discriminator": d_state},
        )
        return state, {
            "discriminator_loss": mean_of(jnp.mean(jnp.stack(d_losses)), jnp.sum(real)),
            "generator_loss": mean_of(loss, jnp.sum(real)),
        }

    def take_turn(
        self,
        d: Tree,
        d_state: Tree,
        g: Variables,
        x: Array,
        label: Array | None,
        real: Array,
        key: Array,
    ) -> tuple[Tree, Tree, Array]:
        """Return the discriminator, its optimizer's state and its loss after one update."""
        noise_key, penalty_key = jax.random.split(key)
        drawn = self.draw(g, self.noise(noise_key, len(x)), label).outputs
        weights = real / jnp.maximum(jnp.sum(real), 1)

        def d_loss(d: Tree) -> Array:
            def judge(image: Array) -> Array:
                return self.judge(d, image, label)

            loss = self.discriminator_loss(judge(x), judge(drawn), weights)
            return loss + self.penalty(judge, x, drawn, weights, penalty_key)

        loss, slope = jax.value_and_grad(d_loss)(d)
        updates, d_state = as_optimizer(self.discriminator_optimizer).update(slope, d_state, d)
        return apply_updates(d, updates), d_state, loss

    def keep(self, state: TrainingState) -> None:
        """Put what was learned into the two networks."""
        for name in ("generator", "discriminator"):
            network = getattr(self, name)
            network.variables = Variables(state.parameters[name], state.layer_state[name])


@dataclass(frozen=True)
class WGAN(GAN):
    """The Wasserstein form with a penalty on the slope.

    Args:
        generator: from noise (and a class) to an image.
        discriminator: from an image (and a class) to one number; without batch normalization.
        generator_optimizer: makes the generator's updates.
        discriminator_optimizer: makes the discriminator's.
        turns: updates of the discriminator for each of the generator's.
        penalty_weight: c, 0 or more.
    """

    generator_optimizer: Any = field(default_factory=lambda: Adam(2e-4, beta_1=0.5, beta_2=0.9))
    discriminator_optimizer: Any = field(default_factory=lambda: Adam(2e-4, beta_1=0.5, beta_2=0.9))
    turns: int = 4
    penalty_weight: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("WGAN", "penalty_weight", self.penalty_weight, 0)

    def discriminator_loss(self, real: Array, drawn: Array, weights: Array) -> Array:
        """Return E[D(G(z))] - E[D(x)]."""
        return jnp.sum(weights * (drawn - real)[:, 0])

    def generator_loss(self, drawn: Array) -> Array:
        """Return - E[D(G(z))]."""
        return -jnp.mean(drawn)

    def penalty(self, judge: Any, real: Array, drawn: Array, weights: Array, key: Array) -> Array:
        """Return c E[(|grad D(u)| - 1)^2] at u = e x + (1 - e) G(z)."""
        e = jax.random.uniform(key, (len(real),) + (1,) * (real.ndim - 1))
        u = e * real + (1 - e) * drawn
        slope = jax.grad(lambda u: jnp.sum(judge(u)))(u)
        # The root of 0 has no slope; 1e-12 changes no length that matters.
        length = jnp.sqrt(jnp.sum(jnp.square(slope), axis=tuple(range(1, u.ndim))) + 1e-12)
        return self.penalty_weight * jnp.sum(weights * jnp.square(length - 1))
