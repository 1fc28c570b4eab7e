"""Fixtures and options that tests/system and tests/faults share: which stack, and a running suite."""

import pathlib

import pytest

from suite import Suite

ROOT = pathlib.Path(__file__).resolve().parents[3]


def pytest_addoption(parser):
    try:
        parser.addoption("--stack", choices=["embedded", "cluster"], default="embedded", help="which stack to run on")
        parser.addoption("--binaries", default=str(ROOT / "build" / "release" / "bin"), help="where the daemons are")
    except ValueError:
        pass  # both folders in one run: they are there already


@pytest.fixture(scope="session")
def stack(request):
    return request.config.getoption("--stack")


@pytest.fixture(scope="session")
def binaries(request):
    return pathlib.Path(request.config.getoption("--binaries"))


@pytest.fixture(scope="module")
def settings():
    """POSTHOUSE_… variables of the suite, without the prefix; a file of tests may have its own."""
    return {}


@pytest.fixture(scope="module")
def suite(stack, binaries, settings, tmp_path_factory):
    """All four daemons with alice and bob; one for the tests of a file."""
    with Suite(stack, binaries, tmp_path_factory.mktemp("suite"), settings) as running:
        running.start()
        running.alice = running.user("alice")
        running.bob = running.user("bob")
        yield running
