"""pytest's start must not pay for checks that do not run."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "PIL", "onnx", "torchvision", "jinja2")


@pytest.mark.usefixtures("real_interpreter")
def test_a_run_without_checks_loads_nothing_heavy(project):
    project.pytester.makepyfile(
        test_light=f"""
        import sys

        def test_it():
            loaded = [name for name in {HEAVY} if name in sys.modules]
            assert not loaded, loaded
        """
    )
    project.pytester.makeconftest("")
    result = project.run("test_light.py", "--modelcheck-report", subprocess=True)
    result.assert_outcomes(passed=1)


@pytest.mark.usefixtures("real_interpreter")
def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, pytest_modelcheck; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_load_on_use():
    import pytest_modelcheck

    assert all(getattr(pytest_modelcheck, name) is not None for name in pytest_modelcheck.__all__)
