"""P1 in short: what was acknowledged survives kill -9 of whatever was doing it. tests/faults has the long run."""

from crash import crash_rounds

ROUNDS = {"embedded": 6, "cluster": 3}


def test_nothing_acknowledged_is_lost(suite):
    acked = crash_rounds(suite, [suite.alice, suite.bob], ROUNDS[suite.stack])
    assert acked >= 10  # or the load was none
