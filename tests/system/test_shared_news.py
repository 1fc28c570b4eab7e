"""Searches and news in what others share (RFC 7377, RFC 5465), by two imapd processes on one store."""

import re
import time

from suite import wait_for
from test_imap import MESSAGE, add
from test_notify import hears, ok
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


def test_notify(suite, pair, bob):
    owner, guest = pair
    box = re.escape(path(suite).encode())
    ok(guest, "NOTIFY", "SET (subtree Shared (MessageNew MessageExpunge MailboxName))")
    owner.setacl("Team", bob, "lr")
    hears(guest, rb'\* LIST \(.*HasNoChildren\) "/" ' + box)
    add(owner, "news", "Team")
    assert b"MESSAGES 1 " in hears(guest, rb"\* STATUS " + box)
    owner.create("Team/below")
    hears(guest, rb'\* LIST .* ' + box + rb"/below\r")
    owner.delete("Team/below")
    owner.deleteacl("Team", bob)
    hears(guest, rb"\* LIST \(.*NonExistent .*NoAccess.*\) .* " + box + rb"\r")
    add(owner, "nobody else's", "Team")
    assert guest.noop()[0] == "OK" and not guest.untagged_responses.get("STATUS")


def test_notify_of_annotations(suite, pair, bob):
    owner, guest = pair
    box = path(suite)
    owner.setacl("Team", bob, "lrw")
    ok(guest, "NOTIFY", "SET (subtree Shared (MailboxMetadataChange))")
    ok(owner, "SETMETADATA", 'Team (/private/comment "hers" /shared/comment "all\'s")')
    assert hears(guest, rb"\* METADATA ") == f"* METADATA {box} /shared/comment\r\n".encode()
    ok(owner, "NOTIFY", "SET (personal (MailboxMetadataChange))")
    ok(guest, "SETMETADATA", f'{box} (/private/comment "his" /shared/comment NIL)')
    assert hears(owner, rb"\* METADATA ") == b"* METADATA Team /shared/comment\r\n"
    owner.setacl("Team", bob, "l")
    hears(guest, rb"\* LIST \(.*NoAccess.*\) .* " + re.escape(box.encode()) + rb"\r")
    ok(owner, "SETMETADATA", 'Team (/shared/comment "not his")')
    time.sleep(1)
    guest.untagged_responses.clear()
    assert guest.noop()[0] == "OK" and "METADATA" not in guest.untagged_responses
    ok(owner, "NOTIFY", "NONE")


def test_notify_of_a_public_mailbox(suite, second, bob):
    suite.cli("share", "add-public", "board@example.test")
    suite.cli("share", "set", "board@example.test", "INBOX", "anyone", "lr")
    with suite.imap(bob, port=second.ports["IMAPS"]) as guest:
        assert guest.subscribe("Public/board/INBOX")[0] == "OK"
        ok(guest, "NOTIFY", "SET (subscribed (MessageNew MessageExpunge))")
        suite.deliver(["board@example.test"], MESSAGE.format(subject="to all"))
        assert b"MESSAGES 1 " in hears(guest, rb"\* STATUS Public/board/INBOX ")
