"""The classic layouts on the textbook network, number for number as torchstat 0.0.7 and torchsummary print it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import MeasurementError, ModelCheck


class Textbook(nn.Module):
    """Activations are functions, so that the layers are those of the printed tables."""

    def __init__(self, classes=4):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 12, 3, 2), nn.BatchNorm2d(12)
        self.conv2, self.bn2 = nn.Conv2d(12, 24, 3, 2), nn.BatchNorm2d(24)
        self.conv3, self.bn3 = nn.Conv2d(24, 48, 3, 2), nn.BatchNorm2d(48)
        self.fc1, self.fc2, self.fc3 = nn.Linear(1200, 1200), nn.Linear(1200, 128), nn.Linear(128, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.relu(self.bn3(self.conv3(x))).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


PRINTED = """
conv1    3 48 48    12 23 23      336     0.02       342,792     177,744      28,992     25,392      54,384
bn1     12 23 23    12 23 23       24     0.02        25,392      12,696      25,488     25,392      50,880
conv2   12 23 23    24 11 11    2,616     0.01       627,264     316,536      35,856     11,616      47,472
bn2     24 11 11    24 11 11       48     0.01        11,616       5,808      11,808     11,616      23,424
conv3   24 11 11    48 5 5     10,416     0.00       518,400     260,400      53,280      4,800      58,080
bn3     48 5 5      48 5 5         96     0.00         4,800       2,400       5,184      4,800       9,984
fc1     1200        1200    1,441,200     0.00     2,878,800   1,440,000   5,769,600      4,800   5,774,400
fc2     1200        128       153,728     0.00       307,072     153,600     619,712        512     620,224
fc3     128         4             516     0.00         1,020         512       2,576         16       2,592
"""


def test_torchstat():
    table = ModelCheck(Textbook(), input_size=(1, 3, 48, 48)).summary(style="torchstat")
    *layers, total = table.rows
    shown = [" ".join((*row[:9], row[10])).split() for row in layers]
    assert shown == [line.split() for line in PRINTED.split("\n") if line]
    assert (total[3], total[4], total[5], total[6]) == ("1,608,980", "0.08", "4,717,156", "2,369,696")
    assert (total[7], total[8], total[10]) == (
        "6,552,496",
        "88,944",
        "6,641,440",
    )  # sums, not the last layer's
    shares = [float(row[9].rstrip("%")) for row in layers]
    assert sum(shares) == pytest.approx(100, abs=0.1)
    assert "Total MemR+W: 6,641,440B" in str(table)


def test_torchsummary():
    table = ModelCheck(Textbook(2), input_size=(1, 3, 48, 48)).summary(style="torchsummary")
    text = str(table)
    for words in (
        "Total params: 1,608,722",
        "Input size (MB): 0.03",
        "Forward/backward pass size (MB): 0.17",
        "Params size (MB): 6.14",
        "Estimated Total Size (MB): 6.33",
    ):
        assert words in text
    assert table.rows[0] == ("Conv2d-1", "[-1, 12, 23, 23]", "336")
    assert table.to_markdown().splitlines()[0] == "| Layer (type) | Output Shape | Param # |"


def test_a_model_on_meta_has_no_durations():
    with torch.device("meta"):
        model, inputs = Textbook(), torch.empty(1, 3, 48, 48)
    assert {row[9] for row in ModelCheck(model, inputs).summary(style="torchstat").rows} == {"-"}


def test_another_style_is_refused():
    with pytest.raises(
        MeasurementError, match="'keras' is not one of 'modelcheck', 'torchsummary', 'torchstat'"
    ):
        ModelCheck(Textbook(), input_size=(1, 3, 48, 48)).summary(style="keras")


def test_the_cost_of_point_wise_convolutions_after_shufflenet():
    model = nn.Sequential(nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 6, 1, groups=2))
    assert ModelCheck(model, input_size=(1, 4, 5, 5)).shufflenet_mac() == {
        "0": 25 * (4 + 8) + 4 * 8,
        "2": 9 * (8 + 6) + 8 * 6 // 2,
    }


def test_the_roofline():
    cost = ModelCheck(nn.Linear(4, 5, bias=False), input_size=(2, 4)).complexity()
    assert cost.arithmetic_intensity == 80 / (4 * (8 + 20 + 10))
    low, high = cost.roofline(1e12, 1e10), cost.roofline(1e9, 1e12)
    assert (low.bound, high.bound) == ("memory", "compute")
    assert low.seconds == pytest.approx(cost.memory_access / 1e10)
    assert high.seconds == pytest.approx(cost.flops / 1e9)


class Calls(nn.Module):
    """A layer, and how it is called."""

    def __init__(self, layer, call):
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, x):
        return self.call(self.layer, x)


def plainly(layer, x):
    return layer(x)


# parameters, MAdd, Flops by hand: sums of n products are 2 n - 1 and n; "-" where the layouts have no formula
LAYERS = {
    "by keyword": (nn.Linear(4, 2), lambda layer, x: layer(input=x), (1, 4), ("10", "14", "8")),
    "by its forward": (nn.Linear(4, 2), lambda layer, x: layer.forward(x), (1, 4), ("10", "14", "8")),
    "bilinear": (nn.Bilinear(4, 4, 2), lambda layer, x: layer(x, x), (1, 4), ("34", "62", "32")),
    "transposed": (nn.ConvTranspose1d(4, 6, 3), plainly, (1, 4, 5), ("78", "720", "402")),
    "transposed, groups": (nn.ConvTranspose1d(4, 6, 3, groups=2), plainly, (1, 4, 5), ("42", "360", "222")),
    "transposed, no bias": (
        nn.ConvTranspose2d(4, 6, 3, bias=False),
        plainly,
        (1, 4, 5, 5),
        ("216", "10,650", "5,400"),
    ),
    "lstm": (nn.LSTM(4, 3), lambda layer, x: layer(x)[0], (5, 1, 4), ("108", "-", "-")),
    "gru": (nn.GRU(4, 3), lambda layer, x: layer(x)[0], (5, 1, 4), ("81", "-", "-")),
    "attention": (
        nn.MultiheadAttention(6, 1),
        lambda layer, x: layer(x, x, x)[0],
        (3, 1, 6),
        ("168", "-", "-"),
    ),
    "without products": (nn.Sigmoid(), plainly, (1, 4), ("0", "0", "0")),
}


@pytest.mark.parametrize(("layer", "call", "shape", "figures"), LAYERS.values(), ids=LAYERS.keys())
def test_no_layer_has_zeros_in_silence(layer, call, shape, figures):
    check = ModelCheck(Calls(layer, call), torch.ones(shape))
    row, total = check.summary(style="torchstat").rows
    assert (row[0], row[3], row[5], row[6]) == ("layer", *figures)
    assert (total[3], total[5], total[6]) == figures
    told = f"in no total: layer ({type(layer).__name__}" in str(check.summary(style="torchstat"))
    assert told == ("-" in figures)
    ((_, _, params),) = check.summary(style="torchsummary").rows
    assert params == figures[0]


@pytest.mark.parametrize("style", ["torchstat", "torchsummary"])
def test_tied_weights_count_once(style):
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    model[1].weight = model[0].weight
    summary = ModelCheck(model, torch.ones(1, 4)).summary(style=style)
    place = summary.columns.index("params" if style == "torchstat" else "Param #")
    assert [row[place] for row in summary.rows[:2]] == ["16", "0"]
    assert "Total params: 16" in str(summary)
