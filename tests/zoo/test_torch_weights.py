"""Weights of PyTorch networks, where PyTorch is installed: equal outputs after loading them.

The reference networks are written out here with the module names of torchvision.
"""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pellucid.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Flatten,
    GroupNormalization,
    Input,
    LayerNormalization,
)
from pellucid.models import Sequential
from pellucid.zoo import alexnet, googlenet, resnet

torch = pytest.importorskip("torch")
nn = torch.nn

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def norm(channels, eps=1e-5):
    return nn.BatchNorm2d(channels, eps=eps)


class BasicBlock(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.bn1 = norm(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = norm(filters)
        self.downsample = None
        if stride != 1 or inputs != filters:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, filters, 1, stride, bias=False), norm(filters)
            )

    def forward(self, x):
        f = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(f + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 1, bias=False)
        self.bn1 = norm(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, stride, 1, bias=False)
        self.bn2 = norm(filters)
        self.conv3 = nn.Conv2d(filters, 4 * filters, 1, bias=False)
        self.bn3 = norm(4 * filters)
        self.downsample = None
        if stride != 1 or inputs != 4 * filters:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * filters, 1, stride, bias=False), norm(4 * filters)
            )

    def forward(self, x):
        f = torch.relu(self.bn1(self.conv1(x)))
        f = self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(f)))))
        return torch.relu(f + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, block, blocks, width, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = norm(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs, expansion = width, 4 if block is Bottleneck else 1
        for stage, count in enumerate(blocks):
            made = []
            for number in range(count):
                stride = 2 if stage and not number else 1
                made.append(block(inputs, width * 2**stage, stride))
                inputs = width * 2**stage * expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*made))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class AlexNet(nn.Module):
    def __init__(self, hidden, classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(256 * 36, hidden), nn.ReLU(),
            nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, classes),
        )  # fmt: skip

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class BasicConv(nn.Module):
    def __init__(self, inputs, filters, size, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, filters, size, stride, size // 2, bias=False)
        self.bn = norm(filters, eps=0.001)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    def __init__(self, inputs, one, reduce_a, a, reduce_b, b, pooled):
        super().__init__()
        self.branch1 = BasicConv(inputs, one, 1)
        self.branch2 = nn.Sequential(BasicConv(inputs, reduce_a, 1), BasicConv(reduce_a, a, 3))
        self.branch3 = nn.Sequential(BasicConv(inputs, reduce_b, 1), BasicConv(reduce_b, b, 3))
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, 1, 1, ceil_mode=True), BasicConv(inputs, pooled, 1)
        )

    def forward(self, x):
        branches = self.branch1, self.branch2, self.branch3, self.branch4
        return torch.cat([branch(x) for branch in branches], 1)


class Head(nn.Module):
    def __init__(self, inputs, classes):
        super().__init__()
        self.conv = BasicConv(inputs, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x):
        x = torch.flatten(self.conv(nn.functional.adaptive_avg_pool2d(x, (4, 4))), 1)
        return self.fc2(torch.relu(self.fc1(x)))


class GoogLeNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1 = BasicConv(3, 64, 7, 2)
        self.conv2 = BasicConv(64, 64, 1)
        self.conv3 = BasicConv(64, 192, 3)
        inputs = 192
        for name, filters in googlenet.BLOCKS.items():
            setattr(self, name, Inception(inputs, *filters))
            inputs = filters[0] + filters[2] + filters[4] + filters[5]
        self.aux1, self.aux2 = Head(512, classes), Head(528, classes)
        self.fc = nn.Linear(1024, classes)

    def forward(self, x):
        def pool(x, size):
            return nn.functional.max_pool2d(x, size, 2, ceil_mode=True)

        x = pool(self.conv3(self.conv2(pool(self.conv1(x), 3))), 3)
        x = pool(self.inception3b(self.inception3a(x)), 3)
        x = self.inception4a(x)
        aux1 = self.aux1(x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x)
        x = pool(self.inception4e(x), 2)
        x = self.inception5b(self.inception5a(x))
        return {"logits": self.fc(x.mean((2, 3))), "aux2": aux2, "aux1": aux1}


def randomized(network):
    """Draw all numbers anew, also those of the normalizations, so that none hides a mistake."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            noise = torch.randn(value.shape, generator=generator)
            if name.endswith("running_var"):
                value.copy_(torch.exp(0.3 * noise))
            elif value.ndim == 1:
                value.copy_(1 + 0.3 * noise if name.endswith("weight") else 0.1 * noise)
            else:
                value.copy_(noise * (2 / value[0].numel()) ** 0.5)
    return network.eval()


def write(network, path):
    save_file({n: np.array(v.numpy(), order="C") for n, v in network.state_dict().items()}, path)


# name, reference, ours, image size
NETWORKS = [
    ("alexnet", lambda: AlexNet(16, 5), lambda: alexnet.alexnet((80, 95, 3), 5, 16), (80, 95)),
    (
        "resnet18",
        lambda: ResNet(BasicBlock, (2, 2, 2, 2), 8, 5),
        lambda: resnet.resnet18((45, 32, 3), 5, width=8),
        (45, 32),
    ),
    (
        "resnet50",
        lambda: ResNet(Bottleneck, (3, 4, 6, 3), 8, 5),
        lambda: resnet.resnet50((33, 40, 3), 5, width=8),
        (33, 40),
    ),
    (
        "googlenet",
        lambda: GoogLeNet(5),
        lambda: googlenet.googlenet((47, 53, 3), 5, auxiliary=True),
        (47, 53),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "ours", "size"),
    [row[1:] for row in NETWORKS],
    ids=[row[0] for row in NETWORKS],
)
def test_outputs_are_equal(reference, ours, size, tmp_path):
    reference, model = randomized(reference()), ours()
    write(reference, tmp_path / "weights.safetensors")
    model.load_weights(tmp_path / "weights.safetensors")
    x = np.random.default_rng(0).standard_normal((2, *size, 3)).astype("float32")
    with torch.no_grad():
        expected = reference(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
    y = model(x)
    expected = expected if isinstance(expected, dict) else {"logits": expected}
    y = y if isinstance(y, dict) else {"logits": y}
    assert set(y) == set(expected)
    for name, value in expected.items():
        scale = float(value.abs().max())
        np.testing.assert_allclose(y[name] / scale, value.numpy() / scale, **CLOSE)

    # And back: PyTorch takes what is written, every name and shape.
    model.save_weights(tmp_path / "back.safetensors", names="pytorch")
    back = {n: torch.from_numpy(v) for n, v in load_file(tmp_path / "back.safetensors").items()}
    assert all(torch.equal(v, back[n]) for n, v in reference.state_dict().items())
    reference.load_state_dict(back, strict=True)


KINDS = [
    (
        "convolution",
        Conv2D(4, (3, 2), 2, ((1, 0), (0, 1)), groups=2, name="a"),
        lambda: nn.Sequential(nn.ZeroPad2d((0, 1, 1, 0)), nn.Conv2d(2, 4, (3, 2), 2, groups=2)),
    ),
    (
        "depthwise",
        DepthwiseConv2D((3, 2), depth_multiplier=3, name="a"),
        lambda: nn.Sequential(nn.Identity(), nn.Conv2d(2, 6, (3, 2), groups=2)),
    ),
    (
        "transposed",
        Conv2DTranspose(3, (3, 2), 2, name="a"),
        lambda: nn.Sequential(nn.Identity(), nn.ConvTranspose2d(2, 3, (3, 2), 2)),
    ),
    (
        "group norm",
        GroupNormalization(2, epsilon=1e-5, name="a"),
        lambda: nn.Sequential(nn.Identity(), nn.GroupNorm(2, 2)),
    ),
]


@pytest.mark.parametrize(
    ("layer", "reference"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS]
)
def test_layouts_of_single_layers(layer, reference, tmp_path):
    reference = randomized(reference())
    arrays = {f"a.{n.partition('.')[2]}": v.numpy() for n, v in reference.state_dict().items()}
    save_file(arrays, tmp_path / "a.safetensors")
    model = Sequential([Input((6, 5, 2)), layer])
    model.load_weights(tmp_path / "a.safetensors")
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 2)).astype("float32")
    with torch.no_grad():
        expected = reference(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
    np.testing.assert_allclose(model(x), expected.numpy().transpose(0, 2, 3, 1), **CLOSE)


def test_rows_behind_flatten(tmp_path):
    """Normalization and dense layer after Flatten: both meet (C, H, W) there and (H, W, C) here."""

    class Reference(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm1d(24)
            self.fc = nn.Linear(24, 5)

        def forward(self, x):
            return self.fc(torch.relu(self.bn(torch.flatten(x, 1))))

    reference = randomized(Reference())
    write(reference, tmp_path / "a.safetensors")
    model = Sequential(
        [
            Input((3, 4, 2)),
            Flatten(),
            BatchNormalization(epsilon=1e-5, name="bn"),
            Activation("relu"),
            Dense(5, name="fc"),
        ]
    )
    model.load_weights(tmp_path / "a.safetensors")
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 2)).astype("float32")
    with torch.no_grad():
        expected = reference(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
    np.testing.assert_allclose(model(x), expected.numpy(), **CLOSE)


def test_embedding_and_layer_norm(tmp_path):
    reference = randomized(
        nn.Sequential(nn.Embedding(7, 3), nn.LayerNorm(3, eps=1e-5), nn.Linear(3, 2))
    )
    write(reference, tmp_path / "a.safetensors")
    model = Sequential(
        [
            Input((4,), dtype="int32"),
            Embedding(7, 3, name="0"),
            LayerNormalization(epsilon=1e-5, name="1"),
            Dense(2, name="2"),
        ]
    )
    model.load_weights(tmp_path / "a.safetensors")
    words = np.array([[0, 3, 6, 1]])
    with torch.no_grad():
        expected = reference(torch.from_numpy(words))
    np.testing.assert_allclose(model(words), expected.numpy(), **CLOSE)
