"""The transformer's blocks against PyTorch, where PyTorch is installed: outputs and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call
from pellucid.layers import TransformerDecoder, TransformerEncoder, Variables

torch = pytest.importorskip("torch")

WIDTH, HIDDEN, HEADS = 6, 5, 2
PARTS = {
    "self_attention": "self_attn",
    "cross_attention": "multihead_attn",
    "feedforward_intermediate": "linear1",
    "feedforward_output": "linear2",
}
ENCODER_NORMS = ("self_attention_norm", "feedforward_norm")
DECODER_NORMS = ("self_attention_norm", "cross_attention_norm", "feedforward_norm")


def of_pytorch(parameters, norms):
    """Return our parameters by PyTorch's names: (out, in) matrices, Q, K and V in one."""
    state = {}
    for name, part in parameters.items():
        if name in norms:
            number = norms.index(name) + 1
            state[f"norm{number}.weight"], state[f"norm{number}.bias"] = part["gamma"], part["beta"]
        elif "kernel" in part:
            state[f"{PARTS[name]}.weight"] = part["kernel"].T
            state[f"{PARTS[name]}.bias"] = part["bias"]
        else:
            three = [part[which] for which in ("query", "key", "value")]
            state[f"{PARTS[name]}.in_proj_weight"] = jnp.concatenate([p["kernel"].T for p in three])
            state[f"{PARTS[name]}.in_proj_bias"] = jnp.concatenate([p["bias"] for p in three])
            state[f"{PARTS[name]}.out_proj.weight"] = part["attention_output"]["kernel"].T
            state[f"{PARTS[name]}.out_proj.bias"] = part["attention_output"]["bias"]
    return {name: torch.tensor(np.asarray(value)) for name, value in state.items()}


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
@pytest.mark.parametrize("normalize_first", [False, True])
def test_outputs_and_gradients(kind, normalize_first):
    rng = np.random.default_rng(0)
    x, z = (jnp.asarray(rng.standard_normal((2, n, WIDTH)), "float32") for n in (4, 3))
    padding = np.array([[0, 0, 0, 1], [0, 0, 1, 1]], bool)
    settings = {"activation": "relu", "normalize_first": normalize_first}
    kinds = {"encoder": TransformerEncoder, "decoder": TransformerDecoder}
    ours = kinds[kind](HIDDEN, HEADS, **settings)
    given = x if kind == "encoder" else [x, z]
    spec = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), given)
    parameters = jax.tree.map(
        lambda a: jnp.asarray(rng.standard_normal(a.shape), a.dtype),
        ours.make_variables(jax.random.key(0), spec).parameters,
    )
    mask = ~jnp.asarray(padding)

    def run(given):
        masks = mask if kind == "encoder" else [mask, None]
        return call(ours, given, Variables(parameters), mask=masks)[0]

    y, pullback = jax.vjp(run, given)
    real = np.asarray(mask)[..., None]
    dy = np.where(real, rng.standard_normal(y.shape), 0).astype(np.float32)
    gradients = jax.tree.leaves(pullback(jnp.asarray(dy)))

    make = {
        "encoder": torch.nn.TransformerEncoderLayer,
        "decoder": torch.nn.TransformerDecoderLayer,
    }
    twin = make[kind](WIDTH, HEADS, HIDDEN, 0.0, batch_first=True, norm_first=normalize_first)
    norms = ENCODER_NORMS if kind == "encoder" else DECODER_NORMS
    twin.load_state_dict(of_pytorch(parameters, norms))
    leaves = [torch.tensor(np.asarray(a), requires_grad=True) for a in jax.tree.leaves(given)]
    hidden = torch.tensor(padding)
    if kind == "encoder":
        theirs = twin(*leaves, src_key_padding_mask=hidden)
    else:
        ahead = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
        theirs = twin(*leaves, tgt_mask=ahead, tgt_key_padding_mask=hidden)
    theirs.backward(torch.tensor(dy))
    close = {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(np.where(real, y, 0), np.where(real, theirs.detach(), 0), **close)
    for mine, leaf in zip(gradients, leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad.numpy(), **close)
