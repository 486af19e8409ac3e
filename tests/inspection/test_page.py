"""The parts of a page: well-formed, in both languages, with nothing from elsewhere."""

import base64
import re
import string
from html.parser import HTMLParser

import numpy as np
import pytest

from pellucid.errors import ArgumentError, ShapeError
from pellucid.inspection import _page as html
from pellucid.inspection._grounds import grounds_of_parts, grounds_of_picture
from pellucid.inspection._page import Page
from pellucid.inspection._page_words import PAGE, figure_words, measure_name, tell
from pellucid.inspection._plots import plot_learning_curve

EMPTY = {"meta", "img", "link", "br"}


class Nesting(HTMLParser):
    """Fails where a tag is not closed by its own end."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_nesting(text):
    parser = Nesting()
    parser.feed(text)
    assert parser.open == []


def svg_in(figure):
    return base64.b64decode(re.search(r"svg\+xml;base64,([^\"]+)", figure)[1]).decode()


@pytest.mark.parametrize("key", PAGE)
def test_words_are_complete_in_both_languages(key):
    english, chinese = PAGE[key]
    assert english
    assert chinese
    values = [f"value {n}" for n in range(count_of_fields(english))]
    for words in (english, chinese):
        assert sorted(re.findall(r"value \d", words.format(*values))) == values
    if key not in ("sure",):
        assert re.search("[\u4e00-\u9fff]", chinese)


def count_of_fields(words):
    return sum(name is not None for _, name, _, _ in string.Formatter().parse(words))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_is_whole(language):
    page = Page("A <title>", language, facts=["one fact"])
    page.add("data", html.table(["a", "b"], [["x<y", 1.5], ["z", 2]]), html.cards([("1", "n")]))
    page.add("network")  # nothing to say
    text = page.write()
    check_nesting(text)
    assert "A &lt;title&gt;" in text
    assert "x&lt;y" in text
    assert f'<a href="#data">{tell("data", language)}</a>' in text
    assert tell("network", language) not in text
    assert ('lang="zh-CN"' in text) == (language == "zh")


def test_figures_keep_their_texts_and_speak_chinese():
    curve = plot_learning_curve({"loss": [2.0, 1.0], "val_loss": [2.0, 1.5]})
    english = svg_in(html.svg_figure(curve, "curve"))
    chinese = svg_in(html.svg_figure(curve, "curve", "zh"))
    assert ">epoch<" in english
    assert ">轮次<" in chinese
    assert ">训练<" in chinese
    assert ">training<" not in chinese


def test_words_of_figures():
    assert figure_words("3 of 4 right, 75.00%", "zh") == "4 个中 3 个正确，75.00%"
    assert figure_words("conv2d", "zh") == "conv2d"
    assert figure_words("epoch", "en") == "epoch"
    assert measure_name("learning_rate", "zh") == "学习率"
    assert measure_name("learning_rate", "en") == "learning rate"


def test_pictures_are_png_inside_the_page():
    from io import BytesIO

    from PIL import Image

    uri = html.picture_uri(np.array([[0.0, 2.0], [1.0, 0.0]]))
    image = Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))
    np.testing.assert_array_equal(np.asarray(image), [[0, 255], [128, 0]])


def test_reading_colors_for_and_against():
    text = html.reading(["good", "so", "bad"], [1.0, 0.01, -0.5])
    assert 'style="background:rgba(200,60,45,0.75)">good' in text
    assert "<span>so" in text
    assert 'style="background:rgba(45,100,190,0.38)">bad' in text


def test_grounds_of_a_picture():
    values = np.zeros((6, 6))
    values[0, 0], values[0, 1], values[5, 5], values[3, 3] = 6, 1, 1, -2
    found = grounds_of_picture(values)
    assert found.half == 1
    assert found.count == 36
    assert found.against == pytest.approx(0.2)
    assert found.strongest[0] == ("upper left", pytest.approx(0.875))
    assert found.opposing == (("middle", 1.0),)
    assert grounds_of_picture(values, "zh").strongest[0][0] == "左上"


def test_grounds_of_words_count_equal_words_together():
    found = grounds_of_parts([1.0, 2.0, -1.0, 1.0], ["a", "b", "c", "a"])
    assert found.strongest == (("a", 0.5), ("b", 0.5))
    assert found.opposing == (("c", 1.0),)
    assert grounds_of_parts([0.0], ["a"]).half == 0


def test_bad_input():
    with pytest.raises(ArgumentError, match="language to be one of 'en', 'zh', got 'fr'"):
        Page("t", "fr")
    with pytest.raises(ShapeError, match=r"sum over the channels with values.sum\(axis=-1\)"):
        grounds_of_picture(np.zeros((2, 2, 3)))
    with pytest.raises(ShapeError, match="one number for each of the 1 names"):
        grounds_of_parts([1, 2], ["a"])
