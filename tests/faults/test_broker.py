"""P2: the bus is only the nudge. It goes away under load and comes back: mail is late, never lost, and nobody replays it.

BROKER_AWAY seconds (60) it stays away: RabbitMQ on the cluster stack, the sockets' folder on the embedded one.
"""

import contextlib
import os
import secrets
import shutil
import socket
import threading
import time

import pytest

from load import Load
from sink import Sink
from suite import wait_for

AWAY = float(os.environ.get("BROKER_AWAY", "60"))
POLL = 10           # what imapd and mta are told; the jitter adds half of it
LATE = POLL * 1.5 + 5
AT_ONCE = 2


class Idler:
    """A session in IDLE, and how many messages it has been told of."""

    def __init__(self, suite, user):
        self.client = suite.imap(user)
        self.told = int(self.client.select("INBOX")[1][0])
        self.client.send(b"i IDLE\r\n")
        assert self.client.readline().startswith(b"+")
        self.client.sock.settimeout(None)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError, ValueError):  # closed under its hands
            while line := self.client.readline():
                words = line.split()
                if words[2:3] == [b"EXISTS"]:
                    self.told = int(words[1])

    def close(self):
        self.client.socket().shutdown(socket.SHUT_RDWR)  # which ends the thread's wait
        self.client.shutdown()


class World:
    """What the test measures by: a session in IDLE that gets nothing else, and a server elsewhere."""

    def __init__(self, suite, sink):
        self.suite = suite
        self.sink = sink
        self.carol = suite.user("carol")
        self.idler = Idler(suite, self.carol)
        self.sent = []

    def push_delay(self):
        """Seconds from a message's 250 to the word of it in IDLE."""
        before = self.idler.told
        self.suite.deliver(self.carol, "From: s@far.test\nTo: carol@example.test\nSubject: push\n\nx\n")
        start = time.monotonic()
        wait_for("the session in IDLE to hear of it", lambda: self.idler.told > before, LATE * 2)
        return time.monotonic() - start

    def send_delay(self):
        """Seconds from a submission's 250 to its arrival elsewhere."""
        mark = secrets.token_hex(16)
        self.sent.append(mark)
        with self.suite.submission(self.carol) as client:
            client.sendmail(self.carol, "someone@far.test", f"From: <{self.carol}>\r\nSubject: {mark}\r\n\r\nx\r\n")
        start = time.monotonic()
        wait_for("the message to arrive elsewhere", lambda: self.sink.count(mark.encode()), LATE * 2)
        return time.monotonic() - start


@pytest.fixture(scope="module")
def sink():
    with Sink() as running:
        yield running


@pytest.fixture(scope="module")
def settings(sink):
    return {"LOG_LEVEL": "info", "IMAPD_POLL": f"{POLL}s", "MTA_POLL": f"{POLL}s", "MTA_SMART_HOST": sink.address}


@pytest.fixture
def world(suite, sink):
    world = World(suite, sink)
    yield world
    world.idler.close()


def take_bus_away(suite):
    if suite.stack == "cluster":
        suite.services["rabbitmq"].stop()
    else:
        shutil.rmtree(suite.dir / "run" / "bus")


def bring_bus_back(suite):
    if suite.stack == "cluster":
        suite.services["rabbitmq"].start()
    else:
        (suite.dir / "run" / "bus").mkdir(mode=0o700, exist_ok=True)


def is_immediate(world):
    return world.push_delay() < AT_ONCE and world.send_delay() < AT_ONCE


def test_bus_away_under_load(suite, world, capsys):
    assert is_immediate(world)
    load = Load(suite, [suite.alice, suite.bob], pause=0.02).start()
    pushes, sends = [], []
    try:
        time.sleep(2)
        take_bus_away(suite)
        gone_at, acked_before = time.monotonic(), len(load.acked)
        while time.monotonic() < gone_at + AWAY:
            pushes.append(world.push_delay())
            sends.append(world.send_delay())
        acked_meanwhile = len(load.acked) - acked_before
        bring_bus_back(suite)
        start = time.monotonic()
        wait_for("pushes to be immediate again", lambda: is_immediate(world), 90)
        back = time.monotonic() - start
    finally:
        load.stop()
    slowest = max(attempt.seconds for attempt in load.acked)
    with capsys.disabled():
        print(f"\n{suite.stack}, bus away for {AWAY:.0f} s: {acked_meanwhile} messages acknowledged meanwhile, "
              f"{len(load.acked)} in all of {len(load.attempts)} attempts, slowest answer {slowest:.1f} s; "
              f"{len(pushes)} pushes after {max(pushes):.1f} s at most, {len(sends)} mails out after {max(sends):.1f} s "
              f"at most; pushes and mail immediate again {back:.1f} s after the bus")
    assert acked_meanwhile > AWAY, "hardly anything was accepted without the bus"
    assert not load.errors, f"clients saw failures: {dict(load.errors)}"
    assert max(pushes) < LATE and max(sends) < LATE
    load.check()    # everything acknowledged is there once, and the queue is empty
    for mark in world.sent:
        assert world.sink.count(mark.encode()) == 1, f"{mark} went out {world.sink.count(mark.encode())} times"
    assert " 0 problems" in suite.fsck()
