"""The Outbox: queued mail in sight, and a way to call it back."""

import contextlib
import re
import select
import time

import pytest

from cancels import MoodySink, cancel_rounds
from crash import SETTINGS
from sink import Sink
from suite import wait_for

ROUNDS = 6
TEXT = "From: <{user}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\r\nThe body of {subject}.\r\n"


@pytest.fixture(scope="module")
def sink():
    with Sink() as running:
        yield running


@pytest.fixture(scope="module")
def settings(sink):
    return {**SETTINGS, "MTA_SMART_HOST": sink.address, "IMAPD_POLL": "1s"}


def submit(suite, user, *to, subject="going out"):
    with suite.submission(user) as client:
        client.sendmail(user, to, TEXT.format(user=user, to=to[0], subject=subject))


def outbox(client):
    """{subject: (uid, flags)}"""
    count = int(client.select("Outbox")[1][0])
    if not count:
        return {}
    found = {}
    for part in client.fetch("1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
        if isinstance(part, tuple):
            subject = part[1].split(b": ")[1].strip().decode()
            found[subject] = (re.search(rb"UID (\d+)", part[0])[1].decode(), re.search(rb"FLAGS \(([^)]*)\)", part[0])[1].decode())
    return found


def wait_state(suite, user, subject, word):
    def there():
        with suite.imap(user) as client:
            return word in outbox(client).get(subject, ("", ""))[1]
    wait_for(f"{subject} to be {word}", there)


@contextlib.contextmanager
def put_off(sink, *addresses):
    for address in addresses:
        sink.refused[address] = "450 4.2.0 Not now"
    yield
    for address in addresses:
        sink.refused.pop(address, None)


def test_queued_mail_is_shown_and_cancelled(suite, sink):
    user, to = suite.alice, "later@far.test"
    with put_off(sink, to):
        submit(suite, user, to, "later@away.test", subject="one")
        submit(suite, user, to, subject="two")
        wait_state(suite, user, "one", "$Deferred")
        wait_state(suite, user, "two", "$Deferred")
        with suite.imap(user) as client:
            shown = outbox(client)
            assert set(shown) == {"one", "two"} and all("\\Seen" in flags for _, flags in shown.values())
            text = client.uid("FETCH", shown["one"][0], "(BODY.PEEK[])")[1][0][1].decode()
            assert text.endswith(TEXT.format(user=user, to=to, subject="one")), text
            assert b"MESSAGES 2" in client.status("Outbox", "(MESSAGES)")[1][0]

            def gone(*words):
                return client.uid(*words)[0] == "OK"        # NO while mta is trying again just now
            wait_for("one to be moved", lambda: gone("MOVE", shown["one"][0], "Trash"), pause=0.2)
            client.uid("STORE", shown["two"][0], "+FLAGS", r"(\Deleted)")
            wait_for("two to be expunged", lambda: gone("EXPUNGE", shown["two"][0]), pause=0.2)
            assert outbox(client) == {}
            assert client.select("Trash")[1] == [b"1"]
            assert b"$Deferred" not in client.fetch("1", "(FLAGS)")[1][0]
    assert suite.queue() == []
    time.sleep(2)
    assert sink.count(b"Subject: two") == 0 and not sink.to(to)
    assert suite.fsck().endswith(": 0 problems")


def test_sent_mail_leaves_by_itself(suite, sink):
    submit(suite, suite.alice, "now@far.test", subject="quick")
    wait_for("it to be sent", lambda: sink.to("now@far.test"))

    def empty():
        with suite.imap(suite.alice) as client:
            return outbox(client) == {}
    wait_for("the Outbox to be empty", empty)


def test_idle_is_told(suite, sink):
    """Within a second where the bus is; the command line has none, so that is seen by the poll."""
    user, to = suite.bob, "idle@far.test"
    with put_off(sink, to), suite.imap(user) as client:
        client.select("Outbox")
        client.send(b"x IDLE\r\n")
        assert client.readline().startswith(b"+")
        submit(suite, user, to, subject="watched")
        heard(client, b"EXISTS", 3)
        heard(client, b"$Deferred", 5)
        wait_for("it to be held", lambda: held(suite), pause=0.2)
        heard(client, b"$Held", 8)
        sink.refused.pop(to)
        suite.cli("queue", "release", entry(suite))
        heard(client, b"EXPUNGE", 8)
        assert sink.to(to)
        client.send(b"DONE\r\n")
        client.readline()


def entry(suite):
    def listed():
        return re.findall(r"^([0-9a-f]{32}) ", suite.cli("queue", "list"), re.M)
    wait_for("an entry", listed)
    return listed()[0]


def held(suite):
    """False while mta is trying again just now."""
    try:
        suite.cli("queue", "hold", entry(suite))
    except AssertionError as error:
        assert "it is being sent at this moment" in str(error)
        return False
    return True


def heard(client, word, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if client.sock.pending() or select.select([client.sock], [], [], 0.1)[0]:
            if word in client.readline():
                return
    raise AssertionError(f"{word} was not told in {seconds} s")


def test_it_may_be_switched_off(new_suite):
    suite = new_suite(OUTBOX="no").start()
    user = suite.user("carol")
    with suite.imap(user) as client:
        assert not any(b"Outbox" in line for line in client.list()[1])


def test_what_was_cancelled_is_never_sent(new_suite):
    """Whoever dies in the middle: no message is sent behind an acknowledged cancelling, and none is lost."""
    with MoodySink() as moody:
        suite = new_suite(MTA_SMART_HOST=moody.address).start()
        user = suite.user("dave")
        cancels = cancel_rounds(suite, user, moody, ROUNDS)
        assert len(cancels.cancelled) >= 5 and len(cancels.recipients) > len(cancels.cancelled)
        assert suite.fsck().endswith(": 0 problems")
