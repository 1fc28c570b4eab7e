"""A client that asks for a large mailbox and does not read it holds a batch or two of memory, and holds up nobody."""

import pytest

from slow_reader import SHARE, SLACK, WAYS, SlowReader, Watch, another_session, fill
from suite import wait_for

SIZE = 4 << 20
DOUBLINGS = 5       # 32 messages, 128 MB


@pytest.fixture(scope="module")
def settings():
    return {"IMAPD_PLAINTEXT_LOGIN": "yes"}


@pytest.fixture(scope="module")
def size(suite):
    return fill(suite, suite.alice, SIZE, DOUBLINGS)


@pytest.mark.parametrize("way", WAYS)
def test_a_stalled_fetch(suite, size, way):
    watch = Watch(suite.daemons["imapd"].process.pid)
    readers = [SlowReader(suite, suite.alice, way) for _ in range(2)]
    for reader in readers:
        reader.fetch()
        reader.read_for(0.5, 4 << 20)
    for user in (suite.alice, suite.bob):
        assert another_session(suite, user) < 10
    readers[1].leave()
    readers[0].until(b"\r\nz OK")
    assert readers[0].read_bytes > size << DOUBLINGS
    readers[0].leave()
    watch.end()
    assert watch.most - watch.before < len(readers) * SHARE * size + SLACK
    wait_for("the memory to be given back", lambda: watch.grown_now() < SLACK)
