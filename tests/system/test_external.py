"""EXTERNAL: a certificate logs in the account it names, over IMAP and submission, and nobody else does."""

import base64
import imaplib
import smtplib
import socket
import ssl

import pytest

from authority import DAY, Authority, context
from cryptography.x509.oid import ExtendedKeyUsageOID
from suite import wait_for


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def settings(authority):
    return {"TLS_CLIENT_CA": authority.file}


class ImapDoor:
    good, bad = "OK", "NO"

    def __init__(self, suite, context):
        self.client = imaplib.IMAP4_SSL("localhost", suite.port("IMAPS"), ssl_context=context, timeout=30)

    def offers(self):
        return "AUTH=EXTERNAL" in self.client.capabilities

    def login(self, authzid=""):
        try:
            return self.client.authenticate("EXTERNAL", lambda _: authzid.encode())[0]
        except imaplib.IMAP4.error as error:
            assert str(error).startswith(("[AUTHENTICATIONFAILED]", "[CANNOT]", "[CONTACTADMIN]")), error
            return "NO"

    def password(self, suite):
        return self.client.login(suite.alice, suite.password)[0]

    def end(self):
        self.client.shutdown()


class SubmissionDoor(ImapDoor):
    good, bad = 235, 535

    def __init__(self, suite, context):
        self.client = smtplib.SMTP_SSL("localhost", suite.port("SUBMISSIONS"), context=context, timeout=30)
        self.client.ehlo("client.test")

    def offers(self):
        return "EXTERNAL" in self.client.esmtp_features["auth"].split()

    def login(self, authzid=""):
        code, _ = self.client.docmd("AUTH", "EXTERNAL " + (base64.b64encode(authzid.encode()).decode() or "="))
        return 535 if code == 504 else code

    def end(self):
        self.client.close()


@pytest.fixture(params=[ImapDoor, SubmissionDoor], ids=["imap", "submission"])
def door(request, suite):
    """door(certificate): a fresh connection."""
    made = []

    def knock(certificate=None, version=ssl.TLSVersion.TLSv1_3):
        made.append(request.param(suite, context(suite, certificate, version)))
        return made[-1]

    yield knock
    for one in made:
        one.end()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("authzid", ["", "alice@example.test", "Alice@Example.TEST"])
def test_named(suite, authority, door, version, authzid):
    came = door(authority.issue(suite.alice), version)
    assert came.offers()
    assert came.login(authzid) == came.good


def test_one_of_its_names(suite, authority, door):
    certificate = authority.issue("nobody@elsewhere.test", suite.bob, suite.alice)
    came = door(certificate)
    assert came.login(suite.alice) == came.good
    came = door(certificate)
    assert came.login() == came.bad, "its first name is nobody's"


def test_nobody_else(suite, authority, door):
    came = door(authority.issue(suite.alice))
    assert came.login(suite.bob) == came.bad
    assert came.login() == came.good, "and the connection goes on"


def test_without_a_certificate(suite, door):
    came = door()
    assert not came.offers()
    assert came.login(suite.alice) == came.bad
    assert came.password(suite) == came.good


def test_what_proves_nothing(suite, authority, door, tmp_path):
    """Let in like anybody, with the password."""
    stranger = Authority(tmp_path, "Clients")   # of the same name
    for certificate in (stranger.issue(suite.alice), authority.issue(suite.alice, until=-DAY),
                        authority.issue(suite.alice, usage=ExtendedKeyUsageOID.SERVER_AUTH),
                        authority.issue(common_name=suite.alice)):
        came = door(certificate)
        assert not came.offers()
        assert came.login() == came.bad
        assert came.password(suite) == came.good


def test_starttls(suite, authority):
    client = imaplib.IMAP4("localhost", suite.port("IMAP"), timeout=30)
    assert "AUTH=EXTERNAL" not in client.capabilities
    client.starttls(context(suite, authority.issue(suite.alice)))
    assert "AUTH=EXTERNAL" in client.capabilities
    assert client.authenticate("EXTERNAL", lambda _: b"")[0] == "OK"
    assert client.select()[0] == "OK", "the account's key opened"
    assert client.logout()[0] == "BYE"


def test_suspended(suite, authority, door):
    certificate = authority.issue(suite.bob)
    suite.cli("user", "suspend", suite.bob)
    try:
        came = door(certificate)
        assert came.login() == came.bad
    finally:
        suite.cli("user", "resume", suite.bob)


def test_resumed(suite, authority):
    """A resumed TLS session is the certificate's as well."""
    made = context(suite, authority.issue(suite.alice), ssl.TLSVersion.TLSv1_2)
    first = imaplib.IMAP4_SSL("localhost", suite.port("IMAPS"), ssl_context=made, timeout=30)
    session = first.sock.session
    first.logout()
    with made.wrap_socket(socket.create_connection(("localhost", suite.port("IMAPS")), 30),
                          server_hostname="localhost", session=session) as sock:
        assert sock.session_reused
        assert b"AUTH=EXTERNAL" in sock.recv(4096)


def test_revoked(suite, authority, door):
    """Last: from here on the authority's file has a list."""
    certificate, serial = authority.issue(suite.alice), authority.serial
    other = authority.issue(suite.bob)
    assert door(certificate).offers()
    authority.revoke(serial)
    wait_for("the list to be read", lambda: not door(certificate).offers(), 20, 0.5)
    came = door(certificate)
    assert came.login() == came.bad
    came = door(other)
    assert came.login() == came.good
