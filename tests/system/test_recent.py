"""\\Recent across processes (RFC 3501 2.3.2): a message is that of one session, however many processes tell of it."""

import collections
import re
import threading
import time

import pytest

MESSAGE = "From: sender@far.test\r\nSubject: {subject}\r\n\r\nbody\r\n"
MESSAGES = 60


@pytest.fixture(scope="module")
def ports(suite):
    return [suite.port("IMAPS"), suite.start_second("imapd").ports["IMAPS"]]


def recent(client):
    """UIDs that are \\Recent to its session."""
    lines = client.uid("FETCH", "1:*", "(FLAGS)")[1]
    return {int(re.search(rb"UID (\d+)", line)[1]) for line in lines if line and rb"\Recent" in line}


def add(client, subject):
    assert client.append("INBOX", None, None, MESSAGE.format(subject=subject).encode())[0] == "OK"


def test_told_once(suite, ports):
    with suite.imap(suite.alice, ports[0]) as one, suite.imap(suite.alice, ports[1]) as two:
        one.select()
        two.select()
        for subject in ("first", "second"):
            suite.deliver([suite.alice], MESSAGE.format(subject=subject))
        for client in (one, two) * 2:
            client.noop()
        assert recent(one) | recent(two) == {1, 2}
        assert not recent(one) & recent(two)
        assert two.select()[0] == "OK" and one.select()[0] == "OK"
        assert not recent(one) | recent(two)        # nobody's, since it was somebody's


def test_reads_only_or_has_none(suite, ports):
    """Neither who only reads nor a client of IMAP4rev2 takes it, in whichever process."""
    with suite.imap(suite.alice, ports[0]) as reader, suite.imap(suite.alice, ports[0]) as later, \
            suite.imap(suite.alice, ports[1]) as writer:
        reader.select(readonly=True)
        later.enable("IMAP4rev2")
        later.select()
        add(writer, "for the writer")
        for client in (reader, later):
            client.noop()
            assert not recent(client)
        writer.select()
        assert len(recent(writer)) == 1


class Watcher(threading.Thread):
    """Looks at the mailbox, opens it again now and then, and notes what was \\Recent each time it was open."""

    def __init__(self, client, ended):
        super().__init__()
        self.client = client
        self.ended = ended
        self.had = []

    def run(self):
        for number in range(10**9):
            if number % 8 == 0:
                self.client.select()
                self.had.append(set())
            self.client.noop()
            self.had[-1] |= recent(self.client)
            if self.ended.is_set():
                break
            time.sleep(0.01)


def test_all_at_once(suite, ports):
    ended = threading.Event()
    watchers = [Watcher(suite.imap(suite.bob, port), ended) for port in ports * 3]
    for watcher in watchers:
        watcher.start()
    with suite.imap(suite.bob) as writer:
        for number in range(MESSAGES):
            add(writer, f"number {number}")
        ended.set()
        for watcher in watchers:
            watcher.join(30)
            watcher.client.logout()
    with suite.imap(suite.bob) as last:     # what came behind their last look
        last.select()
        had = [recent(last)]
        everything = {int(uid) for uid in last.uid("SEARCH", "ALL")[1][0].split()}
    had += [seen for watcher in watchers for seen in watcher.had]
    times = collections.Counter(uid for seen in had for uid in seen)
    assert len(everything) == MESSAGES
    assert set(times) == everything and max(times.values()) == 1, times
