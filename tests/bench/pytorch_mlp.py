"""Training speed of the same network in PyTorch on the CPU: the peer of `deno task bench`.

    python3 tests/bench/pytorch_mlp.py [--data DIR] [--batch-sizes 32,128,1024] [--json]

Every process trains a network of its own on its first images in file order, as the study does; rates
are images a second summed over processes, the median of 5 rounds, each as long as its slowest
process. Peak memory is that of a process, as the system knows it. Needs torch (1.13 or 2) and numpy, and data/ as `deno task reproduce` leaves it.

Optimizers have `fused=True` where this version has it for the CPU, else all forms there are. What to
compare with is marked "the best": of them, and of 1 process x 2 threads and 2 processes x 1 thread.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

ROUNDS = 5
SIZES = [3072, 512, 256, 128, 10]


def work(options):
    """One process: trains a round whenever a line arrives on stdin and answers with its seconds."""
    import numpy
    import torch
    from torch import nn

    torch.set_num_threads(options.threads)
    count = max(10_240, options.batch_size)
    files = [
        numpy.fromfile(f"{options.data}/data_batch_{index + 1}.bin", numpy.uint8)
        for index in range((count + 9_999) // 10_000)
    ]
    rows = numpy.concatenate(files).reshape(-1, 3073)[:count]
    labels = torch.from_numpy(rows[:, 0].astype(numpy.int64))
    images = torch.from_numpy(rows[:, 1:].astype(numpy.float32) / 255)
    torch.manual_seed(0)
    layers = []
    for inputs, outputs in zip(SIZES, SIZES[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    layers[-1] = nn.BatchNorm1d(SIZES[-1], affine=False, track_running_stats=False)
    model = nn.Sequential(*layers)
    name, *form = options.optimizer.split()
    make = {"SGD": torch.optim.SGD, "AdaGrad": torch.optim.Adagrad}[name]
    optimizer = make(model.parameters(), lr=1e-3, **{each: True for each in form})
    cross_entropy = nn.CrossEntropyLoss()

    def epoch():
        for first in range(0, count, options.batch_size):
            batch = slice(first, first + options.batch_size)
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()

    epoch()
    print(count, torch.__version__, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        epoch()
        print(time.perf_counter() - start, flush=True)
    # In KiB on Linux, in bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def measure(options, optimizer, batch_size, processes, threads):
    """Images a second of `processes` processes with `threads` threads each."""
    command = [sys.executable, __file__, "--worker", "--data", options.data]
    command += ["--optimizer", optimizer, "--batch-size", str(batch_size), "--threads", str(threads)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    try:
        count, version = [worker.stdout.readline().split() for worker in workers][0]
        rates = []
        for _ in range(ROUNDS):
            for worker in workers:
                worker.stdin.write("\n")
                worker.stdin.flush()
            slowest = max(float(worker.stdout.readline()) for worker in workers)
            rates.append(processes * int(count) / slowest)
    finally:
        for worker in workers:
            worker.stdin.close()
        peaks = [int(worker.stdout.read() or 0) for worker in workers]
        for worker in workers:
            worker.wait()
    return {
        "optimizer": optimizer,
        "batchSize": batch_size,
        "engine": f"PyTorch {version}",
        "processes": processes,
        "threads": threads,
        "samplesPerSecond": statistics.median(rates),
        "peakBytes": sum(peaks),
    }


def forms(name):
    """The forms of an optimizer that this PyTorch has on the CPU: "SGD", "SGD fused"."""
    import torch

    weight = torch.zeros(2, requires_grad=True)
    weight.grad = torch.ones(2)
    found = [name]
    for form in ["foreach", "fused"]:
        try:
            make = {"SGD": torch.optim.SGD, "AdaGrad": torch.optim.Adagrad}[name]
            make([weight], lr=1e-3, **{form: True}).step()
            found.append(f"{name} {form}")
        except (TypeError, RuntimeError):
            pass  # An older version, or one that has it on GPUs only.
    fused = f"{name} fused"
    return [fused] if fused in found else found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="data", help="folder of the six .bin files")
    parser.add_argument("--batch-sizes", default="32,128,1024")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--optimizer", help=argparse.SUPPRESS)
    parser.add_argument("--batch-size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
        return
    rows = []
    for batch_size in map(int, options.batch_sizes.split(",")):
        for name in ["SGD", "AdaGrad"]:
            tried = [
                measure(options, form, batch_size, processes, threads)
                for form in forms(name)
                for processes, threads in [(1, 2), (2, 1)]
            ]
            for row in tried:
                print(describe(row), file=sys.stderr)
            best = max(tried, key=lambda row: row["samplesPerSecond"])
            print(f"{describe(best)}  the best", file=sys.stderr)
            rows += [{**row, "best": row is best} for row in tried]
    if options.json:
        print(json.dumps(rows))


def describe(row):
    """A row in words."""
    return (
        f"{row['engine']}  {row['processes']} x {row['threads']} threads  {row['optimizer']:15}  "
        f"batch {row['batchSize']:5}  {row['samplesPerSecond']:8.0f} images/s  {row['peakBytes'] / 1e9:.2f} GB"
    )


if __name__ == "__main__":
    main()
