"""Searches and news in what others share (RFC 7377, RFC 5465), by two imapd processes on one store."""

import re

from suite import wait_for
from test_imap import add
from test_notify import ok
from test_shared import bob, pair, path, second  # fixtures among them


def searched(client, what):
    client.untagged_responses.clear()
    ok(client, "ESEARCH", what)
    lines = client.untagged_responses.get("ESEARCH", [])
    return [re.search(rb"MAILBOX (\S+)", line)[1].decode() for line in lines]


def test_search(suite, pair, bob):
    owner, guest = pair
    box = path(suite)
    add(owner, "a needle for all of us", "Team")
    everywhere = "IN (personal subtree Shared) RETURN (COUNT) SUBJECT needle"
    assert box not in searched(guest, everywhere)
    owner.setacl("Team", bob, "lr")
    wait_for("the shared mailbox", lambda: box in searched(guest, everywhere))
    owner.setacl("Team", bob, "r")
    assert box not in searched(guest, everywhere)
    assert searched(guest, f"IN (mailboxes {box}) SUBJECT needle") == [box]
    owner.deleteacl("Team", bob)
    assert searched(guest, f"IN (mailboxes {box}) SUBJECT needle") == []
