"""Properties, tried with drawn values: a few in each run, always the same ones; many where slow tests run, others each
time.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)


def said(error: BaseException, most: int = 20_000) -> str:
    """What an error of ours says: something, not without end, and that it is no fault of ours."""
    text = str(error)
    assert 0 < len(text) < most
    assert "error of pytest-modelcheck" not in text
    return text


def holds(
    few: int, many: int, **drawn: SearchStrategy
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test that calls the function with `few` drawn values of its keywords, and, marked slow, one with `many`.

    Arguments that are not drawn are fixtures.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        def test(examples: int, **fixtures: object) -> None:
            def one(values: dict[str, object]) -> None:
                function(**fixtures, **values)

            options = settings(
                max_examples=examples,
                derandomize=examples == few,
                database=None,
                deadline=None,
                suppress_health_check=CHECKS,
                phases=(Phase.explicit, Phase.generate, Phase.shrink),
            )
            options(given(values=st.fixed_dictionaries(drawn))(one))()

        others = [name for name in signature(function).parameters if name not in drawn]
        kind = Parameter.POSITIONAL_OR_KEYWORD
        test.__signature__ = Signature([Parameter(name, kind) for name in ("examples", *others)])
        test.__name__, test.__doc__, test.__module__ = (
            function.__name__,
            function.__doc__,
            function.__module__,
        )
        amounts = [pytest.param(few, id="few"), pytest.param(many, id="many", marks=pytest.mark.slow)]
        return pytest.mark.parametrize("examples", amounts)(test)

    return decorate
