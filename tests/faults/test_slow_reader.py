"""A client that FETCHes 10 GB (SLOW_DOUBLINGS of a message of 20 MB) at 1 MB/s and then not at all: imapd's memory meanwhile."""

import os
import time

import pytest

from slow_reader import SHARE, SLACK, WAYS, SlowReader, Watch, another_session, fill
from suite import wait_for

SIZE = 20 << 20
DOUBLINGS = int(os.environ.get("SLOW_DOUBLINGS", "9"))
READ_SECONDS, STALL_SECONDS, FAST_SECONDS = 20, 20, 10


@pytest.fixture(scope="module")
def settings():
    return {"LOG_LEVEL": "info", "IMAPD_PLAINTEXT_LOGIN": "yes"}


@pytest.fixture(scope="module")
def size(suite):
    return fill(suite, suite.alice, SIZE, DOUBLINGS)


@pytest.mark.parametrize("way", WAYS)
def test_ten_gigabytes(suite, size, way, capsys):
    watch = Watch(suite.daemons["imapd"].process.pid)
    reader = SlowReader(suite, suite.alice, way)
    reader.fetch()
    reader.read_for(READ_SECONDS, 1 << 20)
    slow = watch.most - watch.before
    others = max(another_session(suite, user) for user in (suite.alice, suite.bob))
    time.sleep(STALL_SECONDS)
    others = max(others, *(another_session(suite, user) for user in (suite.alice, suite.bob)))
    stalled = watch.most - watch.before
    before = reader.read_bytes
    reader.read_for(FAST_SECONDS, 1 << 40)
    fast = (reader.read_bytes - before) / FAST_SECONDS
    reader.leave()
    wait_for("the memory to be given back", lambda: watch.grown_now() < SLACK)
    watch.end()
    with capsys.disabled():
        print(f"\n  {suite.stack}, {way}: {size << DOUBLINGS >> 20} MB asked for; MiB in memory: {slow >> 20} while it reads, "
              f"{stalled >> 20} while it stalls, {watch.most - watch.before >> 20} at {fast / 1e6:.0f} MB/s, {watch.grown_now() >> 20} left; "
              f"others waited {others:.1f} s", end="", flush=True)
    assert watch.most - watch.before < SHARE * size + SLACK
    assert others < 10
