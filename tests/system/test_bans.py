"""Bans of imapd and smtpd: made after failed logins, held by the other daemon, listed and lifted by CLI and API."""

import contextlib
import imaplib
import smtplib
import urllib.parse

import pytest

from suite import wait_for

HELD = "try again later"
FAILURES = 6


def lift(suite, subject):
    return suite.api("DELETE", "/v1/bans?subject=" + urllib.parse.quote(subject, safe=""))[0]


@pytest.fixture(scope="module")
def settings():
    return {"LOGIN_FAILURES": str(FAILURES), "LOGIN_FAILURES_NETWORK": "100", "LOGIN_BAN": "3m"}


@pytest.fixture
def free(suite):
    """Nobody is banned before and after."""
    def lift_all():
        for ban in suite.api("GET", "/v1/bans")[1]["items"]:
            assert lift(suite, ban["subject"]) == 204
    lift_all()
    yield
    lift_all()
    wait_for("a login", lambda: imap(suite, suite.alice) == "OK")


def imap(suite, user, password=None):
    """How a login over IMAP ends: OK, or what is said."""
    client = suite.imap()
    try:
        client.login(user, password or suite.password)
        return "OK"
    except imaplib.IMAP4.error as error:
        return str(error)
    finally:
        client.shutdown()


def smtp(suite, user, password=None):
    client = smtplib.SMTP("localhost", suite.port("SUBMISSION"), local_hostname="client.test", timeout=60)
    with contextlib.closing(client):
        client.starttls(context=suite.tls())
        try:
            client.login(user, password or suite.password)
            return "OK"
        except smtplib.SMTPAuthenticationError as error:
            return str(error)


def subjects(suite):
    return {ban["subject"] for ban in suite.api("GET", "/v1/bans")[1]["items"]}


def test_an_operator_bans_an_account(suite, free):
    assert imap(suite, suite.bob) == "OK" == smtp(suite, suite.bob)
    status, ban = suite.api("POST", "/v1/bans", {"subject": suite.bob, "reason": "left the house", "minutes": 5})
    assert status == 201 and ban["by"] == "tests" and not ban["automatic"]
    wait_for("imapd to refuse bob", lambda: HELD in imap(suite, suite.bob))
    wait_for("smtpd to refuse bob", lambda: smtp(suite, suite.bob) != "OK")
    assert imap(suite, suite.alice) == "OK" == smtp(suite, suite.alice)
    assert "left the house" in suite.cli("ban", "list") and suite.bob in suite.cli("ban", "list")
    suite.cli("ban", "lift", suite.bob)
    wait_for("imapd to take bob again", lambda: imap(suite, suite.bob) == "OK")
    wait_for("smtpd to take bob again", lambda: smtp(suite, suite.bob) == "OK")
    assert lift(suite, suite.bob) == 404
    actions = [row["action"] for row in suite.api("GET", "/v1/audit?limit=200")[1]["items"]]
    assert "ban.add" in actions and "ban.lift" in actions


def test_a_network(suite, free):
    suite.cli("ban", "add", "127.0.0.0/8", "5", "nobody from here")
    suite.cli("ban", "add", "::1", "5", "nor from here")
    wait_for("imapd to refuse", lambda: HELD in imap(suite, suite.alice))
    wait_for("smtpd to refuse", lambda: smtp(suite, suite.alice) != "OK")
    suite.deliver([suite.alice], "From: a@far.test\r\nSubject: mail comes all the same\r\n\r\n.\r\n")
    assert subjects(suite) == {"127.0.0.0/8", "::1"}


def test_what_is_no_ban(suite, free):
    for body in ({"subject": "nobody", "reason": "x"}, {"subject": "192.0.2.0/40", "reason": "x"},
                 {"subject": suite.bob, "reason": ""}, {"subject": suite.bob, "reason": "x", "minutes": 0},
                 {"subject": suite.bob}):
        assert suite.api("POST", "/v1/bans", body)[0] == 400
    assert lift(suite, "192.0.2.99") == 404
    assert lift(suite, "") == 400 == suite.api("DELETE", "/v1/bans")[0]


def test_failures_ban_in_every_process(suite, free):
    """Guessed at smtpd, refused at imapd, with the right password too; trusted is nobody here."""
    carol = suite.user("carol")
    for _ in range(FAILURES):
        assert smtp(suite, carol, "wrong") != "OK"
    wait_for("the ban of the name", lambda: carol in subjects(suite))
    wait_for("imapd to know", lambda: HELD in imap(suite, carol))
    bans = suite.api("GET", "/v1/bans")[1]["items"]
    assert [ban["subject"] for ban in bans] == [carol]     # its network would be at a hundred
    assert all(ban["automatic"] and ban["reason"] == "too many failed logins" for ban in bans)
    for ban in bans:
        suite.cli("ban", "lift", ban["subject"])
    wait_for("smtpd to forgive", lambda: smtp(suite, carol) == "OK")
    wait_for("imapd to forgive", lambda: imap(suite, carol) == "OK")
