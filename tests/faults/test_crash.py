"""P1: 300 rounds of kill -9 of a random daemon (and of MongoDB, on the cluster stack) under SMTP and APPEND load.

    FAULT_ROUNDS=300 FAULT_SEED=1 pytest tests/faults/test_crash.py --stack cluster
"""

import os

from crash import crash_rounds


def test_crashes(suite):
    seed = os.environ.get("FAULT_SEED")
    crash_rounds(suite, [suite.alice, suite.bob], int(os.environ.get("FAULT_ROUNDS", "300")), seed and int(seed))
