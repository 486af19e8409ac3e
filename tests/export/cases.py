"""Networks for the exports beside the one table of all layers: settings, masks, open sizes."""

import math
from functools import cache

import jax
import numpy as np

from pellucid import Model, Sequential, activations, layers
from pellucid.export import _onnx
from pellucid.layers import (
    GRU,
    LSTM,
    Add,
    AdditiveAttention,
    Attention,
    AveragePooling2D,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GroupNormalization,
    Input,
    Masking,
    MaxPooling2D,
    MultiHeadAttention,
    Permute,
    PositionalEncoding,
    PReLU,
    ReLU,
    Rescaling,
    Reshape,
    ReversibleEmbedding,
    RotaryEmbedding,
    SeparableConv2D,
    SimpleRNN,
    Softmax,
    SpectralNormalization,
    TimeDistributed,
    TransformerDecoder,
    TransformerEncoder,
    UpSampling2D,
    ZeroPadding2D,
)


def filled(model, seed=0):
    """Give a model numbers without compiling its start: the kernels keep sizes."""
    rng = np.random.default_rng(seed)

    def draw(spec):
        if len(spec.shape) > 1:
            kernel = rng.standard_normal(spec.shape, np.float32)
            return kernel / np.float32(math.sqrt(math.prod(spec.shape[:-1])))
        return rng.uniform(0.5, 1.0, spec.shape).astype(np.float32)

    model.variables = jax.tree.map(draw, model.shapes)
    return model


@cache
def measured(name, seed=1):
    """Return a network of the table with numbers, inputs, and what it makes of them."""
    model = filled(NETWORKS[name]())
    inputs = _onnx.random_inputs(model, 4, seed)
    return model, inputs, _onnx.evaluate(model, inputs)


def chain(shape, *parts, dtype="float32"):
    return lambda: Sequential([Input(shape, dtype), *parts])


def words(*parts, steps=6):
    """Return a network that reads words, of which 0 is padding that may stand anywhere."""
    return chain((steps,), Embedding(4, 3, mask_zero=True), *parts, dtype="int32")


def with_states():
    x, h, c = Input((4, 3)), Input((2,)), Input((2,))
    y, *finals = LSTM(2, return_sequences=True, return_state=True)(x, [h, c])
    y, end = GRU(2, go_backwards=True, return_state=True)(y, finals[0])
    return Model([x, h, c], [y, end, *finals])


def masked_states():
    x, h = Input((5,), "int32"), Input((2,))
    e = Embedding(3, 4, mask_zero=True)(x)
    ends = Bidirectional(LSTM(2, return_sequences=True, return_state=True), merge_mode=None)(e)
    y = SimpleRNN(2, return_sequences=True, go_backwards=True)(e, h)
    return Model([x, h], [*ends, GlobalAveragePooling1D()(y), GRU(2)(y)])


def shared():
    x, z = Input((4,)), Input((4,))
    dense = Dense(4, "tanh", name="twice")
    return Model({"a": x, "b": z}, {"sum": Add()([dense(x), dense(z)]), "deep": dense(dense(x))})


def nested():
    inner = Sequential([Input((6, 6, 2)), Conv2D(3, 3, name="conv"), ReLU()], name="inner")
    x, z = Input((6, 6, 2)), Input((6, 6, 2))
    y = Concatenate()([inner(x), inner(z)])
    return Model([x, z], Dense(2)(Flatten()(y)))


def residual():
    x = Input((8, 8, 3))
    a = BatchNormalization()(Conv2D(4, 3, padding="same", use_bias=False)(x))
    b = PReLU(shared_axes=(1, 2))(Conv2D(4, 1, activation="silu")(a))
    y = MaxPooling2D()(ReLU()(Add()([a, b])))
    y = Concatenate()([y, AveragePooling2D(2, 1, "same")(y)])
    y = Softmax()(GroupNormalization(2)(UpSampling2D()(y)))
    return Model(x, [GlobalAveragePooling2D()(y), y])


def masked_merging():
    x, z = Input((5,), "int32"), Input((5,), "int32")
    table = Embedding(3, 4, mask_zero=True)
    a, b = table(x), table(z)
    every = [Add()([a, b]), Concatenate(axis=1)([a, b]), Concatenate()([a, b, Dense(2)(a)])]
    return Model([x, z], [pool()(y) for y in every for pool in (GlobalMaxPooling1D, LSTM3)])


def LSTM3():  # noqa: N802  (stands in for a layer's class)
    return LSTM(3)


def masked_attention():
    x, z = Input((5,), "int32"), Input((4,), "int32")
    a, b = Embedding(3, 4, mask_zero=True)(x), Embedding(3, 4, mask_zero=True)(z)
    y, shares = MultiHeadAttention(2, 3, return_attention_scores=True)([a, b])
    more = [
        MultiHeadAttention(2, 4, use_causal_mask=True, rotary=RotaryEmbedding(10.0))([a, a]),
        Attention(use_causal_mask=True)([a, a]),
        AdditiveAttention(use_scale=False)([a, b]),
        TransformerEncoder(5, 2, normalize_first=True)(a),
        TransformerDecoder(5, 2, rotary=RotaryEmbedding(10.0))([a, b]),
    ]
    return Model([x, z], [y, shares, *more])


def given_mask():
    x, z, mask = Input((3, 4)), Input((5, 4)), Input((3, 5), "bool")
    return Model([x, z, mask], MultiHeadAttention(2, 3)([x, z, z, mask]))


def open_steps():
    """Sequences of any length through whatever reads the number of a step."""
    x = Input((None,), "int32")
    table = ReversibleEmbedding(5, 4)
    y = PositionalEncoding()(table(x))
    y = TransformerDecoder(6, 2, rotary=RotaryEmbedding())(y)
    y = TimeDistributed(Dense(4, "tanh"))(GRU(4, return_sequences=True)(y))
    return Model(x, [table(y), Permute((2, 1))(y), GlobalMaxPooling1D()(y)])


def open_images():
    x = Input((None, None, 3), "uint8")
    y = Conv2D(4, 3, 2, "same", activation="relu6")(Rescaling(1 / 255)(x))
    y = GroupNormalization(2)(MaxPooling2D(3, 2, "same")(y))
    up = Conv2DTranspose(2, 3, 2, "same", output_padding=1)(UpSampling2D()(y))
    return Model(x, [GlobalAveragePooling2D()(y), up, Reshape((-1, 2))(up)])


def convolutions():
    x = Input((9, 8, 4), "uint8")
    y = Conv2D(4, (3, 2), (2, 1), "same", groups=2, activation="elu")(Rescaling(1 / 99, 0.5)(x))
    y = SeparableConv2D(3, 2, dilation_rate=(1, 2), depth_multiplier=2)(y)
    y = DepthwiseConv2D(2, padding=((1, 0), (0, 1)), activation="tanh")(ZeroPadding2D((1, 0))(y))
    y = AveragePooling2D(3, 2, "same")(MaxPooling2D(2, 1)(Cropping2D(((0, 1), (0, 0)))(y)))
    return Model(x, [y, GlobalMaxPooling2D(keepdims=True)(UpSampling2D((1, 2))(y))])


def frames():
    x = Input((None, 6, 6, 2))
    y = TimeDistributed(Conv2D(3, 3, activation="relu"))(x)
    return Model(x, LSTM(2)(TimeDistributed(Flatten())(y)))


NETWORKS = {
    **{
        f"activation {name}": chain((3, 4), Dense(5, name), layers.Activation(name))
        for name in activations.REGISTRY.entries
    },
    **{
        f"{layer.__name__} of {name}": chain(
            (4, 3), layer(2, name, return_sequences=True, **({} if layer is SimpleRNN else gates))
        )
        for layer in (SimpleRNN, LSTM, GRU)
        for name, gates in (
            ("linear", {"recurrent_activation": "hard_sigmoid"}),
            ("relu", {"recurrent_activation": "linear"}),
            ("hard_sigmoid", {"use_bias": False}),
        )
    },
    "masked SimpleRNN": words(SimpleRNN(3)),
    "masked LSTM": words(LSTM(3, return_sequences=True), LSTM(2)),
    "masked GRU": words(
        GRU(3, return_sequences=True, go_backwards=True), GRU(2, reset_after=False)
    ),
    "masked Bidirectional": words(Bidirectional(GRU(2, return_sequences=True), merge_mode="mul")),
    "masked pooling": words(Dense(3), GlobalAveragePooling1D(keepdims=True)),
    "masked TimeDistributed": words(TimeDistributed(Dense(3)), GlobalMaxPooling1D()),
    "Masking": chain((6, 1), ReLU(), Masking(), LSTM(2)),
    "Normalization": chain((3, 2), layers.Normalization((1.0, 2.0), (4.0, 0.0)), Dense(2)),
    "Normalization of bytes": chain((3,), layers.Normalization(9.0, 25.0), dtype="uint8"),
    "WordDropout": chain((3,), layers.WordDropout(0.5), Embedding(5, 2), dtype="int32"),
    "Embedding of floats": chain((3,), Embedding(5, 2)),
    "states": with_states,
    "masked states": masked_states,
    "shared layers": shared,
    "network in a network": nested,
    "residual block": residual,
    "masked merging": masked_merging,
    "masked attention": masked_attention,
    "attention with a mask of its own": given_mask,
    "sequences of any length": open_steps,
    "images of any size": open_images,
    "films of any length": frames,
    "convolutions": convolutions,
    "kernel of unit norm": chain((5, 2), SpectralNormalization(Conv1D(3, 2, activation="elu"))),
    "capped leaky rectifier": chain((4, 4, 2), Conv2D(2, 2), ReLU(1.0, 0.3), Permute((3, 1, 2))),
}
