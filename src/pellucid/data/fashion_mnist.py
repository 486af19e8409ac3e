"""Fashion-MNIST: pictures of clothing in MNIST's format, 28 x 28 grey pixels, 10 classes.

- Records: 60,000 training and 10,000 test images, equally many of each class.
- Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking
  machine learning algorithms", arXiv:1708.07747 (2017).
- Licence: MIT, Copyright 2017 Zalando SE.
- Files: four idx files, in ``<PELLUCID_DATA>/fashion-mnist`` or downloaded (31 MB).
"""

from pellucid.data._idx import ImageSet, Split

__all__ = ["class_names", "load_data"]

class_names = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)

_SET = ImageSet(
    name="fashion_mnist",
    folder="fashion-mnist",
    homes=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    sizes=(26_421_880, 29_515, 4_422_102, 5_148),
    digests=(
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)


def load_data() -> tuple[Split, Split]:
    """Return the pictures of clothing as ``(x_train, y_train), (x_test, y_test)``.

    Returns:
        x: uint8 of shape ``(n, 28, 28)``, 0 (background) to 255; 60,000 and 10,000 images.
        y: uint8 of shape ``(n,)``, 0 to 9, places in ``class_names``.

    Raises:
        DatasetError: if the set is neither here nor to be downloaded, or if a file is damaged.
    """
    return _SET.load()
