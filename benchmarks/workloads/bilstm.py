"""A classifier of sequences: two layers of 64 LSTM cells in each direction, ten classes.

The last layer's outputs are h of the last step forward and of the first step backward.
"""

from workloads._workload import Workload, clouds

STEPS, FEATURES, UNITS = 100, 64, 64
WORKLOADS = (
    Workload(
        "bilstm",
        file="bilstm",
        what="two bidirectional LSTM of 64, 10; 100 steps",
        batch_size=32,
        rows=1_536,
        torch_more=4 * 4 * UNITS,  # a second bias in each of the four
    ),
)


def data(workload):
    return clouds(workload.rows, (STEPS, FEATURES), patch=10, share=0.3)


def pellucid():
    from pellucid import Sequential
    from pellucid.layers import LSTM, Bidirectional, Dense, Input

    return Sequential(
        [
            Input((STEPS, FEATURES)),
            Bidirectional(LSTM(UNITS, return_sequences=True)),
            Bidirectional(LSTM(UNITS)),
            Dense(10),
        ]
    )


def keras(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((STEPS, FEATURES)),
            layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(UNITS)),
            layers.Dense(10),
        ]
    )


def torch(torch):
    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent = torch.nn.LSTM(
                FEATURES, UNITS, num_layers=2, batch_first=True, bidirectional=True
            )
            self.output = torch.nn.Linear(2 * UNITS, 10)

        def forward(self, x):
            _, (h, _) = self.recurrent(x)
            return self.output(torch.cat((h[-2], h[-1]), 1))

    return Classifier()
