"""The transformer's forms and GPT: sizes, shapes, generation with and without the cache."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.layers import Context, Conv1D, Dense, Input, RotaryEmbedding, TransformerDecoder
from pellucid.losses import SparseCategoricalCrossentropy
from pellucid.models import Model, StepByStep, load_model
from pellucid.models._saving import describe_graph
from pellucid.models._summary import summary_rows
from pellucid.zoo import seq2seq_attention
from pellucid.zoo.gpt import generate, gpt
from pellucid.zoo.transformer import decoder, encoder_classifier, encoder_decoder, translate

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def enlarged(model, factor=6.0):
    """Give the model larger numbers, so that its answers are not all nearly the same."""
    model.variables = jax.tree.map(lambda a: a * factor, model.variables)
    return model


@pytest.fixture(scope="module")
def small():
    return enlarged(gpt(11, context=8, width=8, blocks=2, heads=2))


@pytest.fixture(scope="module")
def both():
    return encoder_decoder(9, 8, 5, 6, width=8, hidden=12, blocks=1, heads=2, dropout=0.0)


# Sizes


def block(width, hidden, attentions=1, bias=1):
    """Parameters of a block, from the paper's formulas."""
    attention = 4 * (width * width + bias * width)
    feedforward = 2 * width * hidden + bias * (hidden + width)
    return attentions * attention + feedforward + (attentions + 1) * width * (1 + bias)


COUNTS = {
    "gpt, characters": (lambda: gpt(65), 804_096),
    "gpt-2 small": (lambda: gpt(50257, 1024, 768, 12, 12, use_bias=True), 124_439_808),
    "gpt-2 medium": (lambda: gpt(50257, 1024, 1024, 24, 16, use_bias=True), 354_823_168),
    "paper's blocks": (
        lambda: encoder_decoder(1, 1, 4, 4, 512, 2048, 6, 8),
        44_138_496 + 2 * 512 + 513,  # with two tables of one token and one score
    ),
    "encoder": (
        lambda: encoder_classifier(100, 2, 10, 16, 24, 3, 2),
        100 * 16 + 10 * 16 + 3 * block(16, 24) + 2 * 16 + 2,
    ),
    "additive attention": (
        lambda: seq2seq_attention.encoder_decoder(1000, 1000, 9, 8),
        # the sum that its file tells
        64_000 + 49_920 + 16_512 + 64_000 + 74_496 + 32_768 + 128 + 32_896 + 129_000,
    ),
    "decoder": (
        lambda: decoder(100, 10, 16, 24, 3, 2),
        100 * 16 + 3 * block(16, 24) + 2 * 16 + 16 * 100 + 100,
    ),
}


@pytest.mark.parametrize(("make", "count"), COUNTS.values(), ids=COUNTS)
def test_parameter_count(make, count):
    assert make().count_params() == count


def test_the_paper_s_blocks_one_by_one():
    """PyTorch's Transformer() has 44,140,544: a normalization after each stack of blocks more."""
    assert 6 * block(512, 2048) == 18_914_304
    assert 6 * block(512, 2048, attentions=2) == 25_224_192
    assert 18_914_304 + 25_224_192 == 44_138_496 == 44_140_544 - 4 * 512


def test_blocks_of_pytorch_have_as_many_parameters():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Transformer(32, 4, 2, 2, 64, batch_first=True)
    ours = encoder_decoder(1, 1, 4, 4, 32, 64, 2, 4)
    norms = 4 * 32  # one after each stack
    assert sum(p.numel() for p in theirs.parameters()) - norms == ours.count_params() - 2 * 32 - 33


def test_shapes_after_each_stage():
    shapes = {row["layer"]: row["output_shape"][0] for row in summary_rows(gpt(65))}
    assert shapes["tokens"] == shapes["positions"] == shapes["block_4"] == (None, 64, 128)
    assert shapes["tokens (again)"] == (None, 64, 65)
    model = encoder_decoder(9, 8, 5, 6, width=8, hidden=12, heads=2)
    shapes = {row["layer"]: row["output_shape"][0] for row in summary_rows(model)}
    assert shapes == {"encoder": (None, 5, 8), "decoder": (None, 6, 8)}
    classifier = encoder_classifier(9, 3, 5, 8, 12, heads=2)
    shapes = {row["layer"]: row["output_shape"][0] for row in summary_rows(classifier)}
    assert shapes["block_1"] == (None, 5, 8)
    assert shapes["global_average_pooling1d"] == (None, 8)
    assert shapes["scores"] == (None, 3)


# One step, saved and loaded

MODELS = {
    "gpt": lambda: (gpt(11, 8, 8, 1, 2, dropout=0.1), (8,), (8,)),
    "encoder": lambda: (encoder_classifier(11, 3, 5, 8, 12, heads=2), (5,), ()),
    "additive": lambda: (
        seq2seq_attention.encoder_decoder(9, 8, 5, 6, 4, 4, dropout=0.1),
        [(5,), (6,)],
        (6,),
    ),
    "both": lambda: (encoder_decoder(9, 8, 5, 6, 8, 12, 1, 2), [(5,), (6,)], (6,)),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_learns_saves_and_loads(make, tmp_path):
    model, shape, target = make()
    rng = np.random.default_rng(0)
    several = isinstance(shape, list)
    x = [rng.integers(1, 7, (4, *s)) for s in (shape if several else [shape])]
    y = rng.integers(0, 3, (4, *target))
    given = x if several else x[0]
    model.compile("adam", SparseCategoricalCrossentropy(from_logits=True), verbose=0)
    history = model.fit(given, y, epochs=8, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert describe_graph(again.graph) == describe_graph(model.graph)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# Step by step


def test_gpt_step_by_step_equals_the_whole(small):
    """Logits of every step, fed one by one, three at once, then one by one again."""
    tokens = jnp.asarray(np.random.default_rng(1).integers(0, 11, (2, 8)))
    whole = small(tokens)
    steps = StepByStep(small, capacity=8)
    kept, step = steps.start(small.variables, tokens[:, :1]), jax.jit(steps)
    made = []
    for first, last in ((0, 1), (1, 4), (4, 5), (5, 6), (6, 7), (7, 8)):
        z, kept = step(small.variables, tokens[:, first:last], kept)
        made.append(z)
    np.testing.assert_allclose(jnp.concatenate(made, axis=1), whole, **CLOSE)
    assert int(kept.position) == 8


def test_rotary_and_padding_step_by_step():
    """Waves, rotations and masks go on where the last step ended."""
    x = words = Input((6,), dtype="int32")
    from pellucid.layers import Embedding

    x = Embedding(7, 8, mask_zero=True)(x)
    x = TransformerDecoder(12, 2, rotary=RotaryEmbedding(50.0))(x)
    model = enlarged(Model(words, Dense(7)(x)), 3.0)
    tokens = jnp.array([[0, 0, 3, 1, 4, 2], [5, 6, 0, 1, 2, 3]])
    whole = model(tokens)
    steps = StepByStep(model, capacity=6)
    kept, step = steps.start(model.variables, tokens[:, :2]), jax.jit(steps)
    made = []
    for t in (0, 2, 4):
        z, kept = step(model.variables, tokens[:, t : t + 2], kept)
        made.append(z)
    np.testing.assert_allclose(jnp.concatenate(made, axis=1), whole, **CLOSE)


def greedy_without_cache(model, text, length, context):
    """The likeliest next token by a run over the whole text, again and again."""
    text = list(text)
    for _ in range(length):
        x = np.zeros((1, context), np.int32)
        x[0, : len(text)] = text
        text.append(int(model.predict(x)[0, len(text) - 1].argmax()))
    return text


def test_generate_equals_generation_without_cache(small):
    expected = greedy_without_cache(small, [1, 2, 3], 6, 8)
    np.testing.assert_array_equal(generate(small, [1, 2, 3], 6, temperature=0), expected)
    two = generate(small, [[1, 2, 3], [9, 9, 4]], 5, temperature=0)
    np.testing.assert_array_equal(two[0], expected[:8])
    assert two.shape == (2, 8)


def test_generate_goes_on_beyond_the_context(small):
    """When 8 steps are full, the newest 4 tokens are read again."""
    text = generate(small, [1, 2, 3], 9, temperature=0)
    assert len(text) == 12
    first = greedy_without_cache(small, [1, 2, 3], 6, 8)
    np.testing.assert_array_equal(text[:9], first)
    again = greedy_without_cache(small, first[-4:], 3, 8)
    np.testing.assert_array_equal(text[9:], again[4:])
    long = generate(small, list(range(11)), 2, temperature=0)
    assert long[:11].tolist() == list(range(11))


def test_draws_follow_seed_and_top_k(small):
    first, again, other = (generate(small, [1], 12, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    likeliest = generate(small, [1], 7, temperature=0)
    np.testing.assert_array_equal(generate(small, [1], 7, top_k=1, seed=5), likeliest)
    np.testing.assert_array_equal(generate(small, [1], 7, temperature=1e-4, seed=5), likeliest)


def test_draws_have_the_model_s_probabilities(small):
    """Of 4,000 draws the shares lie within five standard deviations of softmax(z / 2)."""
    draws = generate(small, np.full((4000, 1), 3), 1, temperature=2.0)[:, 1]
    x = np.zeros((1, 8), np.int32)
    x[0, 0] = 3
    shares = np.asarray(jax.nn.softmax(small.predict(x)[0, 0] / 2.0))
    found = np.bincount(draws, minlength=11) / 4000
    assert np.all(np.abs(found - shares) < 5 * np.sqrt(shares * (1 - shares) / 4000) + 1e-9)


@pytest.mark.parametrize("kind", ["transformer", "recurrent"])
def test_translate_equals_translation_without_cache(kind, both):
    recurrent = seq2seq_attention.encoder_decoder(9, 8, 5, 6, width=4, units=8)
    model = enlarged({"transformer": both, "recurrent": recurrent}[kind], 2.0)
    source = np.array([[3, 1, 8, 2, 0], [5, 5, 0, 0, 0], [1, 2, 3, 4, 5]])
    target = np.full((3, 7), 1)
    for t in range(6):
        scores = model.predict([source, target[:, :6]])
        target[:, t + 1] = scores[:, t].argmax(-1)
    end = int(target[0, 3])
    expected = np.where(np.cumsum(target[:, 1:] == end, axis=1) > 0, 0, target[:, 1:])
    found = translate(model, source, start=1, end=end)
    np.testing.assert_array_equal(found, expected)
    assert np.any(found)


@pytest.mark.parametrize("kind", ["transformer", "recurrent"])
def test_padding_of_the_source_changes_nothing(kind, both):
    if kind == "transformer":
        wide = encoder_decoder(9, 8, 9, 6, width=8, hidden=12, blocks=1, heads=2, dropout=0.0)
    else:
        both, wide = (
            seq2seq_attention.encoder_decoder(9, 8, steps, 6, width=4, units=8) for steps in (5, 9)
        )
    wide.variables = both.variables
    source, target = np.array([[3, 1, 8, 2, 0]]), np.array([[1, 4, 2, 0, 0, 0]])
    long = np.pad(source, ((0, 0), (0, 4)))
    np.testing.assert_allclose(
        both.predict([source, target])[:, :3], wide.predict([long, target])[:, :3], **CLOSE
    )


# Errors


def test_layers_that_mix_steps_cannot_be_run_step_by_step():
    x = Input((6, 3))
    with pytest.raises(ArgumentError, match="got 'conv1d', a Conv1D; run the whole sequence"):
        StepByStep(Model(x, Conv1D(2, 3, padding="causal")(x)), 6)


def test_reading_ahead_cannot_be_run_step_by_step():
    model = encoder_classifier(9, 2, 5, 8, 12, heads=2)
    x = Input((5, 8))
    block = Model(x, model.get_layer("block_1")(x))
    steps = StepByStep(block, 5)
    with pytest.raises(ArgumentError, match="if no step reads later ones; set use_causal_mask"):
        steps.start(block.variables, jnp.zeros((1, 1, 8)))


def test_capacity_beyond_the_positions(small):
    with pytest.raises(ArgumentError, match="knows 8 positions, got a capacity of 9 steps"):
        StepByStep(small, 9).start(small.variables, jnp.zeros((1, 1), "int32"))


@pytest.mark.parametrize(
    ("prompt", "settings", "error", "message"),
    [
        ([], {}, ShapeError, "with at least one token, got shape (0,)"),
        ([[[1]]], {}, ShapeError, "got shape (1, 1, 1)"),
        ([11], {}, DataError, "tokens, whole numbers from 0 to 10, got int64 from 11 to 11"),
        ([1.5], {}, DataError, "got float64 from 1.5 to 1.5"),
        ([1], {"temperature": -1}, ArgumentError, "temperature to be a number in [0, inf)"),
        ([1], {"top_k": 0}, ArgumentError, "top_k to be an integer of 1 or more"),
        ([1], {"length": 0}, ArgumentError, "length to be an integer of 1 or more"),
    ],
    ids=["empty", "rank", "beyond", "type", "temperature", "top_k", "length"],
)
def test_generate_refuses(small, prompt, settings, error, message):
    with pytest.raises(error, match=re.escape(message)):
        generate(small, prompt, **{"length": 3, **settings})


def test_generate_refuses_other_models():
    x = Input((4, 3))
    with pytest.raises(ShapeError, match="with the shapes \\(None, 4, 3\\), \\(None, 4, 2\\)"):
        generate(Model(x, Dense(2)(x)), [1], 3)


def test_translate_refuses_other_models(small):
    with pytest.raises(ArgumentError, match="the parts 'encoder' and 'decoder'"):
        translate(small, [[1, 2]], 1, 2)


def test_a_run_without_memory_is_as_ever(small):
    """StepByStep leaves nothing behind in the model."""
    context = Context()
    small.graph.apply(small.variables, jnp.zeros((1, 8), "int32"), context)
    assert context.memory is None
