"""Oxford-IIIT Pet and ORL faces, from made files in their formats and from the real ones."""

import shutil

import numpy as np
import pytest
from PIL import Image

from pellucid.data import orl_faces, oxford_iiit_pet
from pellucid.errors import ArgumentError, DatasetError

# Pets


def write_pets(folder):
    """Write two training photographs and a test one, each half black, half white."""
    lists = {
        "trainval.txt": ["Abyssinian_1 1 1 1", "american_bulldog_12 2 2 1"],
        "test.txt": ["Bengal_7 6 1 3"],
    }
    for name in ("images", "annotations/trimaps"):
        (folder / name).mkdir(parents=True)
    for name, lines in lists.items():
        (folder / "annotations" / name).write_text("\n".join(lines) + "\n", "ascii")
        for line in lines:
            write_pet(folder, line.split()[0])
    return folder


def write_pet(folder, name):
    pixels = np.zeros((30, 50, 3), np.uint8)
    pixels[:, 25:] = 255
    # One photograph of the real set is a PNG with four channels under the name .jpg.
    image = Image.fromarray(pixels).convert("RGBA" if name == "Abyssinian_1" else "RGB")
    kind = "PNG" if name == "Abyssinian_1" else "JPEG"
    image.save(folder / "images" / f"{name}.jpg", kind)
    outline = np.full((30, 50), 2, np.uint8)
    outline[:, 25:] = 1
    outline[:, 24] = 3
    Image.fromarray(outline).save(folder / "annotations" / "trimaps" / f"{name}.png")


@pytest.fixture
def pets(data):
    return write_pets(data / "oxford-iiit-pet")


def test_photographs_are_middle_squares(pets, capsys):
    (x, y), (x_test, y_test) = oxford_iiit_pet.load_data(size=20)
    assert (x.shape, x_test.shape, x.dtype) == ((2, 20, 20, 3), (1, 20, 20, 3), np.uint8)
    assert [oxford_iiit_pet.class_names[k] for k in (*y, *y_test)] == [
        "Abyssinian",
        "American bulldog",
        "Bengal",
    ]
    assert x[:, :, :8].max() < 10
    assert x[:, :, 12:].min() > 245
    told = "a part of the set: 2 of 3,680 training and 1 of 3,669 test photographs"
    assert told in capsys.readouterr().err


def test_outlines_keep_their_three_kinds(pets):
    (x, y), (_, y_test) = oxford_iiit_pet.load_outlines(size=30)
    assert (x.shape, y.shape, y_test.shape) == ((2, 30, 30, 3), (2, 30, 30), (1, 30, 30))
    kinds = [oxford_iiit_pet.pixel_names[k] for k in y[0, 0]]
    assert kinds == ["background"] * 14 + ["border"] + ["animal"] * 15


def test_there_are_37_breeds():
    assert len(set(oxford_iiit_pet.class_names)) == 37
    assert list(oxford_iiit_pet.class_names) == sorted(oxford_iiit_pet.class_names, key=str.lower)


def damage_list(folder):
    (folder / "annotations" / "test.txt").write_text("Bengal_7 38 1 3\n")


def empty_list(folder):
    (folder / "annotations" / "test.txt").write_text("")


def leave_the_folder(folder):
    (folder / "annotations" / "test.txt").write_text("../../secret 1 1 1\n")


def damage_photo(folder):
    (folder / "images" / "Bengal_7.jpg").write_bytes(b"no picture")


def lose_photo(folder):
    (folder / "images" / "Bengal_7.jpg").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_list, r"test.txt is damaged: line 1 should be .* 1 to 37, and is 'Bengal_7 38"),
        (empty_list, "test.txt is damaged: it names no photograph; delete or replace it"),
        (leave_the_folder, r"test.txt is damaged: line 1 should be a name and a class"),
        (damage_photo, r"Bengal_7.jpg is damaged: it cannot be read as an image"),
        (lose_photo, r"Bengal_7.jpg is damaged: the set's lists name it and it is not there"),
    ],
)
def test_damaged_pets(pets, damage, message):
    damage(pets)
    with pytest.raises(DatasetError, match=message):
        oxford_iiit_pet.load_data(16)


def test_an_outline_of_other_numbers(pets):
    path = pets / "annotations" / "trimaps" / "Bengal_7.png"
    Image.fromarray(np.full((30, 30), 255, np.uint8)).save(path)
    with pytest.raises(DatasetError, match="its pixels should be 1 to 3 and one is 255"):
        oxford_iiit_pet.load_outlines(16)


def test_absent_pets(data):
    with pytest.raises(DatasetError, match=r"no annotations/trainval.txt in .* unpack images.tar"):
        oxford_iiit_pet.load_data()
    with pytest.raises(ArgumentError, match="size to be an integer of 1 or more, got 0"):
        oxford_iiit_pet.load_data(0)


@pytest.mark.parametrize("real", ["oxford-iiit-pet"], indirect=True)
def test_the_real_pets(real):
    (x, y), (x_test, y_test) = oxford_iiit_pet.load_data(32)
    assert len(x) == len(y) >= 64
    assert len(x_test) == len(y_test)
    assert x.std() > 40


# Faces


def write_faces(folder):
    """Write 40 people, each of a grey of its own, with ten pictures each."""
    for person in range(1, 41):
        (folder / f"s{person}").mkdir(parents=True)
        for number in range(1, 11):
            picture = np.full((112, 92), 5 * person, np.uint8)
            Image.fromarray(picture).save(folder / f"s{person}" / f"{number}.pgm", "PPM")
    return folder


def test_other_people_are_in_the_test_part(data, capsys):
    folder = write_faces(data / "orl-faces" / "att_faces")
    (x, y), (x_test, y_test) = orl_faces.load_data()
    assert (x.shape, x_test.shape, x.dtype) == ((300, 112, 92), (100, 112, 92), np.uint8)
    assert not set(y) & set(y_test)
    np.testing.assert_array_equal(x[:, 0, 0], 5 * (y + 1))
    assert "300 training and 100 test pictures" in capsys.readouterr().err
    assert len(orl_faces.load_data(test_people=39)[0][0]) == 10
    with pytest.raises(ArgumentError, match=r"test_people to be a number in \[1, 39\], got 40"):
        orl_faces.load_data(40)

    Image.fromarray(np.zeros((5, 5), np.uint8)).save(folder / "s3" / "4.pgm", "PPM")
    with pytest.raises(DatasetError, match=r"4.pgm is damaged: it should be 112 x 92 pixels and"):
        orl_faces.load_data()
    shutil.rmtree(folder)
    with pytest.raises(DatasetError, match="there is no att_faces/s1/1.pgm in .*orl-faces"):
        orl_faces.load_data()


@pytest.mark.parametrize("real", ["orl-faces"], indirect=True)
def test_the_real_faces(real):
    (x, _), (x_test, _) = orl_faces.load_data()
    assert (len(x), len(x_test)) == (300, 100)
    assert 60 < x.mean() < 180
