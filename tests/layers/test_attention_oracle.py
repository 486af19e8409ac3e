"""Attention layers against Keras, where Keras is installed: outputs, weights and gradients."""

import os
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call
from pellucid import layers

os.environ.setdefault("KERAS_BACKEND", "jax")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras")

FORWARD = {"rtol": 1e-4, "atol": 1e-5}
BACKWARD = {"rtol": 1e-3, "atol": 1e-4}

# kind, settings, settings of Keras's call
ROWS = [
    ("Attention", {}, {}),
    ("Attention", {"use_scale": True, "score_mode": "concat"}, {}),
    ("Attention", {"use_scale": True}, {"use_causal_mask": True}),
    ("AdditiveAttention", {}, {"use_causal_mask": True}),
    ("AdditiveAttention", {"use_scale": False}, {}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, {"use_causal_mask": True}),
    (
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 3, "value_dim": 5, "output_shape": 7, "use_bias": False},
        {},
    ),
]


def of_keras(name, shape, heads):
    """Return one of our projections in Keras's shape, the heads on an axis of their own."""
    if name.startswith("attention_output/kernel"):
        return (heads, shape[0] // heads, *shape[1:])
    if name.startswith("attention_output"):
        return shape
    return (*shape[:-1], heads, shape[-1] // heads)


@pytest.mark.parametrize(
    ("kind", "settings", "in_call"),
    [pytest.param(*row, id=f"{row[0]}-{i}") for i, row in enumerate(ROWS)],
)
@pytest.mark.parametrize("masked", [False, True])
def test_outputs_weights_and_gradients(kind, settings, in_call, masked):
    rng = np.random.default_rng(0)
    x, z = (jnp.asarray(rng.standard_normal((2, n, 4)), "float32") for n in (3, 5))
    mask = jnp.array([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]], bool) if masked else None
    ours = getattr(layers, kind)(**settings, **in_call, return_attention_scores=True)
    specs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (x, z)]
    variables = ours.make_variables(jax.random.key(0), specs)
    parameters = jax.tree.map(
        lambda a: jnp.asarray(rng.standard_normal(a.shape), a.dtype), variables.parameters
    )

    twin = getattr(keras.layers, kind)(**settings)
    heads = kind == "MultiHeadAttention"
    (twin.build(x.shape, z.shape) if heads else twin.build([x.shape, z.shape]))

    def names(parameters):
        if not heads:
            return [parameters[v.name] for v in twin.trainable_variables]
        pairs = [v.path.split("/")[-2:] for v in twin.trainable_variables]
        return [
            parameters[part][name].reshape(
                of_keras(f"{part}/{name}", parameters[part][name].shape, settings["num_heads"])
            )
            for part, name in pairs
        ]

    def run_ours(parameters, x, z):
        masks = None if mask is None else [None, mask]
        return call(ours, [x, z], layers.Variables(parameters), mask=masks)[0]

    def run_twin(parameters, x, z):
        given = {**in_call, "return_attention_scores": True}
        if heads:
            arguments, given = (x, z), {**given, "value_mask": mask}
        else:
            arguments, given = ([x, z],), {**given, "mask": [None, mask]}
        fixed = [v.value for v in twin.non_trainable_variables]
        return twin.stateless_call(names(parameters), fixed, *arguments, **given)[0]

    (y, a), (y_twin, a_twin) = run_ours(parameters, x, z), run_twin(parameters, x, z)
    np.testing.assert_allclose(y, y_twin, **FORWARD)
    np.testing.assert_allclose(a, a_twin, **FORWARD)

    weights = jnp.asarray(rng.standard_normal(y.shape), "float32")
    gradients = [
        jax.grad(lambda *v, run=run: jnp.sum(weights * run(*v)[0]), (0, 1, 2))(parameters, x, z)
        for run in (run_ours, run_twin)
    ]
    for mine, theirs in zip(*map(jax.tree.leaves, gradients), strict=True):
        np.testing.assert_allclose(mine, theirs, **BACKWARD)
