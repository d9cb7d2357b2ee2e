#!/usr/bin/env python3
"""Time of a training step: PixelCNN++ `small` in this program and in PyTorch, run in turns.

    scripts/step_time.py target/release/noisefloor [--threads N] [--parts N] [--rounds N]

needs PyTorch. The network in PyTorch has the same layers (weight normalisation, gates, mixtures of
logistics), as many parameters, the same tiles (8 of 32 x 32 pixels) and Adam; its inputs are noise
in place of prepared features, which the program makes anew in every step. A round trains for a few
and for more steps; the difference of the two divided by the steps between them is free of what a
run does once. Prints processor time and time by the clock of the fastest round, and their ratios.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXPERIMENT = """
name = "step-time"
seed = 1
[net]
preset = "pixelcnnpp/small"
[data]
train = ["sim-lco@train"]
hold_out = ["sim-lco-001016"]
[tiles]
height_px = {side}
width_px = {side}
batch = {batch}
parts = {parts}
[optimiser]
rule.adam = {{}}
[schedule]
rate = 1e-4
decay.cosine = {{ steps = 1000 }}
[validation]
every_steps = 100000
tiles_per_image = 1
[stop]
steps = {steps}
"""
BATCH, SIDE_PX = 8, 32
FILTERS, BLOCKS, MIXTURES = 20, 2, 4
FEATURES, CONTEXT, PREDICTORS = 3, 9, 7
PARAMETERS = 104_999
FEW, MANY = 10, 40


def program_seconds(program: str, threads: int, parts: int, steps: int) -> tuple[float, float]:
    """Processor and clock time of a run of so many steps."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = Path(folder) / "step-time.toml"
        experiment.write_text(
            EXPERIMENT.format(side=SIDE_PX, batch=BATCH, parts=parts, steps=steps)
        )
        command = [program, "train", str(experiment), "--output", folder, "--threads", str(threads)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        clock = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, clock


def network():
    """The same network in PyTorch."""
    import torch
    from torch import nn
    from torch.nn import functional as F
    from torch.nn.utils.parametrizations import weight_norm

    def elu_pair(x):
        return F.elu(torch.cat([x, -x], 1))

    class Shifted(nn.Module):
        """A convolution whose window is padded by (left, right, top, bottom)."""

        def __init__(self, inputs, outputs, kernel, padding):
            super().__init__()
            self.padding = padding
            self.layer = weight_norm(nn.Conv2d(inputs, outputs, kernel))

        def forward(self, x):
            return self.layer(F.pad(x, self.padding))

    def down(inputs, outputs):
        return Shifted(inputs, outputs, (2, 3), (1, 1, 1, 0))

    def right(inputs, outputs):
        return Shifted(inputs, outputs, (2, 2), (1, 0, 1, 0))

    class Block(nn.Module):
        def __init__(self, conv, skips):
            super().__init__()
            f = FILTERS
            self.first, self.second = conv(2 * f, f), conv(2 * f, 2 * f)
            self.skip = weight_norm(nn.Conv2d(2 * skips * f, f, 1)) if skips else None

        def forward(self, x, other=None):
            inner = self.first(elu_pair(x))
            if self.skip is not None:
                inner = inner + self.skip(elu_pair(other))
            a, b = self.second(elu_pair(inner)).chunk(2, 1)
            return x + a * torch.sigmoid(b)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            f = FILTERS
            self.u_first = Shifted(FEATURES, f, (2, 3), (1, 1, 2, -1))
            self.ul_above = Shifted(FEATURES, f, (1, 3), (1, 1, 1, -1))
            self.ul_left = Shifted(FEATURES, f, (2, 1), (1, -1, 1, 0))
            self.ul_context = weight_norm(nn.Conv2d(CONTEXT, f, 1))
            self.there = nn.ModuleList(
                nn.ModuleList([Block(down, 0), Block(right, 1)]) for _ in range(BLOCKS)
            )
            self.back = nn.ModuleList(
                nn.ModuleList([Block(down, 1), Block(right, 2)]) for _ in range(BLOCKS)
            )
            self.last = nn.Conv2d(f, 3 * MIXTURES + PREDICTORS, 1)

        def forward(self, features, context):
            u = self.u_first(features)
            ul = self.ul_above(features) + self.ul_left(features) + self.ul_context(context)
            passed = [(u, ul)]
            for block_u, block_ul in self.there:
                u = block_u(u)
                ul = block_ul(ul, u)
                passed.append((u, ul))
            u, ul = passed.pop()
            for block_u, block_ul in self.back:
                down_u, down_ul = passed.pop()
                u = block_u(u, down_u)
                ul = block_ul(ul, torch.cat([u, down_ul], 1))
            return self.last(F.elu(ul))

    def loss(outputs, residuals, predictors):
        """Bits of integers under mixtures of logistics (arXiv:1701.05517, eq. 2)."""
        k = MIXTURES
        weights = torch.softmax(outputs[:, 3 * k :], 1)
        centre = (weights * predictors).sum(1, keepdim=True)
        x = residuals - centre
        logits, means, scales = outputs[:, : 3 * k].split(k, 1)
        inverse = torch.exp(-scales.clamp(-3.5, 10))
        distance = x - means
        upper = F.logsigmoid((distance + 0.5) * inverse)
        lower = F.logsigmoid(-(distance - 0.5) * inverse)
        between = torch.log(-torch.expm1(-inverse.clamp_min(1e-5)))
        shares = torch.log_softmax(logits, 1) + upper + lower + between
        return -torch.logsumexp(shares, 1).mean() / 0.6931471805599453

    net = Net()
    found = sum(parameter.numel() for parameter in net.parameters())
    if found != PARAMETERS:
        sys.exit(f"the network in PyTorch has {found} parameters, expected {PARAMETERS}")
    return net, loss


def torch_seconds(net, loss, optimiser, steps: int) -> tuple[float, float]:
    """Processor and clock time of so many steps."""
    import torch

    shape = (SIDE_PX, SIDE_PX)
    started, used = time.perf_counter(), time.process_time()
    for _ in range(steps):
        features = torch.randn(BATCH, FEATURES, *shape)
        context = torch.randn(BATCH, CONTEXT, *shape)
        predictors = torch.randn(BATCH, PREDICTORS, *shape)
        residuals = 4 * torch.randn(BATCH, 1, *shape)
        optimiser.zero_grad()
        loss(net(features, context), residuals, predictors).backward()
        optimiser.step()
    return time.process_time() - used, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="a build of the program with training")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parts", type=int, default=1, help="tiles.parts of the experiment")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    try:
        import torch
    except ImportError:
        sys.exit("PyTorch is needed: pip install torch")
    torch.set_num_threads(args.threads)
    net, loss = network()
    optimiser = torch.optim.Adam(net.parameters(), 1e-4)
    ours, theirs = [], []
    for _ in range(args.rounds):
        runs = [program_seconds(args.program, args.threads, args.parts, n) for n in (FEW, MANY)]
        ours.append([(many - few) / (MANY - FEW) for few, many in zip(*runs)])
        torch_seconds(net, loss, optimiser, FEW)
        spent = torch_seconds(net, loss, optimiser, MANY - FEW)
        theirs.append([seconds / (MANY - FEW) for seconds in spent])
    print(f"{args.threads} threads, {args.parts} parts, PyTorch {torch.__version__}; ms a step")
    for number, name in enumerate(("processor", "clock")):
        here, there = (1000 * min(round[number] for round in rounds) for rounds in (ours, theirs))
        print(f"{name:9}  noisefloor {here:7.1f}  PyTorch {there:7.1f}  ratio {here / there:.2f}")


if __name__ == "__main__":
    main()
