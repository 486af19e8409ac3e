"""Convolution by XLA's own instruction: the body for GPUs and TPUs.

XLA's convolution slides a kernel over an input whose entries may be moved apart (``lhs_dilation``)
and whose margins may be negative. Both gradients are convolutions of that kind, written out here.
"""

from jax import Array, lax

from pellucid.ops._windows import Window

Windows = tuple[Window, ...]


def _axes(first: int, second: int, spatial: int, rank: int) -> tuple[int, ...]:
    """Return the axes in the order XLA names them: the two without windows, then the windows'."""
    return (first, second, *range(spatial, spatial + rank))


def forward(x: Array, w: Array, windows: Windows, groups: int) -> Array:
    """Return y_nof = sum_kc x_n,(o s + k d - lo),c W_kcf."""
    r = len(windows)
    return lax.conv_general_dilated(
        x,
        w,
        window_strides=[a.stride for a in windows],
        padding=[(a.low, a.high) for a in windows],
        rhs_dilation=[a.dilation for a in windows],
        dimension_numbers=lax.ConvDimensionNumbers(
            _axes(0, r + 1, 1, r), _axes(r + 1, r, 0, r), _axes(0, r + 1, 1, r)
        ),
        feature_group_count=groups,
    )


def input_gradient(dy: Array, w: Array, windows: Windows, groups: int) -> Array:
    """Return dx_nic = sum over o s + k d - lo = i of sum_f dy_nof W_kcf.

    A convolution of dy, its entries ``stride`` apart, with the flipped kernel whose channels and
    filters change places; the margins are such that dx has the size of x.
    """
    r = len(windows)
    lows = [a.extent - 1 - a.low for a in windows]
    margins = [
        (low, a.size - low - a.reach + a.extent - 1) for a, low in zip(windows, lows, strict=True)
    ]
    kernel, (channels, filters) = w.shape[:r], w.shape[r:]
    flipped = lax.rev(w, range(r)).reshape(*kernel, channels, groups, filters // groups)
    swapped = flipped.swapaxes(r, r + 2).reshape(*kernel, filters // groups, groups * channels)
    return lax.conv_general_dilated(
        dy,
        swapped,
        window_strides=[1] * r,
        padding=margins,
        lhs_dilation=[a.stride for a in windows],
        rhs_dilation=[a.dilation for a in windows],
        dimension_numbers=lax.ConvDimensionNumbers(
            _axes(0, r + 1, 1, r), _axes(r + 1, r, 0, r), _axes(0, r + 1, 1, r)
        ),
        feature_group_count=groups,
    )


def weight_gradient(x: Array, dy: Array, windows: Windows, groups: int) -> Array:
    """Return dW_kcf = sum_no x_n,(o s + k d - lo),c dy_nof.

    A convolution of x with dy as its kernel, where the channels of x take the place of the batch
    and the batch that of the channels: the sum runs over n. Strides and dilation change places.
    """
    r = len(windows)
    margins = [
        (a.low, a.extent - 1 + a.reach - a.size - a.low)  # room for ``kernel`` positions of dy
        for a in windows
    ]
    return lax.conv_general_dilated(
        x,
        dy,
        window_strides=[a.dilation for a in windows],
        padding=margins,
        rhs_dilation=[a.stride for a in windows],
        dimension_numbers=lax.ConvDimensionNumbers(
            _axes(r + 1, 0, 1, r), _axes(r + 1, 0, 1, r), _axes(r, r + 1, 0, r)
        ),
        batch_group_count=groups,
    )
