"""The report page of a run: whole, without references to elsewhere, in both languages."""

import re
import shutil

import pytest

from inspection.test_page import check_nesting
from pellucid import recipes
from pellucid.errors import ArgumentError, RunError
from pellucid.inspection._page_words import tell

ALWAYS = ("results", "about", "learning", "data", "network", "mistakes", "layers", "settings")
FULL = ("diagnosis", "inside", "grounds")


@pytest.fixture(scope="module")
def pages(run):
    """The whole page in English, and in both languages what `pellucid train` writes."""
    quick = {
        language: recipes.write_page(run, language, run.folder / f"{language}.html", full=False)
        for language in ("en", "zh")
    }
    return {
        "full": recipes.write_page(run).read_text(encoding="utf-8"),
        **{name: path.read_text(encoding="utf-8") for name, path in quick.items()},
    }


@pytest.mark.parametrize(("name", "language"), [("full", "en"), ("en", "en"), ("zh", "zh")])
def test_every_section_is_there(pages, name, language):
    page = pages[name]
    check_nesting(re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL))
    for key in (*ALWAYS, *(FULL if name == "full" else ())):
        assert f'<section id="{key}">\n<h2>{tell(key, language)}</h2>' in page


@pytest.mark.parametrize("name", ["full", "en", "zh"])
def test_nothing_comes_from_elsewhere(pages, name):
    page = pages[name]
    assert "<script" not in page
    assert "@import" not in page
    assert not re.search(r'(?:src|href|action|data|poster)="(?!data:|#)', page)
    assert not re.search(r"url\((?!#)", page)
    addresses = re.findall(r"https?://[^\s\"'<]+", page)
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}


def test_measured_stands_beside_expected(pages, run):
    page = pages["en"]
    accuracy = run.metrics["test"]["accuracy"]
    assert f"<b>{accuracy:.4f}</b><span>test: accuracy</span>" in page
    assert "What the recipe expects" in page
    assert "Test accuracy from 0.986 to 0.994 over the seeds 0 to 4" in page


def test_data_and_settings(pages, run):
    page = pages["en"]
    assert '<td>training</td><td class="n">72</td><td>(8, 8, 1)</td>' in page
    assert page.count('<div class="tiles">') >= 2
    assert '<td class="path">learning_rate</td><td>0.02</td><td>0.003</td>' in page
    assert ">flatten</text>" in page  # of the drawing


def test_the_quick_page_says_how_to_get_the_rest(pages):
    assert 'id="inside"' not in pages["en"]
    assert "<code>pellucid report " in pages["en"]
    assert 'id="inside"' in pages["full"]
    assert "<code>pellucid report " not in pages["full"]


def test_a_run_that_stopped_early_has_a_page_without_measures(run, tmp_path):
    folder = tmp_path / "stopped"
    shutil.copytree(run.folder, folder)
    (folder / "metrics.json").unlink()
    page = recipes.write_page(folder, full=False).read_text()
    assert "This run stopped before its end" in page
    assert 'id="network"' in page


def test_bad_input(run, tmp_path):
    with pytest.raises(RunError, match="is no run folder"):
        recipes.write_page(tmp_path)
    with pytest.raises(ArgumentError, match="language to be one of 'en', 'zh', got 'de'"):
        recipes.write_page(run, "de")
