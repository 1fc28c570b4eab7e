"""Calling mail back in the Outbox while whatever does it dies: daemons, and MongoDB on the cluster stack."""

import os

import pytest

from cancels import MoodySink, cancel_rounds
from crash import SETTINGS

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "60"))


@pytest.fixture(scope="module")
def settings():
    return SETTINGS


def test_cancelled_or_sent(new_suite):
    """Nothing is sent behind an acknowledged cancelling, and nothing else is lost."""
    with MoodySink() as moody:
        suite = new_suite(MTA_SMART_HOST=moody.address).start()
        cancels = cancel_rounds(suite, suite.user("alice"), moody, ROUNDS, services=("mongo",))
        assert len(cancels.cancelled) >= ROUNDS // 4 and len(cancels.kept) >= 1
        assert suite.fsck().endswith(": 0 problems")
