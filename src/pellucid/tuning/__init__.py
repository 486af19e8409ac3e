"""Tuning: searches over the settings of recipes and networks, and the range test of the rate.

>>> from pellucid import tuning
>>> tuning.Float(1e-4, 1e-1, log=True).low
0.0001

``tune(recipe, space, trials)`` trains a recipe again and again, in one process or in several;
``search_population(build, x, y, space, trials, ...)`` trains all its trials in one compiled
program; ``learning_rate_range_test(model, x, y)`` looks for a learning rate. Searches need the
extra ``tune`` (Optuna).
"""

from pellucid.tuning._plots import plot_contour, plot_importance, plot_range_test, plot_trials
from pellucid.tuning._population import search_population
from pellucid.tuning._range_test import RangeTest, learning_rate_range_test
from pellucid.tuning._search import Search, Trial
from pellucid.tuning._space import Choice, Float, Int
from pellucid.tuning._tune import tune

__all__ = [
    "Choice",
    "Float",
    "Int",
    "RangeTest",
    "Search",
    "Trial",
    "learning_rate_range_test",
    "plot_contour",
    "plot_importance",
    "plot_range_test",
    "plot_trials",
    "search_population",
    "tune",
]
