"""
PyTorch's side of equations.ts: torch_equations.py <equation> <form>, as torch_peer.py. Derivatives of the network by its
inputs come from `autograd.grad` with `create_graph=True`.
"""

import math
import sys

from side import calls, required, serve

with required():
    import torch

forms = {"plain": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


def network(*sizes):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def slope(y, x):
    return torch.autograd.grad(y.sum(), x, create_graph=True)[0]


def poisson(u):
    inside = (torch.arange(1, 17, dtype=torch.float32) / 17 * 2 - 1)[:, None].requires_grad_()
    edges = torch.tensor([[-1.0], [1.0]])

    def loss():
        second = slope(slope(u(inside), inside), inside)
        source = torch.sin(inside * math.pi) * math.pi**2
        return (second + source).square().mean() + u(edges).square().mean()

    return loss


def burgers(u):
    def points(n, x, t):
        return torch.rand(n, 2) * torch.tensor([x[1] - x[0], t[1] - t[0]]) + torch.tensor([x[0], t[0]])

    inside = points(2540, (-1.0, 1.0), (0.0, 1.0)).requires_grad_()
    edges = torch.cat([points(40, (-1.0, -1.0), (0.0, 1.0)), points(40, (1.0, 1.0), (0.0, 1.0))])
    start = points(160, (-1.0, 1.0), (0.0, 0.0))
    first = -torch.sin(start[:, :1] * math.pi)

    def loss():
        y = u(inside)
        first_order = slope(y, inside)
        ux, ut = first_order[:, :1], first_order[:, 1:]
        uxx = slope(ux, inside)[:, :1]
        equation = (ut + y * ux - 0.01 / math.pi * uxx).square().mean()
        return equation + u(edges).square().mean() + (u(start) - first).square().mean()

    return loss


equations = {"poisson": (poisson, (1, 50, 50, 50, 1)), "burgers": (burgers, (2, 20, 20, 20, 1))}


def main():
    torch.set_num_threads(2)
    torch.manual_seed(0)
    equation, sizes = equations[sys.argv[1]]

    def build():
        u = network(*sizes)
        loss_of = equation(u)
        optimizer = torch.optim.Adam(u.parameters(), lr=1e-3, eps=1e-7, **forms[sys.argv[2]])

        def step(_):
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    serve(f"torch {torch.__version__}", calls([None], build))


main()
