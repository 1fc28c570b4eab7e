"""The store goes away: clients are told to come again, at once, and all is well by itself when it is back.

MongoDB and the object store are stopped; the embedded database is held by another process that writes and does not end.
"""

import contextlib
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


def append_to(client, mailbox):
    return client.append(mailbox, None, None, TEXT.format("appended").encode())


def append(client):
    kind, answer = append_to(client, "INBOX")
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


@contextlib.contextmanager
def away(suite):
    """Nothing can be written; on the cluster stack nothing can be read either."""
    if suite.stack == "embedded":
        holder = sqlite3.connect(suite.dir / "store.sqlite", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("COMMIT")
        holder.close()
        return
    suite.services["mongo"].stop()
    try:
        yield
    finally:
        suite.services["mongo"].start()


def counted(suite, name):
    return suite.daemons["imapd"].metrics().get(f"posthouse_imapd_{name}_total", 0)


@pytest.fixture
def bare(suite):
    """(a session in a mailbox of which only the head of the cache file was opened, another that is logged in, its name)"""
    name = f"Bare-{secrets.token_hex(4)}"
    many = 300      # enough for a file
    with suite.imap(suite.alice) as client:
        client.create(name)
        text = b"Subject: x\r\n\r\nx\r\n"
        client.send(b"m APPEND %s" % name.encode() + b" {%d+}\r\n%s" % (len(text), text) * many + b"\r\n")
        while not (line := client.readline()).startswith(b"m "):
            pass
        assert line.startswith(b"m OK"), line
        writes = counted(suite, "view_cache_writes")
        client.select(name)
        wait_for("a file of the mailbox", lambda: counted(suite, "view_cache_writes") > writes, 20)
    suite.daemons["imapd"].stop()
    suite.daemons["imapd"].start()
    client, other = suite.imap(suite.alice), suite.imap(suite.alice)
    assert int(client.select(name)[1][0]) == many
    assert counted(suite, "view_cache_reads") == 1
    yield client, other, name
    for each in (client, other):
        each.shutdown()


def is_refused(answer):
    return answer[0] == "NO" and answer[1][0].startswith(b"[UNAVAILABLE]")


def test_bare_mailbox(suite, bare):
    """What was opened by its head alone needs the store for its rows: NO until that is back, and then they are those it told."""
    client, other, name = bare
    with away(suite):
        if suite.stack == "cluster":
            for call in (lambda: client.fetch("1", "(FLAGS)"), lambda: client.search(None, "UNSEEN"),
                         lambda: client.uid("FETCH", "1:*", "(UID)"), lambda: other.select(name)):
                assert is_refused(call())
            assert client.noop()[0] == "OK", "it is as fresh as it can be"
        assert is_refused(client.store("1", "+FLAGS", "\\Flagged"))
    looks = counted(suite, "looks")
    wait_for("the same session to have the rows", lambda: client.fetch("1:300", "(UID)")[0] == "OK", 30)
    if suite.stack == "cluster":
        assert counted(suite, "looks") > looks, "it had none"
    assert len(client.fetch("1:*", "(UID)")[1]) == 300
    assert client.search(None, "FLAGGED") == ("OK", [b""])
    assert client.store("1", "+FLAGS", "\\Flagged")[0] == "OK"
    assert append_to(other, name)[0] == "OK"
    client.noop()
    assert client.response("EXISTS")[1][-1] == b"301"
    assert other.select(name)[0] == "OK" and other.search(None, "FLAGGED") == ("OK", [b"1"])


def test_bare_mailbox_waits(suite, bare):
    """The store goes and comes while the session waits: it hears of what comes then."""
    client, other, name = bare
    client.send(b"i IDLE\r\n")
    assert client.readline().startswith(b"+")
    with away(suite):
        assert is_refused(append_to(other, name))
    wait_for("mail to be taken again", lambda: append_to(other, name)[0] == "OK", 30)
    assert re.match(rb"\* 30\d EXISTS", client.readline())
    client.send(b"DONE\r\n")
    while not (line := client.readline()).startswith(b"i "):
        pass
    assert line.startswith(b"i OK")
    assert client.fetch("1:*", "(FLAGS)")[0] == "OK"
