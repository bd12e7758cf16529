"""
The networks of the workloads, in PyTorch, by name: scores without the softmax, which the loss contains. Normalization
has Keras's constants. Strided convolutions pad on both sides, as PyTorch's own models do: same sizes, same work.
"""

import torch
from torch import nn


def batch_norm(channels, momentum=0.01):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=momentum)


class Residual(nn.Module):
    """`after(inner(x) + shortcut(x))`"""

    def __init__(self, inner, shortcut=None, after=None):
        super().__init__()
        self.inner = inner
        self.shortcut = shortcut or nn.Identity()
        self.after = after or nn.Identity()

    def forward(self, x):
        return self.after(self.shortcut(x) + self.inner(x))


def resnet20():
    def normalized(channels, filters, size, stride):
        convolution = nn.Conv2d(channels, filters, size, stride, size // 2, bias=False)
        return convolution, batch_norm(filters)

    stack, channels = [*normalized(3, 16, 3, 1), nn.ReLU(inplace=True)], 16
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if filters > 16 and block == 0 else 1
            inner = nn.Sequential(
                *normalized(channels, filters, 3, stride),
                nn.ReLU(inplace=True),
                *normalized(filters, filters, 3, 1),
            )
            short = nn.Sequential(*normalized(channels, filters, 1, 2)) if stride == 2 else None
            stack.append(Residual(inner, short, nn.ReLU(inplace=True)))
            channels = filters
    return nn.Sequential(*stack, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def mobilenet_v2():
    def normalized(channels, filters, size=1, stride=1, groups=1):
        convolution = nn.Conv2d(
            channels, filters, size, stride, size // 2, groups=groups, bias=False
        )
        return convolution, batch_norm(filters, momentum=0.001)

    relu6 = nn.ReLU6(inplace=True)
    stack, channels = [*normalized(3, 32, 3, 2), relu6], 32
    stages = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    for expansion, filters, count, first_stride in stages:
        for i in range(count):
            stride, wide = first_stride if i == 0 else 1, expansion * channels
            expand = [] if expansion == 1 else [*normalized(channels, wide), relu6]
            depthwise = [*normalized(wide, wide, 3, stride, groups=wide), relu6]
            block = nn.Sequential(*expand, *depthwise, *normalized(wide, filters))
            keeps = stride == 1 and channels == filters
            stack.append(Residual(block) if keeps else block)
            channels = filters
    stack += [*normalized(320, 1280), relu6, nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*stack, nn.Linear(1280, 10))


class Joined(nn.Module):
    """What a level makes of its input, beside what the levels below make of that."""

    def __init__(self, level, below, filters):
        super().__init__()
        self.level, self.pool, self.below = level, nn.MaxPool2d(2), below
        self.enlarge = nn.ConvTranspose2d(2 * filters, filters, 2, stride=2)

    def forward(self, x):
        x = self.level(x)
        return torch.cat([self.enlarge(self.below(self.pool(x))), x], 1)


def unet():
    def level(channels, filters):
        return nn.Sequential(
            nn.Conv2d(channels, filters, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(filters, filters, 3, padding=1),
            nn.ReLU(inplace=True),
        )

    middle = nn.Sequential(Joined(level(32, 64), level(64, 128), 64), level(128, 64))
    top = nn.Sequential(Joined(level(3, 32), middle, 32), level(64, 32))
    return nn.Sequential(top, nn.Conv2d(32, 3, 1))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20000, 128)
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.classify = nn.Linear(128, 2)

    def forward(self, x):
        _, (last, _) = self.lstm(self.embedding(x))
        return self.classify(last[0])


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(8000, 128)
        self.positions = nn.Parameter(0.05 * torch.rand(64, 128))
        layer = nn.TransformerEncoderLayer(
            128, 4, 512, dropout=0.1, layer_norm_eps=1e-3, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.classify = nn.Linear(128, 10)

    def forward(self, x):
        return self.classify(self.encoder(self.embedding(x) + self.positions).mean(1))


models = {
    "tiny-mlp": lambda: nn.Sequential(
        nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)
    ),
    "mlp": lambda: nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
    ),
    "mnist-convnet": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(1600, 10),
    ),
    "resnet20": resnet20,
    "mobilenet-v2": mobilenet_v2,
    "unet": unet,
    "lstm": Lstm,
    "transformer": Transformer,
}
