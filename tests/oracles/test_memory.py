"""Peaks of real runs as others count them: torch's MemTracker, and the allocations that torch.profiler sees."""

import warnings

import pytest
import torch
from torch import nn
from torch._C._profiler import _EventType
from torch.distributed._tools.mem_tracker import MemTracker

from pytest_modelcheck import ModelCheck

models = pytest.importorskip("torchvision.models")


class LSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(64, 128, 2, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


CASES = {
    "resnet18": (models.resnet18, (1, 3, 224, 224)),
    "resnet50": (models.resnet50, (2, 3, 64, 64)),
    "vit_b_16": (lambda: models.vit_b_16(image_size=64), (2, 3, 64, 64)),
    "lstm": (LSTM, (4, 50, 64)),
}


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other on a busy machine take minutes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    torch.manual_seed(0)
    build, size = CASES[request.param]
    return request.param, build().eval(), torch.randn(size)


def momentum(parameters):
    return torch.optim.SGD(parameters, momentum=0.9)


def tracked(model, x, phase) -> int:
    """The peak of a real run, as MemTracker counts it; of a training step, the second one's."""
    tracker = MemTracker()
    if phase == "forward":
        tracker.track_external(model, x)
        with tracker, torch.no_grad():
            model(x)
    else:
        optimizer = momentum(model.parameters())
        tracker.track_external(model.train(), x, optimizer)
        with tracker:
            model(x).sum().backward()
            if phase == "training_step":
                optimizer.step()
                optimizer.zero_grad()
                tracker.reset_mod_stats()
                model(x).sum().backward()
                optimizer.step()
        model.zero_grad()
        model.eval()
    (snapshot,) = tracker.get_tracker_snapshot("peak").values()
    return snapshot["Total"]


SMALL = (
    "resnet18",
    "lstm",
)  # a real training step of the others takes gigabytes and, on a busy machine, a minute


@pytest.mark.parametrize(
    ("case", "phase"),
    [(name, phase) for name in CASES for phase in ("forward", "backward")]
    + [(name, "training_step") for name in SMALL],
    indirect=["case"],
)
def test_as_torchs_own_tracker(case, phase):
    name, model, x = case
    peak = ModelCheck(model, x).peak_memory(phase=phase, optimizer=momentum)
    assert peak.total == pytest.approx(tracked(model, x, phase), rel=1e-3)
    assert peak.counted_on == ("real" if name == "lstm" and phase != "forward" else "fake")


def allocations(call):
    """(address, bytes, the operator that did it, when, until when) of every allocation, in order."""
    with torch.profiler.profile(profile_memory=True) as profiler:
        call()
    found = []

    def walk(event, parent):
        if event.tag == _EventType.Allocation:
            fields = event.extra_fields
            found.append((event.start_time_ns, fields.ptr, fields.alloc_size, parent))
        for child in event.children:
            walk(child, event)

    for root in profiler.profiler.kineto_results.experimental_event_tree():
        walk(root, None)
    return sorted(found, key=lambda event: event[0])


def peaks(events) -> tuple[int, int]:
    """The peak of all allocations, and of those that are not an operator's own scratch.

    Scratch: what an operator takes itself (not through aten::empty or aten::resize_) and frees before it ends.
    """
    pending, scratch = {}, set()
    for index, (time, address, size, _) in enumerate(events):
        if size > 0:
            pending[address] = index
        elif (begun := pending.pop(address, None)) is not None:
            owner = events[begun][3]
            if owner is not None and owner.tag == _EventType.TorchOp:
                own = not owner.name.startswith(("aten::empty", "aten::resize"))
                scratch |= {begun, index} if own and time <= owner.end_time_ns else set()

    def peak(chosen):
        live = most = 0
        for _, _, size, _ in chosen:
            live += size
            most = max(most, live)
        return most

    return peak(events), peak(event for index, event in enumerate(events) if index not in scratch)


def test_as_the_allocations_that_the_profiler_sees(case):
    _, model, x = case

    def forward():
        with torch.no_grad():
            model(x)

    forward()
    seen = ModelCheck(model, x).peak_memory(measured=True)
    stays = seen.parameters + seen.inputs
    everything, tensors = peaks(allocations(forward))
    assert seen.activations == pytest.approx(tensors, rel=0.01)
    assert seen.allocated == pytest.approx(stays + everything, rel=0.01)
    assert (
        everything >= tensors
    )  # by how much is the kernels' business: 3.6 MB for resnet18, nothing for others


def test_without_onednn_too():
    """Its scratch is not the only one: plain kernels unfold their input."""
    model, x = CASES["lstm"][0]().eval(), torch.randn(CASES["lstm"][1])
    with warnings.catch_warnings(), torch.backends.mkldnn.flags(enabled=False):
        warnings.simplefilter("ignore")
        assert ModelCheck(model, x).peak_memory().total == pytest.approx(
            tracked(model, x, "forward"), rel=0.01
        )
