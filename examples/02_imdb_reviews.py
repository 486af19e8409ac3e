"""IMDB film reviews, for or against: words as vectors, their mean, two dense layers.

Data: IMDB as word numbers, 25,000 training and 25,000 test reviews (downloaded once, 19 MB, or read
from the folder in PELLUCID_DATA; a part of the set will do). The 10,000 most frequent words; each
review is cut or padded to 256 words. Network: 160,289 parameters.

Expected: with 5,000 training and 1,000 test reviews, test accuracy 0.876 (0.865 to 0.876 over five
seeds of the network).
Time: 4 seconds on two cores.

Run it whole: ``python examples/02_imdb_reviews.py``
"""

import numpy as np

from pellucid.datasets import imdb
from pellucid.layers import Dense, Embedding, GlobalAveragePooling1D
from pellucid.models import Sequential, load_model
from pellucid.preprocessing.sequence import pad_sequences

WORDS = 10000
LENGTH = 256


def decode(review):
    """Return a review as text; the numbers 0 to 3 are no words."""
    words = {number + 3: word for word, number in imdb.get_word_index().items()}
    words |= {0: "<pad>", 1: "<start>", 2: "<unknown>", 3: "<unused>"}
    return " ".join(words.get(number, "?") for number in review)


def main(epochs=10, limit=None, folder="imdb_reviews"):
    """Train and save the network; return its test accuracy.

    Args:
        epochs: passes over the training reviews.
        limit: take only so many training and test reviews.
        folder: where the model is saved.
    """
    (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=WORDS)
    x_train, y_train, x_test, y_test = (a[:limit] for a in (x_train, y_train, x_test, y_test))
    print(f"{decode(x_train[0])[:300]} ...")
    print(f"This review is {'for' if y_train[0] else 'against'} the film.")

    x_train = pad_sequences(x_train, value=0, padding="post", maxlen=LENGTH)
    x_test = pad_sequences(x_test, value=0, padding="post", maxlen=LENGTH)

    model = Sequential(
        [
            Embedding(WORDS, 16),
            GlobalAveragePooling1D(),
            Dense(16, activation="relu"),
            Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=32, validation_data=(x_test, y_test))
    model.summary()
    test_loss, test_accuracy = model.evaluate(x_test, y_test, verbose=2)
    print(f"Test accuracy: {test_accuracy:.4f}")

    model.save(folder)
    loaded = load_model(folder)
    same = np.array_equal(model.predict(x_test), loaded.predict(x_test))
    print(f"The loaded model predicts the same, bit for bit: {same}")
    return test_accuracy


if __name__ == "__main__":
    main()
