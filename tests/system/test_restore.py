"""A store that is set back to a backup and grows past what it was: what imapd keeps in files of before is not taken for it."""

import contextlib
import re
import shutil

import pytest
from stored import database
from suite import wait_for

MESSAGES = 620      # enough for either file, of rows and of search signatures
WITHOUT_FILES = {"IMAPD_VIEW_CACHE": "no"}


@pytest.fixture
def suite(new_suite):
    made = new_suite()
    made.alice = made.user("alice")
    return made


@contextlib.contextmanager
def opened(suite, settings, **how):
    """The INBOX, by an imapd that runs only for it."""
    suite.settings = settings
    suite.start("imapd")
    with suite.imap(suite.alice) as client:
        client.select(**how)
        yield client
    assert suite.daemons["imapd"].stop() == 0


def add(client, words):
    """One commit, and the shorter the better."""
    data = b"".join(b" {%d}\r\n%s" % (len(text), text)
                    for text in (f"Subject: {word}\r\n\r\n{word}\r\n".encode() for word in words))
    pieces = re.split(rb"(?<=\}\r\n)", data)
    client.send(b"x APPEND INBOX" + pieces[0])
    for piece in pieces[1:]:
        assert client.readline().startswith(b"+")
        client.send(piece)
    client.send(b"\r\n")
    while not (line := client.readline()).startswith(b"x "):
        pass
    assert line.startswith(b"x OK"), line


def everything(client, words):
    rows = client.uid("FETCH", "1:*", "(FLAGS RFC822.SIZE INTERNALDATE MODSEQ BODY.PEEK[])")[1]
    return rows, [client.uid("SEARCH", "BODY", word)[1] for word in words]


def backup(suite):
    """All daemons are down."""
    if suite.stack == "embedded":
        copy = suite.dir / "backup.sqlite"
        shutil.copyfile(suite.dir / "store.sqlite", copy)
        assert not (suite.dir / "store.sqlite-wal").exists()
        return copy
    with database(suite) as store:
        return {name: list(store[name].find()) for name in store.list_collection_names()}


def restore(suite, copy):
    if suite.stack == "embedded":
        shutil.copyfile(copy, suite.dir / "store.sqlite")
        return
    with database(suite) as store:
        for name in store.list_collection_names():
            store[name].delete_many({})
            if copy.get(name):
                store[name].insert_many(copy[name])


def counted(suite, name):
    return suite.daemons["imapd"].metrics().get(f"posthouse_imapd_{name}_total", 0)


def flag(client, keyword, uids):
    for uid in uids:
        assert client.uid("STORE", str(uid), "+FLAGS.SILENT", keyword)[0] == "OK"


@pytest.mark.parametrize("flags,folds", [(4, False), (4, True), (300, True)])
def test_set_back(suite, flags, folds):
    """`flags`: more commits in either past than the log keeps, or few."""
    with opened(suite, WITHOUT_FILES) as client:
        for n in range(MESSAGES // 20):
            add(client, [f"common{n * 20 + i}" for i in range(20)])
    copy = backup(suite)
    with opened(suite, WITHOUT_FILES) as client:
        add(client, [f"lost{i}" for i in range(20)])
        flag(client, "\\Flagged", range(1, flags))
        if flags > 256:
            wait_for("the log to be folded", lambda: counted(suite, "folds"), 40)
    with opened(suite, {}) as client:
        client.uid("SEARCH", "BODY", "lost7")
        wait_for("a file of the mailbox", lambda: counted(suite, "view_cache_writes"))
    assert len(list((suite.dir / "view-cache").iterdir())) == 2
    restore(suite, copy)
    with opened(suite, WITHOUT_FILES) as client:
        add(client, [f"found{i}" for i in range(20)])
        flag(client, "\\Answered", range(100, 100 + flags))
        if folds:
            flag(client, "\\Draft", range(1, 300))
    words = ["found7", "lost7", "common7"]
    with opened(suite, WITHOUT_FILES, readonly=True) as client:
        truth = everything(client, words)
    with opened(suite, {}, readonly=True) as client:
        assert everything(client, words) == truth
    found, lost, common = truth[1]
    assert len(found[0].split()) == 1 and not lost[0] and b" 8" in b" " + common[0]


def test_goes_on(suite):
    """Of the same past, the files are taken: one with a commit more, one whose newest mail is gone."""
    with opened(suite, WITHOUT_FILES) as client:
        for n in range(MESSAGES // 20):
            add(client, [f"common{n * 20 + i}" for i in range(20)])
    with opened(suite, {}) as client:
        client.uid("SEARCH", "BODY", "common7")
        wait_for("a file of the mailbox", lambda: counted(suite, "view_cache_writes"))
    with opened(suite, WITHOUT_FILES) as client:
        flag(client, "\\Flagged", [1])
        flag(client, "\\Deleted", [MESSAGES])
        client.expunge()
    with opened(suite, {}, readonly=True) as client:
        assert len(client.uid("SEARCH", "BODY", "common61")[1][0].split()) == 10
        assert counted(suite, "view_cache_reads") == 1
