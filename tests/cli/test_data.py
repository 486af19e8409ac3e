"""``pellucid data show``: a table, a picture, JSON, and one sentence where it fails."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def table(tmp_path):
    rows = "".join(f"{n / 4},{'big' if n > 20 else 'small'}\n" for n in range(40))
    (tmp_path / "sizes.csv").write_text("length,size\n" + rows)
    return "sizes.csv"


def test_show_prints_numbers_and_draws_a_picture(pellucid, table):
    result = pellucid("data", "show", table, "--target", "size")
    assert result.exit_code == 0, result.output
    assert "CSV file sizes.csv: 40 rows" in result.stdout
    assert "length" in result.stdout
    assert "9.75" in result.stdout
    assert "small    21  52.5 %" in result.stdout
    assert "Picture: sizes-data.png" in result.stdout
    assert Path("sizes-data.png").read_bytes().startswith(b"\x89PNG")


def test_show_prints_names_as_they_are(pellucid, tmp_path):
    (tmp_path / "a[b].csv").write_text("weight [kg],pet\n" + "1,[cat]\n2,[dog]\n" * 3)
    result = pellucid("data", "show", "a[b].csv", "--target", "pet")
    assert "CSV file a[b].csv: 6 rows" in result.stdout
    assert "weight [kg]" in result.stdout
    assert "[cat]" in result.stdout


def test_show_json_is_one_document(pellucid, table):
    result = pellucid("data", "show", table, "--json", "--picture", "new/p.png", "--rows", "10")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert (printed["looked_at"], printed["rows"], printed["picture"]) == (10, None, "new/p.png")
    assert [column["name"] for column in printed["columns"]] == ["length", "size"]
    assert Path("new/p.png").exists()


def test_show_fails_in_one_sentence(pellucid, tmp_path):
    result = pellucid("data", "show", "irs")
    assert result.exit_code == 1
    assert result.stderr.strip() == (
        "There is no data set, file or folder named 'irs'; did you mean 'iris'?"
    )
    (tmp_path / "empty").mkdir()
    result = pellucid("data", "show", "empty")
    assert result.exit_code == 1
    assert "expected images in the folder 'empty', got none" in result.stderr
