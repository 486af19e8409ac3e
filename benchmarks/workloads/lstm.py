"""A classifier of sequences: 100 steps of 64 numbers, an LSTM of 128 cells, ten classes."""

from workloads._workload import Workload, clouds

STEPS, FEATURES, UNITS = 100, 64, 128
WORKLOADS = (
    Workload(
        "lstm",
        file="lstm",
        what="64, LSTM 128, 10; 100 steps",
        batch_size=32,
        rows=2_048,
        torch_more=4 * UNITS,  # a second bias
        quick=("torch_lean",),
    ),
)


def data(workload):
    return clouds(workload.rows, (STEPS, FEATURES), patch=10, share=0.3)


def pellucid():
    from pellucid import Sequential
    from pellucid.layers import LSTM, Dense, Input

    return Sequential([Input((STEPS, FEATURES)), LSTM(UNITS), Dense(10)])


def keras(keras):
    return keras.Sequential(
        [
            keras.Input((STEPS, FEATURES)),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(10),
        ]
    )


def torch(torch):
    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent = torch.nn.LSTM(FEATURES, UNITS, batch_first=True)
            self.output = torch.nn.Linear(UNITS, 10)

        def forward(self, x):
            h, _ = self.recurrent(x)
            return self.output(h[:, -1])

    return Classifier()
