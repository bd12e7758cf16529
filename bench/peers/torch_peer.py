"""PyTorch's side: torch_peer.py <task> <plain | foreach | fused | compiled> [channels-last]."""

import sys

from side import portion, random_samples, read_task, required, serve

with required():
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy


def tiny_mlp():
    return nn.Sequential(
        nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)
    )


def mlp():
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
    )


def mnist_convnet():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(1600, 10),
    )


models = {"tiny-mlp": tiny_mlp, "mlp": mlp, "mnist-convnet": mnist_convnet}
adam_forms = {
    "plain": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "compiled": {"fused": True},
}


class Training:
    """A model, its optimizer, and data in memory."""

    def __init__(self, task, form, channels_last, x, y):
        self.task, self.x, self.y, self.channels_last = task, x, y, channels_last
        model = models[task["name"]]()
        if channels_last:
            model.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(model.parameters(), eps=1e-7, **adam_forms[form])
        self.loss = lambda x, y: cross_entropy(model(x), y)
        if form == "compiled":
            self.loss = torch.compile(self.loss)

    def fit(self, steps, mark):
        samples, epochs = portion(self.task, steps)
        batch = self.task["batchSize"]
        for _ in range(epochs):
            order, total = torch.randperm(samples), torch.zeros(())
            for start in range(0, samples, batch):
                rows = order[start : start + batch]
                x = self.x.index_select(0, rows)
                if self.channels_last:
                    x = x.permute(0, 3, 1, 2)
                total += self.step(x, self.y.index_select(0, rows))
            total.item()
            mark()
        return samples // batch

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss(x, y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def main():
    task, form, channels_last = read_task(), sys.argv[2], "channels-last" in sys.argv
    torch.set_num_threads(2)
    x, y = (torch.from_numpy(a) for a in random_samples(task))
    if x.ndim == 4 and not channels_last:
        x = x.permute(0, 3, 1, 2).contiguous()
    training = None

    def train(steps, mark):
        nonlocal training
        training = training or Training(task, form, channels_last, x, y.long())
        return training.fit(steps, mark)

    serve(f"torch {torch.__version__}", train)


main()
