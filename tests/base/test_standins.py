"""The watch over imports of test code."""

from pytest_modelcheck.worker.standins import Imports


class Redirect:
    """Its test for a file imports, as pathlib does in Python 3.12 whenever a path is made."""

    def __init__(self):
        self.asked = []

    def is_test(self, path):
        import ntpath  # noqa: F401

        self.asked.append(path.name)
        return False


def test_what_is_imported_to_know_a_tests_file_is_no_tests_import():
    redirect = Redirect()
    with Imports(redirect):
        import json  # noqa: F401
    assert redirect.asked == ["test_standins.py"]
