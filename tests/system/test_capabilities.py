"""Capabilities that an operator takes away: from clients by their ID, and from an account by API and CLI."""

import imaplib

import pytest

from suite import wait_for

imaplib.Commands["COMPRESS"] = ("AUTH", "SELECTED")


@pytest.fixture(scope="module")
def settings():
    return {"IMAPD_CAPABILITIES_OFF": "MOVE SORT for Broken*, UNAUTHENTICATE"}


def capabilities(client):
    return client.capability()[1][-1].decode().split()     # the last: the login said some too


def works(client, *words):
    try:
        return client.xatom(*words)[0] == "OK"
    except imaplib.IMAP4.error as error:
        assert "Unknown command" in str(error)
        return False


def test_by_client(suite):
    with suite.imap(suite.alice) as other, suite.imap() as broken:
        assert {"MOVE", "SORT"} <= set(capabilities(other))
        assert "UNAUTHENTICATE" not in capabilities(other)
        broken.xatom("ID", '("name" "Broken Mail" "version" "3")')
        broken.login(suite.alice, suite.password)
        assert not {"MOVE", "SORT", "SORT=DISPLAY"} & set(capabilities(broken))
        broken.select()
        with pytest.raises(imaplib.IMAP4.error, match="Unknown command"):
            broken.uid("SORT", "(DATE)", "UTF-8", "ALL")


def test_by_account(suite):
    path = f"/v1/accounts/{suite.bob}"
    with suite.imap(suite.bob) as client, suite.imap(suite.alice) as other:
        assert works(client, "NAMESPACE")
        account = suite.api("PATCH", path, {"capabilities_off": "NAMESPACE COMPRESS"})[1]
        assert account["capabilities_off"] == "NAMESPACE COMPRESS"
        wait_for("the session to hear of it", lambda: not works(client, "NAMESPACE"))
        assert not works(client, "COMPRESS", "DEFLATE")
        assert "COMPRESS=DEFLATE" not in capabilities(client) and "COMPRESS=DEFLATE" in capabilities(other)
        suite.cli("user", "capabilities", suite.bob, "none")
    with suite.imap(suite.bob) as client:
        assert works(client, "NAMESPACE")
    assert suite.api("GET", path)[1]["capabilities_off"] == ""
    for wrong in ("A  B", " A", "A ", 'A"B', "x" * 1001):
        assert suite.api("PATCH", path, {"capabilities_off": wrong})[0] == 400
