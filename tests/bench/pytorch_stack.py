"""Images a second of a stack of E networks in PyTorch: batched products in float32, without TF32.

The peer of tensorflow_stack.ts: the same network, normalised logits, manual backward pass and update
in place, one product of the shared batch for all first layers, torch.baddbmm for the others. Images
are random: the arithmetic does not depend on them. Images a second are summed over the members.

    python3 tests/bench/pytorch_stack.py [--stacks 1,12,84] [--batches 32,128,1024]
        [--optimizers SGD,AdaGrad] [--images 50000] [--seconds 5] [--device cuda] [--check] [--json]
"""
import argparse, json, sys, time

import torch

SIZES = [3072, 512, 256, 128, 10]
RATE = 0.01


class Stack:
    """Weights [E, out, in] and biases [E, 1, out]; the logits take no bias: it would cancel."""

    def __init__(self, members, device, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.weights, self.biases = [], []
        for inputs, outputs in zip(SIZES, SIZES[1:]):
            bound = inputs ** -0.5
            for tensors, shape in ((self.weights, (outputs, inputs)), (self.biases, (1, outputs))):
                one = (torch.rand(shape, generator=generator) * 2 - 1) * bound
                tensors.append(one.expand(members, *shape).contiguous().to(device))
        self.sums = [torch.zeros_like(t) for t in self.weights + self.biases]
        self.losses = torch.zeros(members, device=device)

    def logits(self, x):
        """Outputs of every layer; the images x [B, 3072] are shared by the members."""
        members, units, inputs = self.weights[0].shape
        first = x @ self.weights[0].view(members * units, inputs).T
        outputs = [(first.view(-1, members, units).transpose(0, 1) + self.biases[0]).relu_()]
        for index in range(1, len(self.weights)):
            weight = self.weights[index].transpose(1, 2)
            last = index == len(self.weights) - 1
            outputs.append(
                torch.bmm(outputs[-1], weight) if last
                else torch.baddbmm(self.biases[index], outputs[-1], weight).relu_()
            )
        return outputs

    def step(self, x, y, optimizer):
        outputs = self.logits(x)
        z = outputs.pop()
        rows = z.shape[1]
        mean = z.mean(1, keepdim=True)
        inverse = (z.var(1, keepdim=True, unbiased=False) + 1e-5).rsqrt()
        n = (z - mean) * inverse
        log_p = n.log_softmax(2)
        self.losses -= log_p[:, torch.arange(rows, device=z.device), y].mean(1)
        error = log_p.exp()
        error[:, torch.arange(rows, device=z.device), y] -= 1
        delta = (error - error.mean(1, keepdim=True) - n * (error * n).mean(1, keepdim=True)) * inverse / rows
        if optimizer == "SGD":
            delta *= RATE
        for index in reversed(range(len(self.weights))):
            below = None
            if index > 0:
                below = torch.bmm(delta, self.weights[index]) * (outputs[index - 1] > 0)
            self.update(index, delta, outputs[index - 1] if index > 0 else x, optimizer)
            delta = below

    def update(self, index, delta, below, optimizer):
        weight, bias = self.weights[index], self.biases[index]
        last = index == len(self.weights) - 1
        members, units, inputs = weight.shape
        if optimizer == "SGD":
            if index == 0:
                flat = delta.transpose(0, 1).reshape(-1, members * units)
                weight.view(members * units, inputs).addmm_(flat.T, below, alpha=-1)
            else:
                weight.baddbmm_(delta.transpose(1, 2), below, alpha=-1)
            if not last:
                bias -= delta.sum(1, keepdim=True)
            return
        if index == 0:
            flat = delta.transpose(0, 1).reshape(-1, members * units)
            gradient = (flat.T @ below).view(members, units, inputs)
        else:
            gradient = torch.bmm(delta.transpose(1, 2), below)
        self.adagrad(index, weight, gradient)
        if not last:
            self.adagrad(len(self.weights) + index, bias, delta.sum(1, keepdim=True))

    def adagrad(self, index, parameter, gradient):
        self.sums[index].addcmul_(gradient, gradient)
        parameter.addcdiv_(gradient, self.sums[index].sqrt().add_(1e-10), value=-RATE)


def measure(members, batch, optimizer, options, images, labels):
    stack = Stack(members, options.device)
    wait = torch.cuda.synchronize if options.device.startswith("cuda") else (lambda: None)
    starts = range(0, len(images) - batch + 1, batch)

    def run(seconds):
        wait()
        start, batches = time.perf_counter(), 0
        while True:
            for first in starts:
                stack.step(images[first:first + batch], labels[first:first + batch], optimizer)
                batches += 1
                if batches % 20 == 0:
                    wait()
                    if time.perf_counter() - start >= seconds:
                        return batches * batch * members / (time.perf_counter() - start)

    run(0)
    return run(options.seconds)


def check():
    """One SGD and one AdaGrad step against autograd and torch.optim, in float64."""
    torch.set_default_dtype(torch.float64)
    x, y = torch.rand(40, SIZES[0]), torch.randint(0, 10, (40,))
    for optimizer, make in (("SGD", torch.optim.SGD), ("AdaGrad", torch.optim.Adagrad)):
        stack, reference = Stack(2, "cpu"), Stack(2, "cpu")
        parameters = [t.requires_grad_() for t in reference.weights + reference.biases]
        optim = make(parameters, lr=RATE)
        h = x
        for index, (weight, bias) in enumerate(zip(reference.weights, reference.biases)):
            h = h @ weight.transpose(1, 2) + bias
            h = h.relu() if index < 3 else h
        n = (h - h.mean(1, keepdim=True)) / (h.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        sum(torch.nn.functional.cross_entropy(member, y) for member in n).backward()
        optim.step()
        stack.step(x, y, optimizer)
        # The logits' bias is left out: its gradient is 0 but for rounding, which AdaGrad blows up.
        for mine, theirs in zip((stack.weights + stack.biases)[:-1], parameters[:-1]):
            # AdaGrad's first step is lr times the gradient's sign: rounding decides where it is nearly 0.
            clear = theirs.grad.abs() > 1e-9
            worst = ((mine - theirs).abs() * clear).max().item()
            assert worst < 1e-9, f"{optimizer} is off by {worst}"
    print("one step of SGD and of AdaGrad agrees with autograd to 1e-9", file=sys.stderr)


def main():
    numbers = lambda text: [int(part) for part in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stacks", type=numbers, default=[1, 12, 84])
    parser.add_argument("--batches", type=numbers, default=[32, 128, 1024])
    parser.add_argument("--optimizers", type=lambda text: text.split(","), default=["SGD", "AdaGrad"])
    parser.add_argument("--images", type=int, default=50000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.check:
        return check()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_grad_enabled(False)
    name = torch.cuda.get_device_name() if options.device.startswith("cuda") else options.device
    images = torch.randint(0, 256, (options.images, SIZES[0]), device=options.device).float().div_(255)
    labels = torch.randint(0, 10, (options.images,), device=options.device)
    rows = []
    for optimizer in options.optimizers:
        for members in options.stacks:
            for batch in options.batches:
                speed = measure(members, batch, optimizer, options, images, labels)
                rows.append({
                    "optimizer": optimizer, "stack": members, "batchSize": batch,
                    "engine": f"PyTorch {torch.__version__} ({name})", "imagesPerSecond": speed,
                })
                print(f"{optimizer} stack {members} batch {batch}: {speed:,.0f} images/s", file=sys.stderr)
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
