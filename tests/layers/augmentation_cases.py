"""Rows of the contract suite for the layers that change images at random."""

from layers.cases import RANK_3, RANK_4, Case
from pellucid import layers

SOUND, COLORS = (7, 2), (4, 3, 3)
IMAGE, FLAT = (5, 4, 2), (2, 5, 4)
WIDE = (-9, 9)  # beyond the numbers of the rows, so that nothing is brought to an end

CASES = [
    Case(layer, IMAGE, FLAT, RANK_4, keras=False)
    for layer in (
        layers.RandomFlip(),
        layers.RandomRotation(0.2),
        layers.RandomTranslation((0, 0.5), 0.3, fill_mode="wrap"),
        layers.RandomZoom((-0.4, 0.2), 0.1, fill_mode="nearest"),
        layers.RandomShear(0.3, 0.2, fill_mode="constant", fill_value=0.5),
        layers.RandomAffine(rotation=0.1, height_shift=0.2, zoom=0.2, x_shear=0.1),
        layers.ElasticDistortion(5, 1.5),
        layers.RandomBrightness((-0.1, 0.2), value_range=WIDE),
        layers.RandomContrast((0.3, 0.5), value_range=WIDE),
        layers.RandomErasing(0.7, scale=(0.2, 0.4), value_range=(0, 1)),
    )
]
CASES += [
    Case(layers.RandomFlip("horizontal"), IMAGE, FLAT, RANK_4, label="one way", keras=False),
    Case(layers.RandomZoom(0.3), IMAGE, FLAT, RANK_4, label="proportions", keras=False),
    Case(layers.RandomErasing(fill_value=0.0), IMAGE, FLAT, RANK_4, label="black", keras=False),
    Case(layers.RandomCrop(3, 4), IMAGE, (2, 2, 4, 2), "at least 3x4 pixels", keras=False),
]
CASES += [
    Case(layer, COLORS, FLAT, RANK_4, keras=False)
    for layer in (
        layers.RandomSaturation((0.3, 0.9), value_range=WIDE),
        layers.RandomHue((0.1, 0.4), value_range=WIDE),
        layers.RandomGaussianBlur((0.4, 1.2)),
    )
]
CASES += [
    Case(layers.RandomGaussianBlur(0.8, 0.6), IMAGE, FLAT, RANK_4, label="some", keras=False),
    Case(layers.RandomTimeShift(0.4), SOUND, (2, 5), RANK_3, keras=False),
    Case(
        layers.RandomTimeShift((0.2, 0.5), "wrap"), SOUND, (2, 5), RANK_3, label="wrap", keras=False
    ),
    Case(layers.RandomGain((-6, 12)), SOUND, (2, 5), RANK_3, keras=False),
    Case(layers.RandomNoise((0, 20)), SOUND, (2, 5), RANK_3, keras=False),
    Case(layers.SpecAugment(1, 0.6, 1, 0.6), SOUND, (2, 5), RANK_3, keras=False),
    Case(
        layers.SpecAugment(2, 0.5, 0),
        SOUND,
        (2, 5),
        RANK_3,
        label="time",
        keras=False,
    ),
]
