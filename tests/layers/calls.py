"""Short ways to start and call one layer in a test."""

import jax
import jax.numpy as jnp

from pellucid.layers import Context, Variables


def spec(*shape, dtype="float32"):
    return jax.ShapeDtypeStruct(shape, dtype)


def call(layer, x, variables=None, *, training=False, seed=0, mask=None, row_weights=None):
    """Start the layer unless it is given variables; return output and context."""
    if not isinstance(x, (list, tuple)):
        x = jnp.asarray(x)
    if variables is None:
        specs = jax.tree.map(lambda a: spec(*a.shape, dtype=a.dtype), x)
        variables = layer.make_variables(jax.random.key(seed), specs)
    elif isinstance(variables, dict):
        variables = Variables({name: jnp.asarray(value) for name, value in variables.items()})
    context = Context(training, jax.random.key(seed), row_weights, path=("layer",))
    context.mask = mask
    return layer.run_checked(variables, x, context), context
