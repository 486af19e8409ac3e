"""An encoder and a decoder of gated recurrent units, with additive attention between them.

The encoder reads the source in both directions; h_j is what it knows around token j. The decoder
writes one token after another. Its state s_t asks, with a small network, which h_j bear on the next
token, and reads their mean in the shares of the answers::

    h_j   = [GRU forward, GRU backward](x_j)
    s_0   = tanh(W_0 [last state forward, last state backward] + b_0)
    s_t   = GRU(y_(t-1), s_(t-1))
    e_tj  = v . tanh(W s_t + U h_j)           scores
    a_tj  = e^(e_tj) / sum_l e^(e_tl)         weights: what is read for token t
    c_t   = sum_j a_tj h_j                    context
    z_t   = tanh(W_c [c_t, s_t] + b_c) W_z + b_z        scores of token t

The scores are Bahdanau's; as in Luong's network the decoder's new state asks, and the context goes
into the answer (Bahdanau's old state asks, and the context goes into the new one). Token 0 is
padding: it is read by nothing and counts in no loss.

Papers: D. Bahdanau, K. Cho, Y. Bengio, Neural machine translation by jointly learning to align and
translate (2015), section A.1.2; M.-T. Luong, H. Pham, C. Manning, Effective approaches to
attention-based neural machine translation (2015), equations 5 to 7.

``encoder_decoder(1000, 1000, S, T)`` with vectors of 64 numbers and 128 units has 463,720
parameters::

    source tokens                 (S,)
    vectors                       (S, 64)       1000 * 64 = 64,000
    h, both directions            (S, 128)      2 * 3 * (64 * 64 + 64^2 + 2 * 64) = 49,920
    s_0                           (128,)        128^2 + 128 = 16,512
    target tokens so far          (T,)
    vectors                       (T, 64)       64,000
    s                             (T, 128)      3 * (64 * 128 + 128^2 + 2 * 128) = 74,496
    W s and U h                   (T, 128), (S, 128)    2 * 128^2 = 32,768
    context                       (T, 128)      v: 128
    tanh                          (T, 128)      2 * 128^2 + 128 = 32,896
    scores                        (T, 1000)     128 * 1000 + 1000 = 129,000

``translate`` (that of ``pellucid.zoo.transformer``) runs the encoder once and the decoder step by
step.
"""

from pellucid._checks import check_divisible
from pellucid.layers import (
    GRU,
    AdditiveAttention,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Input,
)
from pellucid.models import Graph, Model
from pellucid.zoo.transformer import translate

__all__ = ["encoder_decoder", "translate"]


def encoder_decoder(
    source_vocabulary: int,
    target_vocabulary: int,
    source_steps: int,
    target_steps: int,
    width: int = 64,
    units: int = 128,
    dropout: float = 0.0,
    seed: int = 0,
) -> Model:
    """Return the network: [source tokens, target tokens so far] to scores of the next token.

    Args:
        source_vocabulary: how many tokens the source has, padding (0) included.
        target_vocabulary: how many tokens the target has, padding (0) included.
        source_steps: tokens of a source, padded.
        target_steps: tokens of a target, padded.
        width: length of the vector of a token.
        units: of the decoder, and of both directions of the encoder together; even.
        dropout: fraction of the vectors and of the last hidden layer that is dropped while it
            learns, in [0, 1).
        seed: makes the initial weights.

    Raises:
        ArgumentError: if the units are odd.
    """
    check_divisible("encoder_decoder", "units", units, "directions", 2)
    source = Input((source_steps,), dtype="int32", name="source")
    target = Input((target_steps,), dtype="int32", name="target")

    x = Dropout(dropout)(Embedding(source_vocabulary, width, mask_zero=True)(source))
    reader = Bidirectional(GRU(units // 2, return_sequences=True, return_state=True))
    h, forward, backward = reader(x)
    start = Dense(units, "tanh", name="start")(Concatenate()([forward, backward]))
    encoder = Graph(source, [h, start], name="encoder")

    h_given, start_given = Input((source_steps, units), name="h"), Input((units,), name="start")
    y = Dropout(dropout)(Embedding(target_vocabulary, width, mask_zero=True)(target))
    s = GRU(units, return_sequences=True, name="states")(y, start_given)
    query = Dense(units, use_bias=False, name="query")(s)
    key = Dense(units, use_bias=False, name="key")(h_given)
    context = AdditiveAttention(name="attention")([query, h_given, key])
    answer = Dense(units, "tanh", name="answer")(Concatenate()([context, s]))
    scores = Dense(target_vocabulary, name="scores")(Dropout(dropout)(answer))
    decoder = Graph([target, h_given, start_given], scores, name="decoder")

    # As parts of one network they read symbols of its own.
    given = [Input(symbol.shape[1:], "int32", symbol.name) for symbol in (source, target)]
    z = decoder([given[1], *encoder(given[0])])
    return Model(given, z, name="seq2seq_attention", seed=seed)
