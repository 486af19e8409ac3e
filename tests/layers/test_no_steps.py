"""Sequences of no step at all: every layer that reads steps says so."""

import numpy as np
import pytest

from pellucid.errors import ShapeError
from pellucid.layers import (
    GRU,
    LSTM,
    AdditiveAttention,
    Attention,
    Bidirectional,
    Dense,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    MultiHeadAttention,
    SimpleRNN,
    TimeDistributed,
    TransformerDecoder,
    TransformerEncoder,
)
from pellucid.models import Model

TWICE = (MultiHeadAttention, Attention, AdditiveAttention)


@pytest.mark.parametrize(
    "layer",
    [
        SimpleRNN(3),
        LSTM(3),
        GRU(3),
        Bidirectional(LSTM(3)),
        TimeDistributed(Dense(3)),
        MultiHeadAttention(2, 3),
        Attention(),
        AdditiveAttention(),
        TransformerEncoder(8, 2),
        TransformerDecoder(8, 2),
        GlobalAveragePooling1D(),
        GlobalMaxPooling1D(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_no_step_is_too_few(layer):
    x = Input((None, 4))
    model = Model(x, layer([x, x]) if isinstance(layer, TWICE) else layer(x))
    with pytest.raises(
        ShapeError,
        match=r"In layer .* expected sequences of 1 step or more, got shape \(2, 0, 4\); leave em",
    ):
        model.predict(np.zeros((2, 0, 4), "float32"), verbose=0)
