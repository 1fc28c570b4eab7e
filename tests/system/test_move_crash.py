"""A MOVE that kill -9 has cut short is finished by itself: each message is in one mailbox, once, and none is lost."""

import collections
import concurrent.futures
import imaplib
import itertools
import random
import re
import time

import pytest

from load import FINISHED
from suite import wait_for
from test_shared import path

ROUNDS = {"embedded": 10, "cluster": 6}
MOST = 40                       # rounds, when few deaths came in the middle of something
SIZES = (40, 40, 40, 600)       # messages each mover moves; 600 take two batches
MESSAGE_ID = re.compile(rb"<(\d+)@move\.test>")


@pytest.fixture(scope="module")
def settings():
    return {"LOG_LEVEL": "info"}


class Mover:
    """Mailboxes of one round: what is moved from the one into the other."""

    def __init__(self, suite, size, source, target, theirs=None):
        self.suite, self.size, self.source, self.target = suite, size, source, target
        self.theirs = theirs or target      # the target's name for bob, whose it may be

    def move(self, client):
        start = time.monotonic()
        try:
            return client.uid("MOVE", "1:*", self.target)[0] == "OK" and time.monotonic() - start
        except (OSError, imaplib.IMAP4.error):
            return None

    def ids(self, user, mailbox):
        with self.suite.imap(user) as client:
            assert client.select(f'"{mailbox}"', readonly=True)[0] == "OK"
            found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (Message-ID)])")[1]
        return collections.Counter(int(MESSAGE_ID.search(part[1])[1]) for part in found if isinstance(part, tuple))

    def count(self):
        """How many are in both. The source is read first: what leaves it is in the target already."""
        owner = self.suite.bob if self.theirs != self.target else self.suite.alice
        left, there = self.ids(self.suite.alice, self.source), self.ids(owner, self.theirs)
        lost = [number for number in range(self.size) if not left[number] and not there[number]]
        assert not lost, f"{len(lost)} of {self.source}'s messages are gone: {lost[:5]}"
        double = [number for number in range(self.size) if left[number] > 1 or there[number] > 1]
        assert not double, f"{len(double)} of {self.source}'s messages are in one mailbox twice: {double[:5]}"
        return sum(left[number] and there[number] for number in range(self.size))


def fill(suite, client):
    """One mailbox for each size, to be copied from."""
    for size in set(SIZES):
        client.create(f"Base-{size}")
        for first in range(0, size, 100):
            texts = [f"Message-ID: <{number}@move.test>\r\nSubject: {number}\r\n\r\nmoved\r\n".encode()
                     for number in range(first, min(first + 100, size))]
            multi_append(client, f"Base-{size}", texts)


def multi_append(client, mailbox, texts):
    """RFC 3502, by literals that are not waited for."""
    tag = client._new_tag()
    client.send(tag + b" APPEND " + mailbox.encode() + b"".join(b" {%d+}\r\n%s" % (len(text), text) for text in texts) + b"\r\n")
    wait_for_tag(client, tag)


def wait_for_tag(client, tag):
    while not (line := client.readline()).startswith(tag):
        assert line, "hung up"
    assert b" OK " in line, line


def make_round(suite, number):
    movers = []
    with suite.imap(suite.alice) as client, suite.imap(suite.bob) as bob:
        for at, size in enumerate(SIZES):
            source, target = f"From-{number}-{at}", f"To-{number}-{at}"
            client.create(source)
            assert client.select(f"Base-{size}", readonly=True)[0] == "OK"
            assert client.copy("1:*", source)[0] == "OK"
            if at == 0:     # into another account's
                bob.create(target)
                assert bob.setacl(target, suite.alice, "lrswipkxte")[0] == "OK"
                name = path(suite, target).replace(suite.alice, suite.bob)
                movers.append(Mover(suite, size, source, f'"{name}"', target))
                wait_for("the shared mailbox", lambda: client.select(f'"{name}"', readonly=True)[0] == "OK")
            else:
                client.create(target)
                movers.append(Mover(suite, size, source, target))
    return movers


def run_round(suite, movers, kill_after):
    clients = []
    for mover in movers:
        clients.append(suite.imap(suite.alice))
        assert clients[-1].select(mover.source)[0] == "OK"
    with concurrent.futures.ThreadPoolExecutor(len(movers)) as pool:
        moves = [pool.submit(mover.move, client) for mover, client in zip(movers, clients)]
        if kill_after is not None:
            time.sleep(kill_after)
            suite.daemons["imapd"].kill9()
        took = [move.result() for move in moves]
    for client in clients:
        client.shutdown()
    return took


def test_each_message_is_in_one_mailbox(suite):
    chance = random.Random()
    movers, in_both = [], 0
    with suite.imap(suite.alice) as client:
        fill(suite, client)
    first = make_round(suite, "first")
    took = run_round(suite, first, None)
    assert all(took) and not any(mover.count() for mover in first)
    for number in itertools.count():
        if number >= ROUNDS[suite.stack] and in_both >= 3 or number >= MOST:
            break
        now = make_round(suite, number)
        run_round(suite, now, chance.uniform(0, max(took)))
        suite.daemons["imapd"].start()
        in_both += sum(mover.count() > 0 for mover in now)
        movers += now
    print(f"{in_both} of {len(movers)} moves left messages in both mailboxes; one takes up to {max(took) * 1000:.0f} ms")
    assert in_both >= 3, "hardly a death came in the middle of a move"
    wait_for("cut moves to be finished", lambda: not any(mover.count() for mover in movers), FINISHED, pause=5)
    assert " 0 problems" in suite.fsck()
