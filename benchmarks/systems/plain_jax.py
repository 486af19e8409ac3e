"""The same training step written by hand in plain JAX, an epoch in one compiled program."""

import jax
import jax.numpy as jnp
import numpy as np

from systems import Trainer


def prepare(workload):
    x, y = map(jax.device_put, workload.data())
    size, steps = workload.batch_size, workload.steps

    def start(key, shape):
        limit = (6 / sum(shape)) ** 0.5
        return jax.random.uniform(key, shape, minval=-limit, maxval=limit)

    keys = jax.random.split(jax.random.key(0))
    params = {
        "w1": start(keys[0], (784, 128)),
        "b1": jnp.zeros(128),
        "w2": start(keys[1], (128, 10)),
        "b2": jnp.zeros(10),
    }
    zeros = jax.tree.map(jnp.zeros_like, params)

    def loss_of(p, x, y, real):
        h = jax.nn.relu(x @ p["w1"] + p["b1"])
        z = h @ p["w2"] + p["b2"]
        values = jax.nn.logsumexp(z, -1) - jnp.take_along_axis(z, y[:, None], -1)[:, 0]
        return jnp.sum(values * real) / jnp.sum(real), jnp.sum((z.argmax(-1) == y) * real)

    def step(carry, rows):
        (p, m, v, t), (total, right) = carry
        real = (rows >= 0).astype(jnp.float32)
        rows = jnp.maximum(rows, 0)
        value = jax.value_and_grad(loss_of, has_aux=True)
        (loss, hits), g = value(p, x[rows], y[rows], real)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c1, c2 = 1 - 0.9**t, 1 - 0.999**t
        rate = workload.learning_rate
        p = jax.tree.map(lambda p, m, v: p - rate * (m / c1) / (jnp.sqrt(v / c2) + 1e-7), p, m, v)
        return ((p, m, v, t), (total + loss * jnp.sum(real), right + hits)), None

    @jax.jit
    def epoch(state, order):
        return jax.lax.scan(step, (state, (0.0, 0.0)), order)[0]

    state = (params, zeros, zeros, jnp.float32(0))
    rng = np.random.default_rng(0)

    def run(epochs):
        nonlocal state
        for _ in range(epochs):
            rows = rng.permutation(workload.rows).astype(np.int32)
            order = np.full(steps * size, -1, np.int32)
            order[: workload.rows] = rows
            state, (total, _) = epoch(state, order.reshape(steps, size))
        return float(total) / workload.rows

    return Trainer(run, sum(array.size for array in params.values()))
