"""The recipes of the perceptron (on iris) and of radial basis functions (on made digits)."""

import numpy as np
import pytest

from made_digits import made_digits
from pellucid import recipes
from pellucid.errors import ArgumentError, DataError
from pellucid.recipes.perceptron import sides


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return recipes.train(recipes.make("perceptron"), folder, verbose=0)


def test_the_perceptron_tells_setosa_from_versicolor(run):
    assert run.metrics["train"]["accuracy"] == 1.0
    assert run.metrics["test"]["accuracy"] >= 0.9
    assert 0 < run.metrics["corrections"] < 50
    assert run.log[-1]["error_rate"] == 0
    assert (run.folder / "lines.png").exists()


def test_the_last_line_is_the_model_s(run):
    """The training that draws the lines is the training that was."""
    lines = run.recipe.lines(run.recipe.data())
    w, b = lines[-1]
    unit = run.model.variables.parameters["unit"]
    np.testing.assert_array_equal(unit["kernel"][:, 0], w)
    assert float(unit["bias"][0]) == b
    assert run.metrics["corrections"] == len(lines)


def test_own_flowers(run):
    answers = run.predict([run.recipe.example(source) for source in ("5.0, 1.4", "6.0,4.5")])
    assert [answer.label for answer in answers] == ["setosa", "versicolor"]
    assert answers[0].probabilities == {"setosa": 1.0, "versicolor": 0.0}
    sample = run.recipe.sample(run.recipe.data(), 3)
    assert sample.truth in ("setosa", "versicolor")
    assert run.predict([sample])[0].is_right is not None


def test_measures_are_told_from_the_middle():
    recipe = recipes.make("perceptron", measures="petal width")
    np.testing.assert_allclose(recipe.example("1.5").x, 1.5 - recipe.middle(), rtol=1e-6)
    assert recipe.data().train.x.shape == (80, 1)
    assert abs(float(recipe.middle()[0]) - 1.2) < 0.15  # centimeters, over three species


def test_more_than_two_measures_have_no_picture(tmp_path):
    settings = {"species": "versicolor,virginica", "epochs": 2}
    measures = "sepal length, sepal width, petal length, petal width"
    recipe = recipes.make("perceptron", measures=measures, **settings)
    run = recipes.train(recipe, tmp_path, verbose=0)
    assert not (run.folder / "lines.png").exists()
    data = recipe.data()
    found = sides(run.model, data.test.x)
    assert run.metrics["test"]["accuracy"] == np.mean(found == data.test.y)


@pytest.mark.parametrize("source", ["", "5.0", "5,a", "5,nan", "1,2,3"])
def test_flowers_that_are_none(source):
    with pytest.raises(DataError, match='sepal length, petal length in centimeters, .* "5.0,5.0"'):
        recipes.make("perceptron").example(source)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("perceptron", {"rate": 0.0}, r"rate to be a number in \(0, inf\)"),
        ("perceptron", {"species": "setosa"}, "expected two species, got 'setosa'; type species="),
        ("perceptron", {"species": "setosa, rose"}, "every word of species to be one of 'setosa'"),
        ("perceptron", {"measures": "length"}, "every word of measures to be one of 'sepal len"),
        ("rbf", {"units": 0}, "units to be an integer of 1 or more"),
        ("rbf", {"centers": "random"}, "centers to be one of 'learned', 'kmeans', got 'random'"),
        ("rbf", {"validation": 0.95}, "validation to be a number in"),
        ("rbf", {"learning_rate": 0.0}, "learning_rate to be a number in"),
    ],
)
def test_settings_out_of_range(name, settings, message):
    with pytest.raises(ArgumentError, match=message):
        recipes.make(name, **settings)


@pytest.mark.parametrize("centers", ["learned", "kmeans"])
def test_radial_basis_functions(centers, tmp_path, monkeypatch):
    from pellucid.datasets import digits

    split = made_digits(80, seed=1), made_digits(30, seed=2)
    monkeypatch.setattr(digits, "load_data", lambda: split)
    recipe = recipes.make("rbf", centers=centers, units=20, epochs=15, learning_rate=0.1)
    start = recipe.model(recipe.data()).variables.parameters["units"]
    run = recipes.train(recipe, tmp_path, verbose=0)
    assert run.metrics["test"]["accuracy"] > 0.9, "made digits are easy"
    units = run.model.variables.parameters["units"]
    for name in ("centers", "widths"):
        assert np.array_equal(units[name], start[name]) == (centers == "kmeans")
    assert (run.folder / "centers.png").exists()
    sample = recipe.sample(recipe.data(), 2)
    assert sample.picture.shape == (8, 8)
    (answer,) = run.predict([sample])
    assert answer.example.truth in "0123456789"
    assert sum(answer.probabilities.values()) == pytest.approx(1, rel=1e-5)


def test_parameter_count_of_rbf():
    recipe = recipes.make("rbf")
    count = recipe.model(recipe.data()).count_params()
    assert f"{count:,} parameters" in recipes.description("rbf")


@pytest.mark.slow
def test_expected_accuracy_of_rbf(tmp_path):
    run = recipes.train(recipes.make("rbf"), tmp_path, verbose=0)
    assert run.metrics["test"]["accuracy"] >= 0.93
