"""OAUTHBEARER and XOAUTH2 over IMAP and submission: tokens checked by the issuer's keys, or by asking it."""

import base64
import imaplib
import json
import smtplib
import time

import pytest

from issuer import Issuer, Keys, b64
from suite import wait_for

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")


@pytest.fixture(scope="module")
def issuer():
    with Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def settings(issuer, tmp_path_factory):
    secret = tmp_path_factory.mktemp("oauth") / "client"
    secret.write_text(issuer.client + "\n")
    return {"OAUTH_ISSUER": issuer.name, "OAUTH_AUDIENCE": issuer.audience, "OAUTH_SCOPE": issuer.scope,
            "OAUTH_JWKS": issuer.url + "/jwks", "OAUTH_INTROSPECTION": issuer.url + "/introspect",
            "OAUTH_CLIENT_FILE": secret}


def response(mechanism, user, token):
    if mechanism == "XOAUTH2":
        return f"user={user}\1auth=Bearer {token}\1\1".encode()
    return f"n,{'a=' + user if user else ''},\1host=localhost\1port=993\1auth=Bearer {token}\1\1".encode()


class ImapDoor:
    def __init__(self, suite, port=None):
        self.client = imaplib.IMAP4_SSL("localhost", port or suite.port("IMAPS"), ssl_context=suite.tls(), timeout=30)

    def offers(self):
        return {word[5:] for word in self.client.capabilities if word.startswith("AUTH=")}

    def login(self, mechanism, user, token):
        """(good, what a refusal said)"""
        said = []

        def answer(challenge):
            if challenge:
                said.append(json.loads(challenge))
                return b"\1"
            return response(mechanism, user, token)

        try:
            return self.client.authenticate(mechanism, answer)[0] == "OK", None
        except imaplib.IMAP4.error as error:
            if not said:
                return str(error), None
            assert str(error).startswith("[AUTHENTICATIONFAILED]"), error
            return False, said[0]

    def works(self):
        return self.client.select()[0] == "OK"

    def end(self):
        self.client.shutdown()


class SubmissionDoor(ImapDoor):
    def __init__(self, suite, port=None):
        self.client = smtplib.SMTP_SSL("localhost", suite.port("SUBMISSIONS"), context=suite.tls(), timeout=30)
        self.client.ehlo("client.test")

    def offers(self):
        return set(self.client.esmtp_features["auth"].split())

    def login(self, mechanism, user, token):
        first = base64.b64encode(response(mechanism, user, token)).decode()
        code, text = self.client.docmd("AUTH", f"{mechanism} {first}")
        if code != 334:
            return (code == 235) or text.decode(), None
        said = json.loads(base64.b64decode(text))
        assert self.client.docmd("AQ==")[0] == 535
        return False, said

    def works(self):
        return self.client.noop()[0] == 250

    def end(self):
        self.client.close()


@pytest.fixture(params=[ImapDoor, SubmissionDoor], ids=["imap", "submission"])
def door(request, suite):
    made = []

    def knock():
        made.append(request.param(suite))
        return made[-1]

    yield knock
    for one in made:
        one.end()


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_token(suite, issuer, door, mechanism, alg):
    came = door()
    assert set(MECHANISMS) <= came.offers()
    assert came.login(mechanism, suite.alice, issuer.token(suite.alice, alg)) == (True, None)
    assert came.works()


def test_the_token_names_the_user(suite, issuer, door):
    assert door().login("OAUTHBEARER", "", issuer.token(suite.bob)) == (True, None)
    assert door().login("OAUTHBEARER", "ALICE@example.test", issuer.token(suite.alice)) == (True, None)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_refused(suite, issuer, door, mechanism):
    other = Keys("first")                   # the same ids, other keys
    good = issuer.token(suite.alice)
    none = b64(b'{"alg":"none"}') + "." + good.split(".")[1] + "."
    cases = {
        "somebody else's": issuer.token(suite.bob),
        "nobody's": issuer.token("nobody@example.test"),
        "expired": issuer.token(suite.alice, exp=int(time.time()) - 100),
        "for another audience": issuer.token(suite.alice, aud="elsewhere"),
        "by another issuer": issuer.token(suite.alice, iss="https://evil.example"),
        "without the scope": issuer.token(suite.alice, scope="openid"),
        "signed by another": issuer.token(suite.alice, keys=other),
        "not signed": none,
        "inactive": "no-such-token",
    }
    for name, token in cases.items():
        came = door()
        good_login, said = came.login(mechanism, suite.alice, token)
        assert good_login is False, name
        assert said["scope"] == issuer.scope and said["status"] == (
            "invalid_token" if mechanism == "OAUTHBEARER" else "401"), name
        # once it is right, nothing of this counts any more
        assert came.login(mechanism, suite.alice, good) == (True, None), name
    if mechanism == "OAUTHBEARER":
        assert said["openid-configuration"] == "https://id.example.test/.well-known/openid-configuration"


def test_introspection(suite, issuer, door):
    issuer.opaque["opaque+/="] = issuer.claims(suite.alice, active=True)
    before = issuer.asked["/introspect"]
    assert door().login("XOAUTH2", suite.alice, "opaque+/=") == (True, None)
    assert door().login("OAUTHBEARER", "", "opaque+/=") == (True, None)
    assert issuer.asked["/introspect"] == before + 1, "its answer is kept"
    issuer.opaque["ended"] = issuer.claims(suite.alice, active=True, exp=int(time.time()) - 100)
    assert door().login("XOAUTH2", suite.alice, "ended")[0] is False


def test_a_ban_holds_for_tokens(suite, issuer, door):
    assert suite.api("POST", "/v1/bans", {"subject": suite.bob, "reason": "left the house", "minutes": 5})[0] == 201
    try:
        for user in (suite.bob, ""):
            wait_for(f"a refusal of {user!r}",
                     lambda: door().login("OAUTHBEARER", user, issuer.token(suite.bob))[0] is not True)
        assert door().login("OAUTHBEARER", "", issuer.token(suite.alice)) == (True, None)
    finally:
        assert suite.api("DELETE", f"/v1/bans?subject={suite.bob}")[0] == 204
    wait_for("bob again", lambda: door().login("OAUTHBEARER", "", issuer.token(suite.bob))[0] is True)


def test_no_tokens_without_tls(suite):
    client = imaplib.IMAP4("localhost", suite.port("IMAP"), timeout=30)
    assert not [word for word in client.capabilities if "OAUTH" in word]
    client.shutdown()


def test_keys_change(suite, issuer, door):
    """A token by a key that is not known: the keys are fetched again, but not for everybody who makes up an id."""
    issuer.keys = Keys(f"new {id(door)}")

    def by_new_key():
        return door().login("OAUTHBEARER", suite.alice, issuer.token(suite.alice))[0] is True

    wait_for("the new keys to be fetched", by_new_key, 20, 1)
    before = issuer.asked["/jwks"]
    for i in range(5):
        made_up = issuer.token(suite.alice, header={"kid": f"made up {i}"})
        assert door().login("OAUTHBEARER", suite.alice, made_up)[0] is False
        assert by_new_key()
    assert issuer.asked["/jwks"] <= before + 1


def test_issuer_away(suite, issuer, door):
    """Keys that are there go on; who has to be asked is left alone, and nobody is called wrong meanwhile."""
    issuer.opaque["later"] = issuer.claims(suite.alice, active=True)
    def by_key():
        return door().login("OAUTHBEARER", suite.alice, issuer.token(suite.alice)) == (True, None)

    wait_for("the keys to be fetched", by_key, 20, 1)
    issuer.away = True
    before = issuer.asked["/introspect"]
    try:
        assert by_key()
        for _ in range(5):
            text, said = door().login("XOAUTH2", suite.alice, "later")
            assert said is None and ("UNAVAILABLE" in text or "4.7.0" in text), text
        assert issuer.asked["/introspect"] < before + 5
    finally:
        issuer.away = False
    wait_for("the issuer to be asked again", lambda: door().login("XOAUTH2", suite.alice, "later")[0] is True, 20, 0.5)


def test_not_configured(new_suite):
    plain = new_suite(OAUTH_JWKS="", OAUTH_INTROSPECTION="").start("imapd", "smtpd")
    alice = plain.user("alice")
    for came in (ImapDoor(plain), SubmissionDoor(plain)):
        assert not set(MECHANISMS) & came.offers()
        assert came.login("XOAUTH2", alice, "x")[0] is not True
        came.end()
