"""The PyTorch loop: tensors in memory, one permutation an epoch."""

import torch
from torch.nn import functional

from systems import Trainer


def network(workload):
    """Return the network with the initializers that the other systems have."""
    torch.manual_seed(0)
    model = workload.networks().torch(torch)
    for module in model.modules():
        start(module, workload.convolution_start)
    return model.to(memory_format=torch.channels_last) if workload.images else model


@torch.no_grad()
def start(module, convolution_start):
    """Set the numbers of one module: kernels Glorot uniform, biases 0, and what else Keras does."""
    nn = torch.nn
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        if isinstance(module, nn.Conv2d) and convolution_start == "he_normal":
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        else:
            nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.uniform_(module.weight, -0.05, 0.05)
    elif isinstance(module, nn.MultiheadAttention):
        for part in module.in_proj_weight.chunk(3):
            nn.init.xavier_uniform_(part)
        nn.init.zeros_(module.in_proj_bias)
    elif isinstance(module, nn.RNNBase):
        for name, values in module.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(values)
            elif name.startswith("weight_hh"):
                nn.init.orthogonal_(values)
            else:
                nn.init.zeros_(values)
                if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
                    values[module.hidden_size : 2 * module.hidden_size] = 1  # the forget gates


def optimizer_of(workload, model, fused):
    """Return Adam or SGD. ``fused`` updates all numbers in one call."""
    fused = True if fused else None  # None leaves PyTorch's own choice
    if workload.momentum is None:
        return torch.optim.Adam(model.parameters(), workload.learning_rate, eps=1e-7, fused=fused)
    return torch.optim.SGD(
        model.parameters(), workload.learning_rate, workload.momentum, fused=fused
    )


def accuracy(objective, z, y):
    """Return the share of right answers in a batch, as a tensor."""
    right = z.argmax(1) == y if objective == "classes" else (z > 0) == (y > 0.5)
    return right.float().mean()


def prepare_with(workload, with_accuracy=False, fused=False, wrap=lambda f: f):
    """Return the loop.

    Args:
        workload: what to train.
        with_accuracy: whether each step's accuracy is computed and read, as Keras shows it.
        fused: whether the optimizer updates all numbers in one call.
        wrap: changes the function from a batch to outputs and loss, as torch.compile does.
    """
    x, y = map(torch.from_numpy, workload.data())
    objective = workload.objective
    y = {"classes": y.long, "yes or no": lambda: y[:, None], "pixels": lambda: y}[objective]()
    model = network(workload)
    optimizer = optimizer_of(workload, model, fused)

    def forward(x, y):
        z = model(x)
        if objective == "classes":
            return z, functional.cross_entropy(z, y)
        z, penalty = z if isinstance(z, tuple) else (z, 0.0)
        return z, functional.binary_cross_entropy_with_logits(z, y) + penalty

    forward = wrap(forward)

    def as_input(rows):
        # Images lie channels last in memory already; PyTorch's order of axes is another.
        return rows.permute(0, 3, 1, 2) if rows.ndim == 4 else rows

    def run(epochs):
        for _ in range(epochs):
            total = 0.0
            right = 0.0
            for rows in torch.randperm(workload.rows).split(workload.batch_size):
                targets = as_input(y[rows])
                z, loss = forward(as_input(x[rows]), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
                if with_accuracy and objective != "pixels":
                    right += accuracy(objective, z, targets).item() * len(rows)
        return total / workload.rows

    return Trainer(run, sum(p.numel() for p in model.parameters()) - workload.torch_more)


def predictors_with(workload, wrap=lambda f: f):
    model = network(workload).eval()
    x = torch.from_numpy(workload.data()[0][:1])
    x = x.permute(0, 3, 1, 2) if workload.images else x
    model = wrap(model)

    def call():
        with torch.inference_mode():
            return model(x).numpy()

    return {"call": call}
