"""train.py DIRECTORY: a network is trained, batches and tensors pass between processes in every way that PyTorch has for it. Prints the same numbers everywhere."""
import itertools
import os
import sys

import torch
import torch.multiprocessing as multiprocessing
from torch import nn
from torch.utils.data import DataLoader, Dataset

STRATEGIES = ("file_descriptor", "file_system")


class Numbers(Dataset):
    """256 points, each the pixels of a small picture and which half of it is the brighter one."""

    def __len__(self):
        return 256

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        picture = torch.rand(64, 64, generator=generator)
        half = index % 2
        picture[:, half * 32 : half * 32 + 32] += 0.1
        return picture, half


def train():
    torch.manual_seed(7)
    network = nn.Sequential(nn.Conv2d(1, 4, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 15 * 15, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(4):
        for pictures, halves in DataLoader(Numbers(), batch_size=64):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(pictures.unsqueeze(1)), halves)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    print("loss", *losses)
    print("goes down", losses[-1] < losses[0] / 2)
    return network


def keep(network, directory):
    """What is saved is what is loaded; a tensor that is a file's mapping writes to it."""
    path = os.path.join(directory, "network.pt")
    torch.save(network.state_dict(), path)
    loaded = torch.load(path)
    print("loaded", all(torch.equal(loaded[name], value) for name, value in network.state_dict().items()))
    path = os.path.join(directory, "mapped")
    mapped = torch.from_file(path, shared=True, size=1 << 20)
    mapped.copy_(torch.arange(1 << 20))
    with open(path, "rb") as file:
        file.seek(4 * 70_000)
        print("mapped", os.path.getsize(path), torch.frombuffer(bytearray(file.read(8)), dtype=torch.float32).tolist())


def use(strategy):
    torch.multiprocessing.set_sharing_strategy(strategy)


class Use:
    """Spawned workers start with the default strategy."""

    def __init__(self, strategy):
        self.strategy = strategy

    def __call__(self, _worker):
        use(self.strategy)


def batches(method, strategy):
    total, count = 0.0, 0
    loader = DataLoader(
        Numbers(), batch_size=16, num_workers=2, multiprocessing_context=method, worker_init_fn=Use(strategy)
    )
    for pictures, halves in loader:
        assert pictures.is_shared()
        total += pictures.double().sum().item()
        count += int(halves.sum())
    print("DataLoader", method, strategy, count, total)


def add(strategy, inbox, outbox):
    use(strategy)
    # As DataLoader does for its workers: the threads of the parent's OpenMP are not in a forked child.
    torch.set_num_threads(1)
    for tensor in iter(inbox.get, None):
        tensor += 1
        outbox.put((tensor, torch.full((1000,), float(tensor.sum()))))
    # What it made must live until the parent has it.
    inbox.get()


def queues(method, strategy):
    context = multiprocessing.get_context(method)
    inbox, outbox = context.Queue(), context.Queue()
    child = context.Process(target=add, args=(strategy, inbox, outbox))
    child.start()
    ours = [torch.zeros(size) for size in (1, 1000, 1_000_000)]
    for tensor in ours:
        inbox.put(tensor)
    inbox.put(None)
    back = [outbox.get() for _ in ours]
    inbox.put(None)
    sums = [int(tensor.sum()) for tensor in ours]
    same = [theirs.data_ptr() != 0 and torch.equal(theirs, tensor) for (theirs, _), tensor in zip(back, ours)]
    print("queue", method, strategy, sums, same, [int(new[999]) for _, new in back])
    child.join()
    print("status", child.exitcode)


if __name__ == "__main__":
    torch.set_num_threads(2)
    keep(train(), sys.argv[1])
    for method, strategy in itertools.product(("fork", "spawn"), STRATEGIES):
        use(strategy)
        batches(method, strategy)
        queues(method, strategy)
    print("left in /dev/shm", [name for name in os.listdir("/dev/shm") if name.startswith(f"torch_{os.getpid()}_")])
