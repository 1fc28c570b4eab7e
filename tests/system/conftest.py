"""Fixtures of the system tests: which stack, and a running suite."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system" / "lib"))

from suite import Suite  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--stack", choices=["embedded", "cluster"], default="embedded", help="which stack to run on")
    parser.addoption("--binaries", default=str(ROOT / "build" / "release" / "bin"), help="where the daemons are")


@pytest.fixture(scope="session")
def stack(request):
    return request.config.getoption("--stack")


@pytest.fixture(scope="session")
def binaries(request):
    return pathlib.Path(request.config.getoption("--binaries"))


@pytest.fixture(scope="module")
def suite(stack, binaries, tmp_path_factory):
    """All four daemons with alice and bob; one for the tests of a file."""
    with Suite(stack, binaries, tmp_path_factory.mktemp("suite")) as running:
        running.start()
        running.alice = running.user("alice")
        running.bob = running.user("bob")
        yield running
