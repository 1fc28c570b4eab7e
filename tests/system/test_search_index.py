"""Signing mail that has no search signature, killed in its middle: what was signed stays, the rest comes the next time."""

import random
import subprocess
import time

import pytest

from stored import lacking, unsign
from suite import wait_for

N = 800
LETTERS = "eeeeettttaaaooiinnsshrrdlucmwfgypbvk"


@pytest.fixture(scope="module")
def mailbox(suite):
    dice = random.Random(7)
    with suite.imap(suite.alice) as client:
        for i in range(N):
            text = " ".join("".join(dice.choice(LETTERS) for _ in range(6)) for _ in range(400))
            assert client.append("INBOX", "()", None, f"Subject: {i}\r\n\r\n{text} {'xylophone' * (i == 77)}\r\n".encode())[0] == "OK"


def left_behind(suite):
    """How many lack one, once the store has done what the killed one had sent it."""
    time.sleep(1)
    return wait_for("the store to be at rest", lambda: lacking(suite) if (lacking(suite), time.sleep(0.5))[0] == lacking(suite) else 0)


def progress(suite):
    status, told = suite.api("GET", "/v1/search/index")
    assert status == 200
    return told


def test_nothing_was_ever_signed_late(suite):
    told = progress(suite)
    assert told["state"] == "never" and told["started"] is None and told["messages"] == 0


def test_the_command_is_killed(suite, mailbox):
    unsign(suite)
    assert lacking(suite) == N
    index = subprocess.Popen([str(suite.bin / "posthouse"), "--config", str(suite.conf), "search", "index"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=suite.environment())
    wait_for("some to be signed", lambda: lacking(suite) <= N - 100, pause=0.01)
    index.kill()
    assert index.wait() == -9, "it had not ended by itself"
    left = left_behind(suite)
    assert 0 < left <= N - 100
    told = progress(suite)
    assert told["state"] == "running", "nobody has said otherwise"
    assert told["messages"] == N and told["signed"] <= N - left and told["ended"] is None and told["account"] is None
    assert suite.fsck().endswith(": 0 problems")

    assert f"{N} messages: {left} signed now, 0 could not be" in suite.cli("search", "index", "--fast", suite.alice)
    assert lacking(suite) == 0
    told = progress(suite)
    assert (told["state"], told["account"], told["done"], told["signed"], told["failed"]) == ("done", suite.alice, N, left, 0)
    assert told["started"] <= told["heard"] and told["heard"] >= told["ended"] > told["started"]
    assert suite.fsck().endswith(": 0 problems")


def test_an_account_that_is_not_there(suite, mailbox):
    before = progress(suite)
    with pytest.raises(AssertionError):
        suite.cli("search", "index", "nobody@example.test")
    assert progress(suite) == before


def signed(suite):
    return suite.daemons["imapd"].metrics().get("posthouse_imapd_search_signed_total", 0)


def test_imapd_is_killed(suite, mailbox):
    imapd = suite.daemons["imapd"]
    imapd.kill9()
    for file in suite.dir.glob("**/*.signatures"):
        file.unlink()
    unsign(suite)
    imapd.start()
    client = suite.imap(suite.alice)
    client.select()
    assert client.uid("SEARCH", "BODY", "xylophone")[1] == [b"78"]
    wait_for("some to be signed", lambda: lacking(suite) <= N - 64, 60, pause=0.01)
    imapd.kill9()
    client.shutdown()
    left = left_behind(suite)
    assert 0 < left <= N - 64
    imapd.start()
    with suite.imap(suite.alice) as client:
        client.select()
        assert client.uid("SEARCH", "BODY", "xylophone")[1] == [b"78"]
        wait_for("the rest to be signed", lambda: lacking(suite) == 0, 240)  # it rests as long as it works
        assert client.uid("SEARCH", "BODY", "xylophone")[1] == [b"78"]
        wait_for("it to say so", lambda: signed(suite) == left)
    assert suite.fsck().endswith(": 0 problems")
