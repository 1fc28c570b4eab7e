"""Thunderbird with a mailbox of MAILBOX_MESSAGES (50000): the first look, and the next start behind changes made elsewhere."""

import os
import time

import pytest

from suite import wait_for
from thunderbird import Thunderbird

MESSAGES = int(os.environ.get("MAILBOX_MESSAGES", "50000"))
BATCH = 100
PREFERENCES = {
    "mail.server.default.use_condstore": True,              # it has it, and does not use it unless told
    "mail.server.default.autosync_offline_stores": False,   # headers, and bodies when they are read
}


def fill(suite, user):
    """By MULTIAPPEND, a batch in each command."""
    with suite.imap(user) as client:
        for first in range(0, MESSAGES, BATCH):
            command = b"x APPEND INBOX"
            for number in range(first, min(first + BATCH, MESSAGES)):
                text = (f"From: Somebody {number % 50} <s{number % 50}@far.test>\r\nTo: <{user}>\r\nSubject: message {number}\r\n"
                        f"Date: Tue, 14 Jan 2025 10:11:12 +0000\r\nMessage-ID: <{number}@far.test>\r\n\r\ntext {number}\r\n").encode()
                command += b" (\\Seen) {%d+}\r\n%s" % (len(text), text)
            client.send(command + b"\r\n")
            while not (line := client.readline()).startswith(b"x "):
                pass
            assert line.startswith(b"x OK"), line


@pytest.fixture(scope="module")
def suite(new_suite):
    suite = new_suite().start()
    suite.alice = suite.user("alice")
    fill(suite, suite.alice)
    return suite


@pytest.fixture(scope="module")
def client(suite, tmp_path_factory):
    with Thunderbird(suite, suite.alice, tmp_path_factory.mktemp("thunderbird"), PREFERENCES) as client:
        yield client


@pytest.fixture
def say(suite, capsys):
    def say(text):
        with capsys.disabled():
            print(f"\n  {suite.stack}: {text}", end="", flush=True)
    return say


def timed(what, condition):
    start = time.monotonic()
    wait_for(what, condition, 240, 0.25)
    return time.monotonic() - start


def test_first_look(client, say):
    client.open_folder("INBOX")
    seconds = timed("all messages", lambda: client.count("INBOX") == MESSAGES)
    say(f"{MESSAGES} messages are in its list after {seconds:.0f} s")
    wait_for("it to have nothing more to ask", lambda: client.idles("INBOX"), 240, 1)
    wait_for("it to look again: only then it keeps HIGHESTMODSEQ", lambda: client.open_folder("INBOX") or any(
        "CHANGEDSINCE" in line for _, line in client.protocol()), 60, 1)
    wait_for("it to have nothing more to ask", lambda: client.idles("INBOX"), 240, 1)


def test_next_start(suite, client, say):
    client.quit()
    with suite.imap(suite.alice) as elsewhere:
        elsewhere.select()
        elsewhere.store("1:100", "+FLAGS.SILENT", r"(\Flagged)")
        elsewhere.store(str(MESSAGES), "-FLAGS.SILENT", r"(\Seen)")
    suite.deliver(suite.alice, "From: s@far.test\nSubject: the newest\n\nx\n")
    start = client.log.stat().st_size
    client.restart()
    seconds = timed("what happened meanwhile", lambda: client.open_folder("INBOX") or (
        client.count("INBOX"), client.count("INBOX", "one.isFlagged"), client.count("INBOX", "!one.isRead")) == (MESSAGES + 1, 100, 2))
    said = [line for _, line in client.protocol(start)]
    assert any("CHANGEDSINCE" in line for line in said)
    told = sum(" FETCH (" in line for line in said)
    say(f"what happened meanwhile is shown {seconds:.1f} s after the next start; {told} FETCH responses")
    assert told < 1000, "it asks for what has changed, and is told no more"
