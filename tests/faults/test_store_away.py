"""The store goes away: clients are told to come again, at once, and all is well by itself when it is back.

MongoDB and the object store are stopped; the embedded database is held by another process that writes and does not end.
"""

import imaplib
import re
import secrets
import smtplib
import sqlite3
import time

import pytest

from suite import wait_for

TEXT = "From: s@far.test\r\nTo: alice@example.test\r\nSubject: x\r\n\r\n{}\r\n"
LONG = 2.0    # an answer that did not wait for anything
WHILE = 10.0  # one that waited for a service, and gave up in time


@pytest.fixture
def cluster(suite):
    if suite.stack != "cluster":
        pytest.skip("there is no service to stop")
    return suite


def send(suite, body="x"):
    """The code that the message, or its recipient, gets."""
    with suite.smtp() as client:
        client.ehlo()
        client.mail("s@far.test")
        code = client.rcpt(suite.alice)[0]
        return client.data(TEXT.format(body))[0] if code == 250 else code


def delivered(suite, body="x"):
    try:
        return send(suite, body) == 250
    except smtplib.SMTPException:
        return False


def append(client):
    kind, answer = client.append("INBOX", None, None, TEXT.format("appended").encode())
    return kind, answer[0].decode()


def timed(call, *words):
    start = time.monotonic()
    return call(*words), time.monotonic() - start


def count(suite):
    with suite.imap(suite.alice) as client:
        return int(client.select("INBOX", readonly=True)[1][0])


def test_mongo_away(cluster):
    suite = cluster
    client = suite.imap(suite.alice)
    before = int(client.select("INBOX")[1][0])
    suite.services["mongo"].stop()
    try:
        for call in ((send, suite), (append, client)):
            call[0](call[1])    # each daemon finds out for itself: its first two calls wait for an answer
            call[0](call[1])
            answer, seconds = timed(*call)
            assert answer == 451 or re.match(r"\[UNAVAILABLE\]", answer[1]), answer
            assert seconds < LONG
        assert not suite.daemons["smtpd"].ready() and not suite.daemons["imapd"].ready()
    finally:
        suite.services["mongo"].start()
    wait_for("mail to be accepted again", lambda: delivered(suite), 30)
    wait_for("the same session to append again", lambda: append(client)[0] == "OK", 30)
    wait_for("readiness", lambda: suite.daemons["smtpd"].ready() and suite.daemons["imapd"].ready(), 30)
    assert count(suite) == before + 2   # and nothing of what was refused
    client.shutdown()


def test_objects_away(cluster):
    suite = cluster
    large = "\r\n".join(secrets.token_hex(35) for _ in range(4000))
    before = count(suite)
    suite.services["seaweedfs"].stop()
    try:
        answer, seconds = timed(send, suite, large)
        print(f"large mail without the object store: {answer} after {seconds:.1f} s")
        assert answer == 451 and seconds < WHILE
        assert send(suite) == 250, "a small message needs no object store"
    finally:
        suite.services["seaweedfs"].start()
    wait_for("large mail to be accepted again", lambda: delivered(suite, large), 30)
    assert count(suite) == before + 2
    assert " 0 problems" in suite.fsck()


def test_database_held(suite):
    if suite.stack != "embedded":
        pytest.skip("that is SQLite's")
    before = count(suite)
    client = suite.imap(suite.alice)
    client.select("INBOX")
    holder = sqlite3.connect(suite.dir / "store.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    code, seconds = timed(send, suite)
    assert code == 451 and seconds < 20     # it waits for the other's transaction, but not for ever
    kind, text = append(client)
    assert kind == "NO" and text.startswith("[UNAVAILABLE]")
    holder.execute("COMMIT")
    holder.close()
    assert send(suite) == 250
    assert append(client)[0] == "OK"
    assert count(suite) == before + 2
    with pytest.raises(imaplib.IMAP4.error):    # the session has lived through it: only BAD raises
        client.xatom("NONSENSE")
    client.shutdown()
