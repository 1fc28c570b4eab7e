"""Fixtures and options that tests/system and tests/faults share: which stack, and a running suite."""

import pathlib

import pytest

from suite import Suite, start_services

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


@pytest.fixture(scope="session")
def services(stack, tmp_path_factory):
    """MongoDB, RabbitMQ and an object store, started once for all files; whoever stops one starts it again."""
    running = start_services(stack, tmp_path_factory.mktemp("services"))
    yield running
    for service in running.values():
        service.close()


@pytest.fixture(scope="module")
def new_suite(stack, binaries, services, settings, tmp_path_factory):
    """Makes suites that tests start themselves: new_suite(MTA_POLL="1s")."""
    made = []

    def new(**more):
        folder = tmp_path_factory.mktemp("suite")
        made.append(Suite(stack, binaries, folder, {**settings, **more}, services).__enter__())
        return made[-1]

    yield new
    for suite in made:
        suite.__exit__()


@pytest.fixture(scope="module")
def suite(new_suite):
    """All four daemons with alice and bob; one for the tests of a file."""
    running = new_suite().start()
    running.alice = running.user("alice")
    running.bob = running.user("bob")
    return running
