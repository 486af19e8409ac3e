"""The PyTorch loop, eager: tensors in memory, one permutation an epoch, Adam."""

import torch
from workloads import LEARNING_RATE, Workload


def prepare_with(workload: Workload, measure):
    """Return the loop; ``measure(loss, z, y)`` is what it does with a step's loss and outputs."""
    x, y = workload.data()
    x, y = torch.from_numpy(x), torch.from_numpy(y).long()
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(784, workload.units), torch.nn.ReLU(), torch.nn.Linear(workload.units, 10)
    )
    for layer in (model[0], model[2]):
        torch.nn.init.xavier_uniform_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, eps=1e-7)
    loss_of = torch.nn.CrossEntropyLoss()

    def run(epochs: int) -> float:
        for _ in range(epochs):
            total = 0.0
            for rows in torch.randperm(workload.rows).split(workload.batch_size):
                z = model(x[rows])
                loss = loss_of(z, y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += measure(loss, z, y[rows]) * len(rows)
        return total / workload.rows

    return run
