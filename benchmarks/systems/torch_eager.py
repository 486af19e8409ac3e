"""PyTorch, eager, showing what Keras shows: the loss and the accuracy of every step."""

from systems._torch import prepare_with


def prepare(workload):
    seen = []

    def measure(loss, z, y):
        seen.append((z.argmax(1) == y).float().mean().item())
        return loss.item()

    return prepare_with(workload, measure)
