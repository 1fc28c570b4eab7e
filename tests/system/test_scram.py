"""SCRAM over IMAP and submission: bound to the TLS connection or not, and silent about who is here."""

import pytest

from scram import TLS_1_2, TLS_1_3, Bound, Imap, Scram, Submission

PLUS = "SCRAM-SHA-256-PLUS"
EXPORTER = b"p=tls-exporter,,"
DOORS = {"IMAPS": Imap, "SUBMISSIONS": Submission}


@pytest.fixture(scope="module")
def settings():
    return {"SMTPD_CHANNEL_BINDING": "yes"}


@pytest.fixture(params=sorted(DOORS))
def door(request, suite):
    """door() or door(version): a fresh connection, what it carries SASL in, both."""
    made = []

    def knock(version=TLS_1_3, port=None):
        made.append(Bound(port or suite.port(request.param), suite.ca_file, version))
        return made[-1], DOORS[request.param](made[-1])

    yield knock
    for wire in made:
        wire.__exit__()


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_bound(suite, door, version):
    wire, carrier = door(version)
    assert {PLUS, "SCRAM-SHA-256", "PLAIN"} <= carrier.offered()
    scram = Scram(suite.alice, suite.password, EXPORTER, wire.binding())
    assert scram.run(carrier, PLUS).startswith(carrier.good)


def test_unbound_goes_on(suite, door):
    _, carrier = door()
    assert Scram(suite.alice, suite.password).run(carrier, "SCRAM-SHA-256").startswith(carrier.good)


def test_somebody_in_between(suite, door):
    """The right password, proven to another connection than the one it arrives on."""
    with Bound(suite.port("IMAPS"), suite.ca_file) as other:
        _, carrier = door()
        scram = Scram(suite.alice, suite.password, EXPORTER, other.binding())
        assert scram.run(carrier, PLUS).startswith(carrier.bad)


@pytest.mark.parametrize("mechanism, header", [
    ("SCRAM-SHA-256", b"y,,"),                  # PLUS was offered: somebody took it out of the list
    ("SCRAM-SHA-256", EXPORTER),
    (PLUS, b"p=tls-unique,,"),
    (PLUS, b"n,,"),
])
def test_refused_at_once(suite, door, mechanism, header):
    wire, carrier = door()
    scram = Scram(suite.bob, suite.password, header, wire.binding())
    challenge, line = carrier.begin(mechanism, scram.first)
    assert challenge is None and line.startswith(carrier.bad)


def salt(carrier, name):
    """(salt, rounds) that a name is asked with; the login is not ended."""
    scram = Scram(name, "wrong")
    scram.final(carrier.begin("SCRAM-SHA-256", scram.first)[0])
    return scram.salt, scram.rounds


def salts(suite, name):
    """What a name is asked with, by every process that takes logins."""
    doors = [(Imap, suite.port("IMAPS")), (Imap, suite.daemons["imapd-2"].ports["IMAPS"]),
             (Submission, suite.port("SUBMISSIONS"))]
    asked = set()
    for carrier, port in doors:
        with Bound(port, suite.ca_file) as wire:
            asked.add(salt(carrier(wire), name))
    return asked


def test_nobody_is_asked_like_somebody(suite):
    """One salt for a name in every process, before and after a restart, whether anybody has it or not."""
    suite.start_second("imapd")
    names = (suite.alice, "nobody@example.test", "nobodi@example.test")
    first = [salts(suite, name) for name in names]
    assert [len(asked) for asked in first] == [1, 1, 1]
    assert len(set.union(*first)) == 3, "another name has another salt"
    assert len({rounds for asked in first for _, rounds in asked}) == 1
    assert salts(suite, "NoBody@Example.test") == first[1]
    for daemon in ("imapd", "smtpd"):
        assert suite.daemons[daemon].stop() == 0
        suite.daemons[daemon].start()
    assert [salts(suite, name) for name in names] == first
