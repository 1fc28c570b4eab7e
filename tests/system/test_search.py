"""Searching sealed mail by its signatures: always what opening all of it would find, and most of it not opened."""

import base64
import random
import re
import sqlite3
import time

import pytest

from suite import wait_for

N = 600     # more than a cache file is written for
LETTERS = "eeeeettttaaaooiinnsshrrdlucmwfgypbvk"


def words(dice, n):
    return ["".join(dice.choice(LETTERS) for _ in range(dice.randint(3, 9))) for _ in range(n)]


def message(dice, i):
    """(bytes, {place: text as a search sees it})"""
    subject, body = " ".join(words(dice, 4)), " ".join(words(dice, 200))
    if i % 10 == 3:
        body += " Grüße aus Köln"
    if i == 77:
        body += " xylophone quartz"
    text = body
    head = f"From: s{i % 7}@far.test\r\nTo: alice@example.test\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
    if i % 3 == 0:
        kind = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        raw = (head + kind + body + "\r\n").encode()
    elif i % 3 == 1:
        kind = "Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        raw = (head + kind).encode() + base64.encodebytes(f"<p>{body}</p>".encode("latin-1")).replace(b"\n", b"\r\n")
    else:
        kind = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        raw = (head + kind + "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body +
               "\r\n--b\r\nContent-Type: application/pdf\r\n\r\nattachedonly\r\n--b--\r\n").encode()
    return raw, {"subject": subject.lower(), "text": text.lower(), "from": f"s{i % 7}@far.test"}


@pytest.fixture(scope="module")
def mailbox(suite):
    dice = random.Random(5)
    mails = [message(dice, i) for i in range(N)]
    with suite.imap(suite.alice) as client:
        for raw, _ in mails:
            assert client.append("INBOX", "()", None, raw)[0] == "OK"
    return [seen for _, seen in mails]


def found(suite, *keys):
    with suite.imap(suite.alice) as client:
        client.select()
        status, data = client.uid("SEARCH", "CHARSET", "UTF-8", *keys)
        assert status == "OK", data
        return {int(uid) for uid in data[0].split()}


def where(mailbox, holds):
    return {i + 1 for i, seen in enumerate(mailbox) if holds(seen)}


def counted(suite, name):
    return suite.daemons["imapd"].metrics().get(f"posthouse_imapd_search_{name}_total", 0)


def check_all(suite, mailbox):
    """Every kind of key, against what was written."""
    dice = random.Random(6)
    assert found(suite, "BODY", '"xylophone quartz"') == {78}
    assert found(suite, "TEXT", "XyloPHONE") == {78}
    assert found(suite, "BODY", "nowhere-at-all") == set()
    assert found(suite, "TEXT", "attachedonly") == set()
    assert found(suite, "BODY", '"grüsse aus köln"'.encode()) == set()
    assert found(suite, "BODY", '"GRÜßE aus köln"'.encode()) == where(mailbox, lambda seen: "grüße" in seen["text"])
    for _ in range(6):
        seen = dice.choice(mailbox)
        at = dice.randrange(len(seen["text"]) - 12)
        part = seen["text"][at:at + dice.randint(3, 10)].strip()
        assert found(suite, "BODY", f'"{part}"'.encode()) == where(mailbox, lambda other: part in other["text"]), part
        word, name = seen["subject"].split()[0], seen["from"]
        has, sent = where(mailbox, lambda other: word in other["subject"]), where(mailbox, lambda other: other["from"] == name)
        assert found(suite, "SUBJECT", word) == has
        assert found(suite, "NOT", "SUBJECT", word) == where(mailbox, lambda other: True) - has
        assert found(suite, "FROM", name, "SUBJECT", word) == has & sent
        assert found(suite, "OR", "SUBJECT", word, "NOT", "FROM", name) == has | (where(mailbox, lambda other: True) - sent)
    assert found(suite, "NOT", "OR", "BODY", "xylophone", "NOT", "BODY", "quartz") == set()
    assert found(suite, "HEADER", "X-Nowhere", '""') == set()
    assert found(suite, "HEADER", "Subject", '""') == where(mailbox, lambda seen: True)
    assert found(suite, "BODY", "xy", "BODY", "qu", "BODY", "xylophone") == {78}


def test_finds_what_opening_would(suite, mailbox):
    check_all(suite, mailbox)


def test_opens_little(suite, mailbox):
    before = counted(suite, "opened"), counted(suite, "passed")
    assert found(suite, "BODY", '"xylophone quartz"') == {78}
    assert counted(suite, "opened") - before[0] <= 4
    assert counted(suite, "passed") - before[1] >= N - 4
    assert found(suite, "NOT", "BODY", "xylophone") == where(mailbox, lambda seen: True) - {78}
    assert counted(suite, "opened") - before[0] <= 8


def test_after_a_restart(suite, mailbox):
    imapd = suite.daemons["imapd"]
    imapd.stop()
    (file,) = suite.dir.glob("**/*.signatures")
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"XYLOPHONE" not in file.read_bytes().upper()
    imapd.start()
    before = counted(suite, "opened")
    assert found(suite, "BODY", '"xylophone quartz"') == {78}
    assert counted(suite, "opened") - before <= 4
    with suite.imap(suite.alice) as client:     # what has come since, and what has gone
        client.select()
        assert client.append("INBOX", "()", None, b"Subject: late\r\n\r\nxylophone quartz again\r\n")[0] == "OK"
        client.noop()
        assert client.uid("SEARCH", "BODY", "xylophone")[1] == [b"78 %d" % (N + 1)]
        client.uid("STORE", str(N + 1), "+FLAGS", r"(\Deleted)")
        client.expunge()
        assert client.uid("SEARCH", "BODY", "xylophone")[1] == [b"78"]
    assert found(suite, "BODY", '"xylophone quartz"') == {78}


def damage(suite, services):
    """Takes the signatures of a third of all mail away, and spoils those of another."""
    if suite.stack == "embedded":
        with sqlite3.connect(suite.dir / "store.sqlite", timeout=30) as db:
            db.execute("DELETE FROM contents_signature WHERE n % 3 = 0")
            db.execute("UPDATE contents_signature SET signature = zeroblob(length(signature)) WHERE n % 3 = 1")
        return
    from pymongo import MongoClient
    with MongoClient(services["mongo"].env()["MONGO_URI"]) as client:
        contents = client[re.search(r'mongo_db = "(\w+)"', suite.conf.read_text())[1]].contents
        for i, one in enumerate(list(contents.find({}, {"_id": 1}))):
            change = ({"$unset": {"signature": True}}, {"$set": {"signature": b"\0" * 500}}, None)[i % 3]
            if change:
                contents.update_one({"_id": one["_id"]}, change)


def test_signed_in_time(suite, mailbox, services):
    """What a search has met unsigned is signed while the mailbox is open."""
    imapd = suite.daemons["imapd"]
    imapd.stop()
    for file in suite.dir.glob("**/*.signatures"):
        file.unlink()
    damage(suite, services)
    imapd.start()
    with suite.imap(suite.alice) as client:
        client.select()
        assert client.uid("SEARCH", "BODY", "xylophone")[1] == [b"78"]
        wait_for("all to be signed", lambda: counted(suite, "signed") == N - N // 3 and client.noop(), 60)
        time.sleep(2)   # and it knows that there is no more
        assert client.uid("SEARCH", "BODY", "xylophone")[1] == [b"78"]
        before = counted(suite, "opened")
        assert client.uid("SEARCH", "BODY", "xylophone")[1] == [b"78"]
        assert counted(suite, "opened") - before <= 4
    suite.fsck()


def test_without_good_signatures(suite, mailbox, services):
    imapd = suite.daemons["imapd"]
    imapd.stop()
    for file in suite.dir.glob("**/*.signatures"):
        file.write_bytes(file.read_bytes()[:5000])
    damage(suite, services)
    suite.settings["IMAPD_SEARCH_INDEX"] = "no"
    imapd.start()
    check_all(suite, mailbox)
    with pytest.raises(AssertionError):
        suite.fsck()
    assert f"{N} messages: {N - N // 3} signed now, 0 could not be" in suite.cli("search", "index", "--fast", suite.alice)
    assert f"{N} messages: 0 signed now" in suite.cli("search", "index")
    suite.fsck()
    imapd.stop()
    imapd.start()
    before = counted(suite, "opened")
    assert found(suite, "BODY", '"xylophone quartz"') == {78}
    assert counted(suite, "opened") - before <= 4
