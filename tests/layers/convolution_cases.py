"""Rows for convolutions, pooling, normalization and merging beside those of ``cases.py``."""

from layers.cases import RANK_3, RANK_4, Case
from pellucid import layers

RANK_5 = "expected an input of rank 5"

CASES = [
    # Convolution
    Case(layers.Conv3D(3, 2, activation="elu"), (3, 2, 4, 2), (2, 3, 2, 4), RANK_5),
    Case(layers.DepthwiseConv1D(2, depth_multiplier=2), (4, 2), (2, 4), RANK_3),
    Case(
        layers.DepthwiseConv2D((3, 2), 2, "same", 2, activation="elu"),
        (5, 4, 2),
        (2, 5, 4),
        RANK_4,
    ),
    Case(layers.SeparableConv1D(3, 2, padding="same"), (4, 2), (2, 4), RANK_3),
    Case(
        layers.SeparableConv2D(3, 2, 2, depth_multiplier=2, activation="tanh"),
        (5, 4, 2),
        (2, 5, 4),
        RANK_4,
    ),
    Case(layers.Conv1DTranspose(3, 3, 2, "same"), (4, 2), (2, 4), RANK_3),
    Case(layers.Conv2DTranspose(2, (3, 2), (2, 3), activation="elu"), (3, 2, 2), (2, 3, 2), RANK_4),
    Case(
        layers.Conv2DTranspose(2, 3, 2, "same", output_padding=(0, 1), use_bias=False),
        (3, 2, 2),
        (2, 3, 2),
        RANK_4,
        label="output padding",
    ),
    Case(
        layers.SparseConv2D(((0, 1), (1, 2), (0, 1, 2)), (3, 2), "tanh"),
        (4, 3, 3),
        (2, 4, 3),
        RANK_4,
        keras=False,
    ),
    # Pooling
    Case(layers.MaxPooling3D((1, 2, 2)), (2, 4, 3, 2), (2, 2, 4, 3), RANK_5),
    Case(layers.AveragePooling3D(2, 1, "same"), (2, 3, 2, 2), (2, 2, 4, 3), RANK_5),
    Case(
        layers.MaxPooling2D(3, 2, ((1, 0), (0, 2))),
        (4, 4, 2),
        (2, 4, 4),
        RANK_4,
        label="own",
        keras=False,
    ),
    Case(layers.GlobalMaxPooling3D(), (2, 3, 2, 2), (2, 3, 2), RANK_5),
    Case(layers.GlobalAveragePooling3D(keepdims=True), (2, 3, 2, 2), (2, 3, 2), RANK_5),
    Case(layers.AdaptiveAveragePooling1D(3), (5, 2), (2, 5), RANK_3),
    Case(layers.AdaptiveAveragePooling2D((2, 3)), (5, 3, 2), (2, 5, 3), RANK_4),
    Case(layers.AdaptiveMaxPooling1D(3), (5, 2), (2, 5), RANK_3),
    Case(layers.AdaptiveMaxPooling2D((2, 3)), (5, 3, 2), (2, 5, 3), RANK_4),
    # Normalization
    Case(layers.GroupNormalization(2), (3, 2, 4), (2,), "rank 2 or more"),
    Case(
        layers.GroupNormalization(-1, epsilon=0.1, center=False),
        (5, 3),
        (2, 5, 2),
        "channels",
        label="instance",
    ),
    Case(layers.InstanceNormalization(), (3, 2, 3), (2, 3), "rank 3 or more", keras=False),
    Case(
        layers.LocalResponseNormalization(3, 0.5, 0.75, 1.0),
        (2, 2, 4),
        (4,),
        "rank 2 or more",
        keras=False,
    ),
    Case(
        layers.SpectralNormalization(layers.Dense(2, activation="tanh"), power_iterations=25),
        (5,),
        (3,),
        "rank 2 or more",
        keras=False,
    ),
    # Noise
    Case(layers.SpatialDropout1D(0.4), (5, 3), (5, 3), RANK_3),
    Case(layers.SpatialDropout2D(0.4), (3, 2, 3), (5, 3), RANK_4),
    Case(layers.SpatialDropout3D(0.4), (2, 2, 2, 3), (5, 3), RANK_5),
    # Neurons
    Case(layers.RadialBasis(3), (4,), (4,), "rank 2 or more", keras=False),
    Case(layers.SquaredDistance(3), (2, 4), (3, 2, 5), "last axis has size 4", keras=False),
    # Several inputs
    Case(layers.Subtract(), [(4, 3), (4, 3)], [(2, 4, 3), (2, 4, 2)], "differ on axis 2"),
    Case(
        layers.Average(), [(4, 3), (4, 3), (4, 3)], [(2, 4, 3), (2, 4, 2), (2, 4, 3)], "on axis 2"
    ),
    Case(layers.Maximum(), [(4, 3), (4, 3)], [(2, 4, 3), (2, 3)], "inputs of one rank"),
    Case(layers.Minimum(), [(4, 3), (4, 3)], [(2, 4, 3), (2, 3)], "inputs of one rank"),
    # Size
    Case(layers.Cropping1D((1, 2)), (5, 2), (2, 5), RANK_3),
    Case(layers.Cropping2D(((1, 0), (0, 2))), (4, 5, 2), (2, 4, 5), RANK_4),
    Case(layers.Cropping3D((0, 1, 1)), (2, 4, 3, 2), (2, 4, 3, 2), RANK_5),
    Case(layers.ZeroPadding3D((0, 1, 2)), (2, 2, 2, 2), (2, 4, 3, 2), RANK_5),
    Case(layers.UpSampling3D((1, 2, 3)), (2, 2, 2, 2), (2, 4, 3, 2), RANK_5),
]
