"""Two transformer encoder blocks over 128 vectors of width 128, their mean, ten classes."""

from workloads._workload import Workload, clouds

STEPS, WIDTH, HEADS, HIDDEN = 128, 128, 4, 512
WORKLOADS = (
    Workload(
        "transformer",
        file="transformer",
        what="2 encoder blocks, width 128, 4 heads, 512; 128 steps",
        batch_size=32,
        rows=512,
        learning_rate=3e-4,
    ),
)


def data(workload):
    return clouds(workload.rows, (STEPS, WIDTH), patch=16, share=0.6)


def pellucid():
    from pellucid import Sequential
    from pellucid.layers import Dense, GlobalAveragePooling1D, Input, TransformerEncoder

    return Sequential(
        [
            Input((STEPS, WIDTH)),
            TransformerEncoder(HIDDEN, HEADS),
            TransformerEncoder(HIDDEN, HEADS),
            GlobalAveragePooling1D(),
            Dense(10),
        ]
    )


def keras(keras):
    layers = keras.layers

    def encoder(x):
        read = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(x, x)
        x = layers.LayerNormalization(epsilon=1e-5)(layers.Add()([x, read]))
        f = layers.Dense(WIDTH)(layers.Dense(HIDDEN, activation="relu")(x))
        return layers.LayerNormalization(epsilon=1e-5)(layers.Add()([x, f]))

    sequence = keras.Input((STEPS, WIDTH))
    x = layers.GlobalAveragePooling1D()(encoder(encoder(sequence)))
    return keras.Model(sequence, layers.Dense(10)(x))


def torch(torch):
    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.Sequential(
                *(
                    torch.nn.TransformerEncoderLayer(
                        WIDTH, HEADS, HIDDEN, dropout=0.0, batch_first=True
                    )
                    for _ in range(2)
                )
            )
            self.output = torch.nn.Linear(WIDTH, 10)

        def forward(self, x):
            return self.output(self.encoder(x).mean(1))

    return Classifier()
