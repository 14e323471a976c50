"""While a model is counted the methods of tensors by which they leave torch are watched; afterwards nothing is."""

import subprocess
import sys

CODE = """
import sys, torch
from torch import nn
from pytest_modelcheck import ModelCheck
assert "torch._dynamo" not in sys.modules
ModelCheck(nn.Linear(3, 3), torch.rand(2, 3)).complexity(phase="training_step")
from torch._dynamo.variables import tensor
copies = getattr(tensor, "all_tensor_attrs", {"numpy": torch.Tensor.numpy})  # torch 2.6 makes none
print(copies["numpy"] is torch.Tensor.numpy is torch._C.TensorBase.numpy)
"""


def test_what_is_imported_meanwhile_copies_nothing_of_ours():
    """A backward imports torch's compiler, which copies the methods of tensors."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
