"""P1 in short: what was acknowledged survives kill -9 of whatever was doing it. tests/faults has the long run."""

import pytest

from crash import SETTINGS, crash_rounds
from sink import Sink

ROUNDS = {"embedded": 6, "cluster": 4}


@pytest.fixture(scope="module")
def sink():
    with Sink() as running:
        yield running


@pytest.fixture(scope="module")
def settings(sink):
    return {**SETTINGS, "MTA_SMART_HOST": sink.address}


def test_nothing_acknowledged_is_lost(suite, sink):
    acked = crash_rounds(suite, [suite.alice, suite.bob], ROUNDS[suite.stack], sink=sink)
    assert acked >= 10  # or the load was none
