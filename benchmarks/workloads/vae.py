"""A convolutional variational auto-encoder on 28x28x1: two convolutions down, two up, a code of 2.

The loss is the binary cross-entropy, a mean over the pixels, plus 1/784 of the divergence of the
codes from N(0, 1). A PyTorch network gives the logits and that second term.
"""

from math import log

import numpy as np

from workloads._workload import Workload, clouds

LATENT, BETA = 2, 1 / 784
WORKLOADS = (
    Workload(
        "vae",
        file="vae",
        what="convolutional VAE on 28x28x1, code of 2",
        batch_size=128,
        rows=5_120,
        objective="pixels",
        images=True,
        guess=log(2),
        tolerance=0.15,
    ),
)


def data(workload):
    """Return images of black and white, ten kinds, a tenth of the pixels wrong."""
    x, _ = clouds(workload.rows, (28, 28, 1), patch=4, share=0.8)
    x = (x > 0.5).astype(np.float32)
    return x, x


def pellucid():
    from pellucid import Input, Model
    from pellucid.layers import Conv2D, Conv2DTranspose, Dense, Flatten, GaussianSampling, Reshape

    image = Input((28, 28, 1))
    x = Conv2D(32, 3, 2, "same", activation="relu")(image)
    x = Conv2D(64, 3, 2, "same", activation="relu")(x)
    x = Dense(16, activation="relu")(Flatten()(x))
    z = GaussianSampling(BETA)([Dense(LATENT)(x), Dense(LATENT)(x)])
    x = Reshape((7, 7, 64))(Dense(7 * 7 * 64, activation="relu")(z))
    x = Conv2DTranspose(64, 3, 2, "same", activation="relu")(x)
    x = Conv2DTranspose(32, 3, 2, "same", activation="relu")(x)
    return Model(image, Conv2DTranspose(1, 3, 1, "same")(x))


def keras(keras):
    layers, ops = keras.layers, keras.ops

    class GaussianSampling(layers.Layer):
        def __init__(self):
            super().__init__()
            self.seed_generator = keras.random.SeedGenerator(0)

        def call(self, inputs):
            m, v = inputs
            kl = 0.5 * ops.sum(ops.square(m) + ops.exp(v) - 1 - v, axis=1)
            self.add_loss(BETA * ops.mean(kl))
            e = keras.random.normal(ops.shape(m), seed=self.seed_generator)
            return m + ops.exp(v / 2) * e

    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(32, 3, 2, "same", activation="relu")(image)
    x = layers.Conv2D(64, 3, 2, "same", activation="relu")(x)
    x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    z = GaussianSampling()([layers.Dense(LATENT)(x), layers.Dense(LATENT)(x)])
    x = layers.Reshape((7, 7, 64))(layers.Dense(7 * 7 * 64, activation="relu")(z))
    x = layers.Conv2DTranspose(64, 3, 2, "same", activation="relu")(x)
    x = layers.Conv2DTranspose(32, 3, 2, "same", activation="relu")(x)
    return keras.Model(image, layers.Conv2DTranspose(1, 3, 1, "same")(x))


def torch(torch):
    nn = torch.nn

    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(
                nn.Conv2d(1, 32, 3, 2, padding=1),
                nn.ReLU(),
                nn.Conv2d(32, 64, 3, 2, padding=1),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(7 * 7 * 64, 16),
                nn.ReLU(),
            )
            self.mean = nn.Linear(16, LATENT)
            self.log_variance = nn.Linear(16, LATENT)
            self.decoder = nn.Sequential(
                nn.Linear(LATENT, 7 * 7 * 64),
                nn.ReLU(),
                nn.Unflatten(1, (64, 7, 7)),
                nn.ConvTranspose2d(64, 64, 3, 2, padding=1, output_padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(64, 32, 3, 2, padding=1, output_padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(32, 1, 3, 1, padding=1),
            )
            for part in self.modules():  # as Keras and Pellucid start; its own start learns later
                if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                    nn.init.xavier_uniform_(part.weight)
                    nn.init.zeros_(part.bias)

        def forward(self, image):
            h = self.encoder(image)
            m, v = self.mean(h), self.log_variance(h)
            z = m + torch.exp(v / 2) * torch.randn_like(m)
            kl = 0.5 * (m**2 + v.exp() - 1 - v).sum(1)
            return self.decoder(z), BETA * kl.mean()

    return Autoencoder()
