"""
PyTorch's side: torch_peer.py <task> <form> [channels-last]. Forms of training: the optimizer plain, foreach or fused,
or the model compiled too; of prediction: eager, compiled, or frozen, which is compiled with the weights.
"""

import sys

from side import calls, portion, random_samples, read_task, required, serve

with required():
    import torch
    from torch.nn.functional import cross_entropy
    from torch_models import models

optimizer_forms = {
    "plain": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "compiled": {"fused": True},
}


class Training:
    """A model, its optimizer, and data in memory."""

    def __init__(self, task, form, channels_last, x, y):
        self.task, self.x, self.y, self.channels_last = task, x, y, channels_last
        model = build(task, channels_last)
        if task["optimizer"] == "adam":
            self.optimizer = torch.optim.Adam(model.parameters(), eps=1e-7, **optimizer_forms[form])
        else:
            self.optimizer = torch.optim.SGD(
                model.parameters(), lr=0.01, momentum=0.9, **optimizer_forms[form]
            )
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


def build(task, channels_last):
    model = models[task["name"]]()
    return model.to(memory_format=torch.channels_last) if channels_last else model


def training(task, form, channels_last, x, y):
    made = None

    def train(steps, mark):
        nonlocal made
        made = made or Training(task, form, channels_last, x, y.long())
        return made.fit(steps, mark)

    return train


def prediction(task, form, channels_last, x):
    def predictor():
        model = build(task, channels_last).eval()
        call = model if form == "eager" else torch.compile(model)

        def predict(batch):
            with torch.no_grad():
                call(batch.permute(0, 3, 1, 2) if channels_last else batch)

        return predict

    return calls(x.split(task["batchSize"]), predictor)


def main():
    task, form, channels_last = read_task(), sys.argv[2], "channels-last" in sys.argv
    torch.set_num_threads(2)
    x, y = (torch.from_numpy(a) for a in random_samples(task))
    if x.ndim == 4 and not channels_last:
        x = x.permute(0, 3, 1, 2).contiguous()
    train = task["mode"] == "train"
    run = training(task, form, channels_last, x, y) if train else prediction(task, form, channels_last, x)
    serve(f"torch {torch.__version__}", run)


main()
