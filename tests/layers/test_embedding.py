"""Embedding: rows of the table, types of word numbers, masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from layers.calls import call, spec
from pellucid.errors import ArgumentError, DataError, DTypeError
from pellucid.layers import Embedding, Input

TABLE = {"embeddings": np.arange(12.0, dtype="float32").reshape(4, 3)}


@pytest.mark.parametrize(
    "dtype", ["int32", "int8", "uint8", "int16", "uint16", "uint32", "float32"]
)
def test_words_of_any_type_look_up_rows(dtype):
    y, _ = call(Embedding(4, 3), np.array([[0, 3], [3, 1]], dtype), TABLE)
    np.testing.assert_array_equal(y, TABLE["embeddings"][[[0, 3], [3, 1]]])


def test_words_may_have_any_rank():
    assert Embedding(4, 3)(Input((5, 2), dtype="int32")).shape == (None, 5, 2, 3)
    y, _ = call(Embedding(4, 3), np.array([1, 2]), TABLE)
    assert y.shape == (2, 3)


def test_default_input_is_floating_and_welcome():
    symbol = Embedding(10, 16)(Input((256,)))
    assert symbol.shape == (None, 256, 16)
    assert symbol.dtype == "float32"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "bool"])
def test_types_that_round_word_numbers_are_refused(dtype):
    with pytest.raises(DTypeError, match=f"word numbers of an integer type, got {dtype}.*int32"):
        call(Embedding(4, 3), jnp.zeros((2, 5), dtype))


def test_every_use_of_a_word_adds_to_its_gradient():
    words = jnp.array([[1, 1, 0]])

    def loss(table):
        return jnp.sum(call(Embedding(4, 3), words, {"embeddings": table})[0])

    gradient = jax.grad(loss)(jnp.asarray(TABLE["embeddings"]))
    np.testing.assert_array_equal(gradient, [[1] * 3, [2] * 3, [0] * 3, [0] * 3])


def test_mask_zero_marks_padding():
    words = np.array([[2, 1, 0], [3, 0, 0]])
    _, context = call(Embedding(4, 3, mask_zero=True), words, TABLE)
    np.testing.assert_array_equal(context.output_mask, [[True, True, False], [True, False, False]])
    _, context = call(Embedding(4, 3), words, TABLE)
    assert context.output_mask is None


def test_table_starts_small():
    table = Embedding(1000, 16).make_variables(jax.random.key(0), spec(1, 5, dtype="int32"))[
        "embeddings"
    ]
    assert table.shape == (1000, 16)
    assert table.dtype == "float32"
    assert 0.049 < float(jnp.max(jnp.abs(table))) <= 0.05


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Embedding(0, 3), "Embedding expected input_dim to be an integer of 1 or more"),
        (lambda: Embedding(4, 2.5), "Embedding expected output_dim to be an integer of 1 or more"),
    ],
)
def test_settings_outside_their_domain_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    "words", [[[0, 3]], [[0.0, 3.0]], np.zeros((0, 5)), np.array([[3]], "uint8")]
)
def test_good_words_pass_the_check_of_the_data(words):
    Embedding(4, 3).check_data(np.asarray(words))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([[0, 4]], r"from 0 to 3, got numbers from 0 to 4; type Embedding\(5, 3\), or limit"),
        ([[-1, 2]], "from 0 to 3, got numbers from -1 to 2; shift them so that they start at 0"),
        ([[0.5, 2.0]], "whole word numbers, got 0.5; numbers that measure"),
        ([[np.nan, 2.0]], "whole word numbers, got nan"),
        ([[np.inf, 2.0]], "whole word numbers, got inf"),
    ],
)
def test_bad_words_are_found_before_a_fit(words, message):
    with pytest.raises(DataError, match=message):
        Embedding(4, 3).check_data(np.asarray(words))
