"""Mailboxes shared between accounts (RFC 4314), by two imapd processes on one store."""

import re
import time

import pytest

from suite import wait_for
from test_canary import disguises, files, folders_of, make_canary, search
from test_imap import MESSAGE, Idle, add

BOX = "Shared/{owner}/{name}"


@pytest.fixture(scope="module")
def second(suite):
    return suite.start_second("imapd")


@pytest.fixture(scope="module")
def bob(suite):
    return suite.bob


@pytest.fixture
def pair(suite, second, bob):
    """(the owner at the first process, the guest at the second); either may be hung up on."""
    owner, guest = suite.imap(suite.alice), suite.imap(bob, port=second.ports["IMAPS"])
    owner.create("Team")
    yield owner, guest
    owner.shutdown()
    guest.shutdown()
    with suite.imap(suite.alice) as again:
        again.delete("Team")


def path(suite, name="Team"):
    return BOX.format(owner=suite.alice, name=name)


def flags(client, number="1"):
    return re.search(rb"FLAGS \(([^)]*)\)", client.fetch(number, "(FLAGS)")[1][0])[1].split()


def status(client, mailbox, item):
    line = client.status(mailbox, f"({item})")[1][0]
    return int(re.search(rf"{item} (\d+)".encode(), line)[1])


def test_grant_see_and_revoke(suite, pair, bob):
    owner, guest = pair
    assert guest.select(path(suite))[0] == "NO"
    assert guest.list('""', "Shared/*")[1] == [None]
    assert owner.setacl("Team", bob, "lr")[0] == "OK"
    wait_for("the mailbox in LIST", lambda: path(suite).encode() in b"".join(guest.list('""', "Shared/*")[1] or [b""]))
    add(owner, "for all of us", "Team")
    assert guest.select(path(suite), readonly=True) == ("OK", [b"1"])
    assert b"for all of us" in guest.fetch("1", "(BODY.PEEK[])")[1][0][1]
    assert guest.setacl(path(suite), bob, "lrswipkxtea")[0] == "NO"
    assert guest.append(path(suite), None, None, b"Subject: no\r\n\r\nno\r\n")[0] == "NO"
    # news of the other process
    with Idle(guest) as idle:
        add(owner, "more", "Team")
        idle.hears(rb"\* 2 EXISTS")
    # taken away: told at once to who waits, and at the next command to everybody
    guest.send(b"i2 IDLE\r\n")
    assert guest.readline().startswith(b"+")
    assert owner.deleteacl("Team", bob)[0] == "OK"
    wait_for("BYE", lambda: guest.readline().startswith(b"* BYE"))
    with suite.imap(bob) as again:
        assert again.select(path(suite))[0] == "NO"


def test_revoked_between_commands(suite, pair, bob):
    owner, guest = pair
    owner.setacl("Team", bob, "lrs")
    add(owner, "seen no more", "Team")
    assert guest.select(path(suite))[0] == "OK"
    assert owner.deleteacl("Team", bob)[0] == "OK"
    with pytest.raises(Exception, match="BYE|EOF|not shared"):
        guest.fetch("1", "(BODY.PEEK[])")
        guest.noop()


def test_own_seen(suite, pair, second, bob):
    """Each has read what he has read; a second session of the same guest, elsewhere, knows it as well."""
    owner, guest = pair
    owner.setacl("Team", bob, "lrs")
    add(owner, "one", "Team")
    add(owner, "two", "Team")
    assert guest.select(path(suite)) == ("OK", [b"2"])
    guest.fetch("1", "(BODY[TEXT])")
    guest.noop()
    assert flags(guest, "1") == [rb"\Seen"] and flags(guest, "2") == []
    assert status(guest, path(suite), "UNSEEN") == 1
    owner.select("Team")
    assert rb"\Seen" not in flags(owner, "1")
    with suite.imap(bob) as elsewhere:
        elsewhere.select(path(suite))
        assert flags(elsewhere, "1") == [rb"\Seen"]
        with Idle(elsewhere) as idle:
            guest.store("2", "+FLAGS", r"(\Seen)")
            assert rb"\Seen" in idle.hears(rb"\* 2 FETCH")
        assert flags(elsewhere, "2") == [rb"\Seen"]
    owner.noop()
    assert rb"\Seen" not in flags(owner, "2")
    owner.store("1", "+FLAGS", r"(\Seen \Flagged)")
    wait_for("the flag", lambda: guest.noop() and rb"\Flagged" in flags(guest, "1"))


def test_copies_between_accounts(suite, pair, bob):
    """What was copied belongs to the other account: it stays when the first one is gone."""
    owner, guest = pair
    owner.setacl("Team", bob, "lrite")
    add(owner, "to be kept", "Team")
    guest.select(path(suite))
    assert guest.copy("1", "Archive")[0] == "OK"
    add(guest, "from the guest", path(suite))
    owner.select("Team")
    owner.noop()
    assert b"from the guest" in owner.fetch("2", "(BODY.PEEK[])")[1][0][1]
    owner.store("1", "+FLAGS", r"(\Deleted)")
    owner.expunge()
    with suite.imap(bob) as reader:
        reader.select("Archive")
        assert b"to be kept" in reader.fetch("1", "(BODY.PEEK[])")[1][0][1]
    assert "0 problems" in suite.fsck()


def test_everybody_keeps_what_was_granted_after_kill9(suite, pair, bob):
    owner, guest = pair
    owner.setacl("Team", bob, "lrs")
    add(owner, "survives", "Team")
    guest.select(path(suite))
    guest.store("1", "+FLAGS", r"(\Seen)")
    time.sleep(0.3)  # state is on stable storage within 100 ms
    suite.daemons["imapd"].kill9()
    suite.daemons["imapd"].start()
    with suite.imap(bob) as again:
        assert again.select(path(suite))[0] == "OK"
        assert flags(again) == [rb"\Seen"]


def test_public_account(suite, bob):
    suite.cli("share", "add-public", "desk@example.test")
    suite.cli("share", "set", "desk@example.test", "INBOX", "anyone", "lrsw")
    suite.cli("share", "set", "desk@example.test", "Sent", bob, "lri")
    suite.cli("share", "set", "desk@example.test", "Sent", bob, "none")
    assert suite.cli("share", "list", "desk@example.test").split() == ["INBOX", "anyone", "lrsw"]
    suite.deliver(["desk@example.test"], MESSAGE.format(subject="to the desk"))
    with suite.imap(bob) as client:
        assert b"Public/desk/INBOX" in b"".join(client.list('""', "Public/*")[1])
        assert client.select("Public/desk/INBOX") == ("OK", [b"1"])
        assert b"to the desk" in client.fetch("1", "(BODY[])")[1][0][1]
    with suite.imap() as client, pytest.raises(client.error):
        client.login("desk@example.test", suite.password)


def test_nothing_readable(suite, second, bob):
    """P3: the names of shared mailboxes, and what is in them, are ciphertext wherever sharing writes."""
    name, subject, keyword = make_canary(), make_canary(), make_canary()
    box = path(suite, name)
    with suite.imap(suite.alice) as owner, suite.imap(bob, port=second.ports["IMAPS"]) as guest:
        owner.create(name)
        owner.setacl(name, bob, "lrswikxte")
        add(owner, subject, name)
        assert guest.select(box)[0] == "OK" and guest.subscribe(box)[0] == "OK"
        guest.store("1", "+FLAGS", rf"(\Seen {keyword})")
        guest.copy("1", "Archive")
        guest.create(f"{box}/{keyword}")
        add(guest, subject, f"{box}/{keyword}")
    assert suite.cli("share", "list", suite.alice).count(bob) == 2
    patterns = [(how, text) for canary in (name, subject, keyword) for how, text in disguises(canary).items()]
    assert [at for at in files(folders_of(suite)) if search(at, patterns)] == []
