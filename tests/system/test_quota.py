"""Limits of an account, in bytes and in messages: by delivery, by IMAP, and set by whoever may."""

import pytest

from suite import wait_for


@pytest.fixture(scope="module")
def boxes(suite):
    return {name: suite.user(name) for name in ("small", "chief")}


def test_messages(suite, boxes):
    suite.cli("user", "messages", boxes["small"], "2")
    assert "2 messages" in suite.cli("user", "list")
    for i in range(2):
        suite.deliver(boxes["small"], f"From: sender@far.test\nSubject: {i}\n\nx\n")
    with suite.smtp() as client:
        client.ehlo()
        client.mail("sender@far.test")
        assert wait_for("the limit to be noticed", lambda: client.rcpt(boxes["small"])[0] == 452, 90, 1)
    client = suite.imap(boxes["small"])
    assert client.getquota('""')[1] == [b'"" (MESSAGE 2 2)']
    text, = client.append("Sent", None, None, b"a: b\r\n\r\nc\r\n")[1]
    assert text.startswith(b"[OVERQUOTA]")
    client.select()
    client.store("1", "+FLAGS", "\\Deleted")
    assert client.status("INBOX", "(DELETED DELETED-STORAGE)")[1][0].startswith(b"INBOX (DELETED 1 DELETED-STORAGE ")
    client.expunge()
    assert client.append("Sent", None, None, b"a: b\r\n\r\nc\r\n")[0] == "OK"
    client.logout()


def test_api(suite, boxes):
    path = "/v1/accounts/" + boxes["small"]
    status, account = suite.api("PATCH", path, {"quota_messages": 7, "referral": "imap2.example.test"})
    assert status == 200 and account["quota_messages"] == 7 and account["referral"] == "imap2.example.test"
    assert suite.api("PATCH", path, {"referral": "not a host"})[0] == 400
    client = suite.imap()
    with pytest.raises(client.error, match=r"\[REFERRAL imap://small%40example.test;AUTH=\*@imap2.example.test/\]"):
        client.login(boxes["small"], suite.password)
    with pytest.raises(client.error, match=r"\[AUTHENTICATIONFAILED\]"):
        client.login(boxes["small"], "wrong")
    assert suite.api("PATCH", path, {"referral": ""})[0] == 200
    assert client.login(boxes["small"], suite.password)[0] == "OK"
    assert client.getquota('""')[1] == [b'"" (MESSAGE 2 7)']
    client.logout()


def test_set(suite, boxes):
    """Who has a role over an account sets its limits; a session that is on hears of it."""
    small = suite.imap(boxes["small"])
    chief = suite.imap(boxes["chief"])
    assert chief.setquota('"' + boxes["small"] + '"', "(STORAGE 100)")[0] == "NO"
    assert small.setquota('""', "(STORAGE 100)")[0] == "NO"
    suite.cli("user", "role", boxes["chief"], "domain-admin")
    typ, text = chief.setquota('"' + boxes["small"] + '"', "(STORAGE 100 MESSAGE 50)")
    assert typ == "OK" and text[0].endswith(b" 100 MESSAGE 2 50)"), text
    wait_for("its session to know", lambda: small.getquota('""')[1][0].endswith(b"MESSAGE 2 50)"), 30, 0.2)
    assert suite.api("GET", "/v1/accounts/" + boxes["small"])[1]["quota"] == 100 * 1024
    suite.cli("user", "role", boxes["chief"], "none")
    assert chief.setquota('""', "(STORAGE 100)")[0] == "NO"
    assert chief.getquota(boxes["small"])[0] == "NO"
    assert suite.fsck().endswith(": 0 problems")
    small.logout()
    chief.logout()
