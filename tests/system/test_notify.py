"""NOTIFY, searches that go on, and searches in several mailboxes, with two processes on one store."""

import re
import time

import imaplib
import pytest

MESSAGE = "From: sender@far.test\r\nSubject: {subject}\r\n\r\nbody\r\n"
PUSH_SECONDS = 10

imaplib.Commands.update({name: ("AUTH", "SELECTED") for name in ("NOTIFY", "ESEARCH", "SETMETADATA")})


@pytest.fixture(scope="module")
def second(suite):
    return suite.start_second("imapd")


@pytest.fixture
def pair(suite, second):
    """(client of the first process, client of the second)"""
    with suite.imap(suite.alice) as one, suite.imap(suite.alice, port=second.ports["IMAPS"]) as two:
        yield one, two


def hears(client, pattern, seconds=PUSH_SECONDS):
    """A line that comes without any command."""
    started = time.monotonic()
    while True:
        line = client.readline()
        assert line and time.monotonic() - started < seconds, f"no {pattern} in {seconds} s"
        if re.search(pattern, line):
            return line


def add(client, subject, mailbox="INBOX"):
    assert client.append(mailbox, None, None, MESSAGE.format(subject=subject).encode())[0] == "OK"


def ok(client, name, *args):
    kind, answer = client.xatom(name, *args)
    assert kind == "OK", answer
    return answer


def test_others_across_processes(suite, pair):
    one, two = pair
    two.create("Watched")
    ok(one, "NOTIFY", "SET STATUS (subtree Watched (MessageNew MessageExpunge FlagChange)) (personal (MailboxName))")
    add(two, "new", "Watched")
    assert b"MESSAGES 1 " in hears(one, rb"\* STATUS Watched ")
    two.select("Watched")
    two.store("1", "+FLAGS", r"(\Seen)")
    assert b"UNSEEN 0 " in hears(one, rb"\* STATUS Watched ")
    two.store("1", "+FLAGS", r"(\Deleted)")
    two.expunge()
    assert b"MESSAGES 0 " in hears(one, rb"\* STATUS Watched .*MESSAGES 0 ")
    two.create("Watched/below")
    hears(one, rb'\* LIST .* Watched/below\r')
    two.rename("Watched/below", "Beside")
    assert b'"OLDNAME" (Watched/below)' in hears(one, rb'\* LIST .* Beside ')
    two.delete("Beside")
    assert rb"\NonExistent" in hears(one, rb'\* LIST .* Beside\r')
    assert one.noop()[0] == "OK"


def test_annotations_across_processes(suite, pair):
    """Names of what others set and take away; not one's own; the server's as well."""
    one, two = pair
    two.create("Annotated")
    ok(one, "NOTIFY", "SET (subtree Annotated (MailboxMetadataChange ServerMetadataChange))")
    ok(one, "SETMETADATA", 'Annotated (/private/mine "1")')
    ok(two, "SETMETADATA", 'Annotated (/private/comment "2" /private/other "3")')
    assert hears(one, rb"\* METADATA ") == b"* METADATA Annotated /private/comment /private/other\r\n"
    ok(two, "SETMETADATA", "Annotated (/private/other NIL)")
    assert hears(one, rb"\* METADATA ") == b"* METADATA Annotated /private/other\r\n"
    ok(two, "SETMETADATA", 'INBOX (/shared/comment "not asked for")')
    ok(two, "SETMETADATA", '"" (/private/comment "4")')
    assert hears(one, rb"\* METADATA ") == b'* METADATA "" /private/comment\r\n'
    ok(one, "NOTIFY", "NONE")
    ok(two, "SETMETADATA", 'Annotated (/private/comment "5")')
    time.sleep(1)
    one.untagged_responses.clear()
    assert one.noop()[0] == "OK" and "METADATA" not in one.untagged_responses


def test_delivery_is_pushed(suite, pair):
    one, two = pair
    one.select()
    ok(one, "NOTIFY", "SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (Subject)]) MessageExpunge FlagChange))")
    ok(two, "NOTIFY", "SET (inboxes (MessageNew MessageExpunge))")
    suite.deliver([suite.alice], MESSAGE.format(subject="pushed at once"))
    number = hears(one, rb"\* \d+ EXISTS").split()[1]
    assert hears(one, rb"FETCH").startswith(b"* " + number + b" FETCH (UID ")
    hears(one, rb"Subject: pushed at once")
    hears(two, rb"\* STATUS INBOX ")
    two.select()
    two.store(number.decode(), "+FLAGS", r"(\Deleted)")
    hears(one, rb"\* " + number + rb" FETCH \(UID \d+ FLAGS \(.*Deleted")
    two.expunge()
    hears(one, rb"\* " + number + rb" EXPUNGE")


def test_a_search_goes_on(suite, pair):
    one, two = pair
    one.select()
    two.select()
    ok(one, "NOTIFY", "SET (selected (MessageNew MessageExpunge FlagChange))")
    tag = one._command("UID", "SEARCH", "RETURN", "(UPDATE COUNT)", "SUBJECT", "wanted")
    one._command_complete("UID", tag)
    add(two, "something else")
    add(two, "it is wanted")
    line = hears(one, rb'ESEARCH \(TAG "' + tag + rb'"\) UID ADDTO')
    uid = re.search(rb"ADDTO \(0 (\d+)\)", line)[1].decode()
    two.noop()
    two.uid("STORE", uid, "+FLAGS", r"(\Deleted)")
    two.expunge()
    hears(one, rb"UID REMOVEFROM \(0 " + uid.encode())


def test_search_in_all_mailboxes(suite, pair):
    one, two = pair
    for name in ("Pile", "Pile/a", "Pile/b"):
        two.create(name)
        add(two, f"needle in {name}", name)
    ok(one, "ESEARCH", "IN (subtree Pile) RETURN (COUNT) SUBJECT needle")
    lines = one.untagged_responses["ESEARCH"]
    assert [re.search(rb"MAILBOX (\S+)", line)[1] for line in lines] == [b"Pile", b"Pile/a", b"Pile/b"]
    assert all(line.endswith(b"UID COUNT 1") for line in lines)
