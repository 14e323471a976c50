"""torch.compile takes the network in one piece: a graph break changes no answer, so that no other test would see it."""

import pytest


@pytest.mark.compile_budget(graph_breaks=0, recompiles=0)
def test_it_compiles_in_one_graph() -> None: ...
