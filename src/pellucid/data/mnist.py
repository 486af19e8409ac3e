"""MNIST: handwritten digits, 28 x 28 grey pixels, 10 classes.

- Records: 60,000 training and 10,000 test images.
- Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits";
  Y. LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998).
- Licence: Creative Commons Attribution-Share Alike 3.0, as Keras's documentation states it; the
  copyright is with Yann LeCun and Corinna Cortes.
- Files: four idx files, in ``<PELLUCID_DATA>/mnist`` or downloaded (12 MB).
"""

from pellucid.data._idx import ImageSet, Split
from pellucid.errors import DatasetError

__all__ = ["load_data"]

_SET = ImageSet(
    name="mnist",
    folder="mnist",
    homes=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    sizes=(9_912_422, 28_881, 1_648_877, 4_542),
    digests=(
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)


def load_data(path: str = "mnist.npz") -> tuple[Split, Split]:
    """Return the handwritten digits as ``(x_train, y_train), (x_test, y_test)``.

    Args:
        path: an ``.npz`` file in Keras's layout that is used instead of the idx files if it is
            there: a path, or a bare name that is looked for in the set's folders.

    Returns:
        x: uint8 of shape ``(n, 28, 28)``, 0 (paper) to 255 (ink); 60,000 and 10,000 images.
        y: uint8 of shape ``(n,)``, the digits 0 to 9.

    Raises:
        DatasetError: if the set is neither here nor to be downloaded, or if a file is damaged.

    Example::

        (x_train, y_train), (x_test, y_test) = pellucid.datasets.mnist.load_data()
        x_train, x_test = x_train / 255.0, x_test / 255.0
    """
    found = _SET.load_npz(path)
    if found is not None:
        return found
    if path != "mnist.npz":
        raise DatasetError(
            f"mnist: there is no file {path!r} in the set's folders; leave the argument path out "
            "to load the published files."
        )
    return _SET.load()
