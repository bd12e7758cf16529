"""pytorch/encoder.onnx and .json: a small transformer encoder as torch.onnx writes it, and the losses of its first ten
steps in PyTorch, on data that the JSON has. By hand, with torch, onnx and onnxscript:

    python recorder/pytorch_encoder.py
"""

import json
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parents[1] / "pytorch"


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(20, 16)
        self.places = nn.Parameter(torch.randn(6, 16) * 0.1)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.scores = nn.Linear(16, 3)

    def forward(self, tokens):
        return self.scores(self.encoder(self.tokens(tokens) + self.places).mean(dim=1))


def losses(model, tokens, classes, optimizer):
    found = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens), classes)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def main():
    torch.manual_seed(1)
    model = Encoder()
    tokens = torch.randint(0, 20, (8, 6))
    classes = torch.randint(0, 3, (8,))
    HERE.mkdir(exist_ok=True)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    # in training mode, as in evaluation the layers take a fused path that ONNX does not have; nothing is dropped
    torch.onnx.export(
        model.train(),
        (tokens,),
        HERE / "encoder.onnx",
        input_names=["tokens"],
        output_names=["scores"],
        dynamic_axes={"tokens": {0: "batch"}},
        training=torch.onnx.TrainingMode.TRAINING,
        do_constant_folding=False,
        opset_version=17,
        dynamo=False,
    )
    record = {
        "tokens": tokens.flatten().tolist(),
        "classes": classes.tolist(),
        "scores": [float(f"{v:.7g}") for v in model(tokens).flatten().tolist()],
    }
    for name, make in (("sgd", lambda p: torch.optim.SGD(p, 0.1)), ("momentum", lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)), ("adam", lambda p: torch.optim.Adam(p, 0.001, eps=1e-7))):
        model.load_state_dict(start)
        record[name] = losses(model, tokens, classes, make(model.parameters()))
    (HERE / "encoder.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
    print((HERE / "encoder.onnx").stat().st_size, record)


main()
