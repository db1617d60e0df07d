"""Train a small neural network to read handwritten digits, data-parallel over the tasks of a Slurm step.

Every task holds a copy of the network and its own share of each epoch's images. After each batch the gradients of all
tasks are summed through task 0 over TCP, so that all copies stay equal. Run by `srun python3 train.py` (see
train.sbatch), or alone as `python3 train.py`. Needs numpy; computes on the GPU where the task was given one and PyTorch
is installed.
"""

import argparse
import gzip
import os
import socket
import sys
import time

import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.csv.gz")
TEST_EVERY = 5  # one image of five is kept back for the test
WAIT = 60.0  # seconds in which all tasks must have met


class Group:
    """The tasks of this step: who am I, how many are we, and the sum of something over all."""

    def __init__(self):
        self.rank = int(os.environ.get("SLURM_PROCID", "0"))
        self.size = int(os.environ.get("SLURM_NTASKS", "1"))
        job = int(os.environ.get("SLURM_JOB_ID", "0"))
        one_node = os.environ.get("SLURM_NNODES", "1") == "1"
        address = "127.0.0.1" if one_node else os.environ["MASTER_ADDR"]
        port = 20000 + job % 10000
        self.peers = []
        if self.size > 1 and self.rank == 0:
            with socket.create_server(("127.0.0.1" if one_node else "", port), backlog=self.size) as server:
                server.settimeout(WAIT)
                self.peers = [server.accept()[0] for _ in range(self.size - 1)]
        elif self.size > 1:
            self.peers = [connect(address, port)]
        for peer in self.peers:
            peer.settimeout(WAIT)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def sum(self, values):
        """Replace each number of the float32 array by its sum over all tasks."""
        if self.rank == 0:
            part = np.empty_like(values)
            for peer in self.peers:
                receive(peer, part)
                values += part
            for peer in self.peers:
                peer.sendall(values)
        else:
            self.peers[0].sendall(values)
            receive(self.peers[0], values)
        return values


def connect(address, port):
    """Task 0 may start a moment later than the others."""
    deadline = time.monotonic() + WAIT
    while True:
        try:
            return socket.create_connection((address, port), timeout=WAIT)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def receive(peer, array):
    view = memoryview(array).cast("B")
    while view:
        count = peer.recv_into(view)
        if count == 0:
            raise ConnectionError("another task has ended")
        view = view[count:]


class Device:
    """Where the arithmetic happens: numpy on the CPU, or PyTorch on the GPU that the task was given."""

    def __init__(self):
        self.gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        self.math, self.name = np, "CPU (numpy)"
        if self.gpus:
            try:
                import torch
            except ImportError:
                return
            if torch.cuda.is_available():
                self.math, self.name = torch, f"{torch.cuda.get_device_name(0)} (PyTorch)"

    def put(self, array):
        return array if self.math is np else self.math.from_numpy(array).cuda()

    def get(self, array):
        return array if self.math is np else array.cpu().numpy()


class Network:
    """64 pixels -> `hidden` rectified units -> 10 digits, trained by gradient descent with momentum."""

    def __init__(self, device, hidden, seed):
        rng = np.random.default_rng(seed)  # the same seed everywhere: all copies start equal
        self.device, self.math = device, device.math
        self.shapes = [(64, hidden), (hidden,), (hidden, 10), (10,)]
        start = [rng.standard_normal(shape) * (2 / shape[0]) ** 0.5 * (len(shape) == 2) for shape in self.shapes]
        self.weights = [device.put(array.astype(np.float32)) for array in start]
        self.speed = [array * 0 for array in self.weights]

    def forward(self, images):
        w1, b1, w2, b2 = self.weights
        hidden = images @ w1 + b1
        hidden = hidden * (hidden > 0)
        return hidden, hidden @ w2 + b2

    def gradients(self, images, labels):
        """One flat float32 array: the summed gradients of all weights, then the summed loss and the number of images."""
        images, wanted = self.device.put(images), self.device.put(np.eye(10, dtype=np.float32)[labels])
        hidden, scores = self.forward(images)
        likely = self.math.exp(scores - scores.max())
        likely = likely / likely.sum(1).reshape(-1, 1)
        loss = -self.math.log((likely * wanted).sum(1) + 1e-9).sum()
        error = likely - wanted
        back = (error @ self.weights[2].T) * (hidden > 0)
        parts = [images.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
        flat = [self.device.get(part).ravel() for part in parts]
        return np.concatenate([*flat, [float(loss), len(labels)]], dtype=np.float32)

    def step(self, summed, rate):
        """Move all weights against the mean of the summed gradients."""
        count, at = summed[-1], 0
        for index, shape in enumerate(self.shapes):
            size = int(np.prod(shape))
            gradient = self.device.put((summed[at : at + size] / count).reshape(shape))
            self.speed[index] = self.speed[index] * 0.9 - gradient * rate
            self.weights[index] = self.weights[index] + self.speed[index]
            at += size

    def accuracy(self, images, labels):
        scores = self.device.get(self.forward(self.device.put(images))[1])
        return float((scores.argmax(1) == labels).mean())


def load():
    with gzip.open(DATA, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)
    return table[:, :64] / 16, table[:, 64].astype(np.int64)


def shifted(images, rng):
    """Each image moved by up to one pixel each way, at random: the network sees new pictures every time."""
    padded = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    down, right = rng.integers(0, 3, (2, len(images), 1, 1))
    rows, columns = np.arange(8).reshape(1, 8, 1) + down, np.arange(8).reshape(1, 1, 8) + right
    return padded[np.arange(len(images)).reshape(-1, 1, 1), rows, columns].reshape(-1, 64)


def main():
    parser = argparse.ArgumentParser(description="Train a network that reads digits; one task of a Slurm step, or alone.")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--passes", type=int, default=14, help="times the images are seen, newly shifted, in an epoch")
    parser.add_argument("--batch", type=int, default=32, help="images of a batch, over all tasks")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    group, device = Group(), Device()
    where = f"{socket.gethostname()}: GPUs {device.gpus or 'none'}, computing on {device.name}"
    print(f"task {group.rank} of {group.size} on {where}", flush=True)
    images, labels = load()
    kept = np.arange(len(labels)) % TEST_EVERY == 0
    train_images, train_labels = images[~kept], labels[~kept]
    network = Network(device, options.hidden, options.seed)
    common, own = np.random.default_rng(options.seed), np.random.default_rng([options.seed, group.rank])
    began = time.monotonic()
    for epoch in range(1, options.epochs + 1):
        rate = 0.05 * (1 - (epoch - 1) / options.epochs)
        loss = seen = 0.0
        for _ in range(options.passes):
            order = common.permutation(len(train_labels))  # equal in all tasks, of which each takes its share
            for at in range(0, len(order), options.batch):
                share = order[at : at + options.batch][group.rank :: group.size]
                summed = group.sum(network.gradients(shifted(train_images[share], own), train_labels[share]))
                network.step(summed, rate)
                loss, seen = loss + float(summed[-2]), seen + float(summed[-1])
        if group.rank == 0:
            print(f"epoch {epoch:2}/{options.epochs}  loss {loss / seen:.4f}  {time.monotonic() - began:5.1f} s", flush=True)
    if group.rank == 0:
        accuracy = network.accuracy(images[kept], labels[kept])
        print(f"test accuracy {accuracy:.1%} on {kept.sum()} images that were not trained on", flush=True)
        return 0 if accuracy > 0.95 else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
