"""What peers of this program say of one of its networks, beside what it says itself.

usage: peers.py MODEL.safetensors data_batch_1.bin OURS.json
"""
import copy
import json
import sys
import warnings

import numpy as np
import torch
from safetensors.torch import load_file

warnings.filterwarnings("ignore")
torch.manual_seed(0)
ROWS = 2000
model_file, data_file, ours_file = sys.argv[1:]
records = np.fromfile(data_file, np.uint8).reshape(-1, 3073)[:ROWS]
X, y = torch.tensor(records[:, 1:] / np.float32(255)), torch.tensor(records[:, 0].astype(np.int64))
with open(ours_file) as file:
    document = json.load(file)
OURS = {name.split("(")[0]: value for name, value in document["measures"].items()}
criterion = torch.nn.CrossEntropyLoss()


def network(**norm):
    sizes = [3072, 512, 256, 128, 10]
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    layers[-1] = torch.nn.BatchNorm1d(10, affine=False, **norm)
    model = torch.nn.Sequential(*layers)
    model.load_state_dict({key: value for key, value in load_file(model_file).items() if not key.startswith("state.")}, strict=False)
    return model


def bare():
    """As this program computes: the normalisation keeps no statistics."""
    return network(track_running_stats=False)


def loss_of(model):
    with torch.no_grad():
        return criterion(model(X), y).item()


def moved(model, steps):
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter, step in zip(other.parameters(), steps):
            parameter += step
    return loss_of(other)


def summary(values):
    return f"{np.mean(values):.4f} ± {np.std(values, ddof=1) / len(values) ** 0.5:.4f}"


def random_directions(model, count, scale):
    """Rises along normal directions that `scale` turns into steps."""
    start, rises = loss_of(model), []
    for _ in range(count):
        steps = scale([torch.randn_like(parameter) for parameter in model.parameters()], list(model.parameters()))
        rises.append((moved(model, steps) + moved(model, [-step for step in steps])) / 2 - start if scale is filters else moved(model, steps) - start)
    return summary(rises)


def sphere(directions, _):
    norm = sum((direction**2).sum() for direction in directions) ** 0.5
    return [5 * direction / norm for direction in directions]


def filters(directions, parameters):
    """Li et al. 2018: every unit's row of weights by its own norm, biases not moved."""
    return [
        0.25 * direction * parameter.norm(dim=1, keepdim=True) / direction.norm(dim=1, keepdim=True)
        if parameter.dim() == 2 else 0 * direction
        for direction, parameter in zip(directions, parameters)
    ]


def pyhessian(model, **data):
    from pyhessian import hessian

    return hessian(model, criterion, cuda=False, **data)


def eigenthings(model, **options):
    from hessian_eigenthings import HessianOperator, lanczos

    operator = HessianOperator(model, [(X, y)], lambda net, batch: criterion(net(batch[0]), batch[1]))
    return max(float(value) for value in lanczos(operator, seed=0, **options).eigenvalues)


def eigenthings_trace(model):
    from hessian_eigenthings import HessianOperator, hutchinson

    operator = HessianOperator(model, [(X, y)], lambda net, batch: criterion(net(batch[0]), batch[1]))
    found = hutchinson(operator, num_samples=64, seed=0)
    return f"{float(found.estimate):.0f} ± {float(found.stderr):.0f}"


def curvlinops(model):
    from curvlinops import HessianLinearOperator
    from scipy.sparse.linalg import eigsh

    operator = HessianLinearOperator(model, criterion, list(model.parameters()), [(X, y)])
    return float(eigsh(operator.to_scipy(), k=1, which="LA", tol=1e-6, return_eigenvectors=False)[0])


def sam(model, rho, adaptive):
    from pytorch_optimizer import SAM

    start = loss_of(model)
    rule = SAM(model.parameters(), torch.optim.SGD, rho=rho, adaptive=adaptive, lr=0.1)
    criterion(model(X), y).backward()
    rule.first_step(zero_grad=True)
    return loss_of(model) - start


def landscape(model):
    import loss_landscapes
    from loss_landscapes.metrics import Loss

    start = loss_of(model)
    return float(loss_landscapes.random_line(model, Loss(criterion, X, y), distance=4, steps=1, normalization="filter")[0]) - start


def ours(name, digits=4):
    value = OURS[name]
    error = value.get("standardError")
    return f"{value['estimate']:.{digits}f}" + (f" ± {error:.{digits}f}" if error else "")


batches = [(X[start : start + 128], y[start : start + 128]) for start in range(0, ROWS, 128)]
WHOLE = {"data": (X, y)}
ROWS_OF_TABLE = [
    ("PyTorch by hand, 100 normal directions, r = 5", lambda: random_directions(bare(), 100, sphere), "sharpness"),
    ("PyTorch by hand, filters of Li et al., r = 0.25 both ways", lambda: random_directions(bare(), 24, filters), "relative-filter"),
    ('loss-landscapes `random_line(distance=4, steps=1, normalization="filter")`', lambda: f"{landscape(bare()):.4f}", "relative-filter"),
    ("PyHessian `eigenvalues(tol=1e-6)`, normalisation without buffers", lambda: f"{pyhessian(bare(), **WHOLE).eigenvalues(tol=1e-6, maxIter=500)[0][0]:.2f}", "lambda-max"),
    ("PyHessian, default `BatchNorm1d` just loaded", lambda: f"{pyhessian(network(), **WHOLE).eigenvalues(tol=1e-6, maxIter=500)[0][0]:.3f}", "lambda-max"),
    ("PyHessian, a loader of batches of 128", lambda: f"{pyhessian(bare(), dataloader=batches).eigenvalues(tol=1e-4, maxIter=500)[0][0]:.2f}", "lambda-max"),
    ("hessian-eigenthings `lanczos(k=1)`", lambda: f"{eigenthings(bare(), k=1):.2f}", "lambda-max"),
    ("hessian-eigenthings `lanczos(k=5, max_iter=50)`", lambda: f"{eigenthings(bare(), k=5, max_iter=50):.2f}", "lambda-max"),
    ("curvlinops with SciPy's `eigsh`", lambda: f"{curvlinops(bare()):.3f}", "lambda-max"),
    ("PyHessian `trace()`", lambda: f"{np.mean(pyhessian(bare(), **WHOLE).trace(maxIter=100)):.0f}", "hessian-trace"),
    ("hessian-eigenthings `hutchinson(64)`", lambda: eigenthings_trace(bare()), "hessian-trace"),
    ("pytorch_optimizer `SAM(rho=0.05).first_step`", lambda: f"{sam(bare(), 0.05, False):.5f}", "worst-case"),
    ("pytorch_optimizer `SAM(rho=0.5, adaptive=True).first_step`", lambda: f"{sam(bare(), 0.5, True):.5f}", "adaptive-worst-case"),
]
DIGITS = {"lambda-max": 2, "hessian-trace": 0, "worst-case": 5, "adaptive-worst-case": 5}

print(f"Loss: {document['loss']:.7f} here, {loss_of(bare()):.7f} in PyTorch {torch.__version__}.\n")
print("| peer | its number | measure here | here |\n| --- | --- | --- | --- |")
for peer, compute, name in ROWS_OF_TABLE:
    try:
        theirs = compute()
    except Exception as error:
        theirs = f"{type(error).__name__}: {str(error).splitlines()[0][:60] if str(error) else ''}"
    print(f"| {peer} | {theirs} | `{name}` | {ours(name, DIGITS.get(name, 4))} |", flush=True)
print(f"\n`trace`, from losses, is {ours('trace', 0)}: not the trace that these programs give.")
