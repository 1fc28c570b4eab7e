"""P1: 300 rounds of kill -9 of a random daemon (and of MongoDB, the object store and RabbitMQ, on the cluster stack)
under SMTP, APPEND, MOVE, REPLACE and submission.

    FAULT_ROUNDS=300 FAULT_SEED=1 pytest tests/faults/test_crash.py --stack cluster
"""

import os

import pytest

from crash import SETTINGS, crash_rounds
from sink import Sink


@pytest.fixture(scope="module")
def sink():
    with Sink() as running:
        running.delay = 0.02    # so that mta is often in the middle of it
        yield running


@pytest.fixture(scope="module")
def settings(sink):
    return {**SETTINGS, "MTA_SMART_HOST": sink.address}


def test_crashes(suite, sink, capsys):
    seed = os.environ.get("FAULT_SEED")
    with capsys.disabled():     # who waits so long wants to see something
        crash_rounds(suite, [suite.alice, suite.bob], int(os.environ.get("FAULT_ROUNDS", "300")), seed and int(seed),
                     services=("mongo", "seaweedfs", "rabbitmq"), sink=sink,
                     report=lambda line: print(line, flush=True))
