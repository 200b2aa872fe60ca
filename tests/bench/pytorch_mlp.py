"""The work of `deno task bench` in PyTorch: images/s of training MLP_1 on synthetic pixels.

Prints the best of one process with T threads and of T processes with one thread each, medians of 5 epochs
of 10,240 images. Needs torch and numpy (Debian: python3-torch).
"""
import argparse
import multiprocessing
import time


def train(optimizer, batch, threads, barrier, queue):
    import numpy as np
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    rows = max(10_240, batch)
    pixels = np.random.default_rng(0).integers(0, 256, (rows, 3072), dtype=np.uint8)
    x = torch.from_numpy(pixels.astype(np.float32) / 255)
    y = torch.randint(0, 10, (rows,))
    sizes = [3072, 512, 256, 128, 10]
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    net = nn.Sequential(*layers[:-1], nn.BatchNorm1d(10, affine=False, momentum=0))
    kinds = {"SGD": torch.optim.SGD, "AdaGrad": torch.optim.Adagrad}
    update = kinds[optimizer](net.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    rates = []
    for epoch in range(6):
        barrier.wait()
        start = time.perf_counter()
        for first in range(0, rows, batch):
            update.zero_grad()
            loss_of(net(x[first : first + batch]), y[first : first + batch]).backward()
            update.step()
        barrier.wait()
        if epoch > 0:
            rates.append(rows / (time.perf_counter() - start))
    queue.put(sorted(rates)[len(rates) // 2])


def measure(optimizer, batch, processes, threads):
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(processes), context.Queue()
    children = [
        context.Process(target=train, args=(optimizer, batch, threads, barrier, queue))
        for _ in range(processes)
    ]
    for child in children:
        child.start()
    rate = sum(queue.get() for _ in children)
    for child in children:
        child.join()
    return rate


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--batch-sizes", default="32,128,1024")
    options = parser.parse_args()
    for optimizer in ("SGD", "AdaGrad"):
        for batch in map(int, options.batch_sizes.split(",")):
            one = measure(optimizer, batch, 1, options.threads)
            many = measure(optimizer, batch, options.threads, 1)
            print(f"{optimizer} batch {batch}: {max(one, many):.0f} images/s "
                  f"(1 process {one:.0f}, {options.threads} processes {many:.0f})", flush=True)
