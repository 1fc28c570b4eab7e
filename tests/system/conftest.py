"""Fixtures of the system tests: which stack, and a running suite."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system" / "lib"))

from suite import Suite, start_services  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--stack", choices=["embedded", "cluster"], default="embedded", help="which stack to run on")
    parser.addoption("--binaries", default=str(ROOT / "build" / "release" / "bin"), help="where the daemons are")


@pytest.fixture(scope="session")
def stack(request):
    return request.config.getoption("--stack")


@pytest.fixture(scope="session")
def binaries(request):
    return pathlib.Path(request.config.getoption("--binaries"))


@pytest.fixture(scope="session")
def services(stack, tmp_path_factory):
    """MongoDB, RabbitMQ and an object store, started once for all files; whoever stops one starts it again."""
    running = start_services(stack, tmp_path_factory.mktemp("services"))
    yield running
    for service in running.values():
        service.close()


@pytest.fixture(scope="module")
def new_suite(stack, binaries, services, tmp_path_factory):
    """Makes suites that tests start themselves: new_suite(MTA_POLL="1s")."""
    made = []

    def new(**settings):
        made.append(Suite(stack, binaries, tmp_path_factory.mktemp("suite"), settings, services))
        return made[-1].__enter__()

    yield new
    for suite in made:
        suite.__exit__()


@pytest.fixture(scope="module")
def suite(new_suite):
    """All four daemons with alice and bob; one for the tests of a file."""
    running = new_suite()
    running.start()
    running.alice = running.user("alice")
    running.bob = running.user("bob")
    return running
