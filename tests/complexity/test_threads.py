"""Layers that other threads run within a forward are counted there, in their own rows."""

import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from pytest_modelcheck import ModelCheck

POOL = ThreadPoolExecutor(2)
WORK: queue.Queue = queue.Queue()


def pool(layers, x):
    with ThreadPoolExecutor(2) as workers:
        return sum(workers.map(lambda layer: layer(x), layers))


def pool_that_was_there(layers, x):
    return sum(POOL.map(lambda layer: layer(x), layers))


def functions(layers, x):
    return sum(POOL.map(lambda layer: functional.linear(x, layer.weight), layers))


def threads(layers, x):
    out = []
    started = [threading.Thread(target=lambda layer=layer: out.append(layer(x))) for layer in layers]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return sum(out)


def pool_of_multiprocessing(layers, x):
    with ThreadPool(2) as workers:
        return sum(workers.map(lambda layer: layer(x), layers))


def coroutines(layers, x):
    async def together():
        return sum(await asyncio.gather(*(asyncio.to_thread(layer, x) for layer in layers)))

    return asyncio.run(together())


def worker():
    while True:
        layer, x, out, done = WORK.get()
        out.append(layer(x))
        done.set()


def worker_with_a_queue(layers, x):
    out = []
    for layer in layers:
        done = threading.Event()
        WORK.put((layer, x, out, done))
        done.wait()
    return sum(out)


threading.Thread(target=worker, daemon=True).start()
WAYS = {
    way.__name__: way
    for way in (
        pool,
        pool_that_was_there,
        functions,
        threads,
        pool_of_multiprocessing,
        coroutines,
        worker_with_a_queue,
    )
}


class Net(nn.Module):
    def __init__(self, way):
        super().__init__()
        self.way = way
        self.layers = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])

    def forward(self, x):
        return self.way(self.layers, x)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_macs(way):
    cost = ModelCheck(Net(way), torch.ones(2, 8)).complexity()
    rows = [cost.by_module()[name].own.macs for name in ("", "layers.0", "layers.1")]
    assert rows == ([256, 0, 0] if way is functions else [0, 128, 128])
    assert cost.on_other_threads == ()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_with_gradients_it_is_told(way):
    cost = ModelCheck(Net(way), torch.ones(2, 8)).complexity(phase="training_step")
    others = cost.on_other_threads
    assert others
    assert f"not counted, since they ran on another thread: {others[0] or '(the model itself)'}" in str(cost)
    assert not {*others} & {*cost.uncalled_modules}


def test_work_belongs_to_the_module_that_hands_it_over():
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Net(functions)

        def forward(self, x):
            return self.inner(x)

    assert ModelCheck(Outer(), torch.ones(2, 8)).complexity().by_module()["inner"].own.macs == 256


def test_nothing_is_left_on_a_thread():
    before = ThreadPoolExecutor.submit, threading.Thread.start, nn.Linear.forward
    ModelCheck(Net(pool_that_was_there), torch.ones(2, 8)).complexity()
    assert (ThreadPoolExecutor.submit, threading.Thread.start, nn.Linear.forward) == before
    assert POOL.submit(_get_current_dispatch_mode_stack).result() == []


def test_others_work_does_not_count():
    """Another model that runs meanwhile on a thread that nobody of ours started."""
    stop, other = threading.Event(), nn.Linear(8, 8)

    def run():
        while not stop.is_set():
            functional.linear(torch.ones(2, 8), other.weight)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        cost = ModelCheck(Net(pool), torch.ones(2, 8)).complexity()
    finally:
        stop.set()
        thread.join()
    assert (cost.macs, cost.on_other_threads) == (256, ())
