"""What was accepted ends somewhere, and the timeline says where and why (P6)."""

import re
import smtplib

import pytest

from sink import Sink
from suite import wait_for

ZONE = "far.test. MX 10 mx.far.test\nmx.far.test. A 127.0.0.1\nliar.test. TXT \"v=spf1 -all\"\n" \
       "_dmarc.liar.test. TXT \"v=DMARC1; p=reject\"\nodd.test. TXT \"v=spf1 -all\"\n" \
       "_dmarc.odd.test. TXT \"v=DMARC1; p=quarantine\"\n"


@pytest.fixture(scope="module")
def sink(new_suite):
    with Sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def suite(new_suite, sink):
    suite = new_suite(MTA_PORT=sink.port, MTA_RETRY="1s,2s", MTA_POLL="1s", MTA_IPV6="no")
    suite.set_zone(ZONE)
    suite.start()
    suite.alice = suite.user("alice")
    suite.full = suite.user("full", "10")
    return suite


@pytest.fixture(autouse=True)
def friendly(sink):
    sink.forget()


def send(client, sender, to, subject="x"):
    """The trace id, from the answer to a message."""
    client.ehlo()
    assert client.mail(sender)[0] == 250
    for one in to:
        assert client.rcpt(one)[0] == 250
    code, text = client.data(f"From: {sender}\r\nTo: {to[0]}\r\nSubject: {subject}\r\n\r\ntext\r\n".encode())
    assert code == 250, text
    return re.search(r"[0-9a-f]{32}", text.decode())[0]


def submit(suite, *to):
    with suite.submission(suite.alice) as client:
        return send(client, suite.alice, to)


def receive(suite, *to, sender="x@far.test"):
    with suite.smtp() as client:
        return send(client, sender, to)


def events(suite, trace):
    status, timeline = suite.api("GET", f"/v1/timeline/{trace}")
    assert status in (200, 404)
    return timeline["events"] if status == 200 else []


def kinds(suite, trace, *wanted):
    """All its events once those of `wanted` are there, in this order."""
    def look():
        found = events(suite, trace)
        return [event["kind"] for event in found] == list(wanted) and found
    try:
        return wait_for(f"the timeline to be {wanted}", look)
    except AssertionError:
        raise AssertionError(f"{wanted}, not {events(suite, trace)}") from None


def test_filed(suite):
    trace = receive(suite, suite.alice)
    accepted, filed = kinds(suite, trace, "accepted", "filed")
    assert (accepted["address"], accepted["where"]) == ("x@far.test", "127.0.0.1")
    assert (filed["address"], filed["where"]) == (suite.alice, "INBOX")
    assert accepted["node"].startswith("smtpd-") and accepted["at"] <= filed["at"]
    with suite.imap(suite.alice) as client:
        client.select()
        assert trace in client.fetch("*", "(BODY.PEEK[HEADER.FIELDS (RECEIVED)])")[1][0][1].decode()


def test_junk_says_why(suite):
    accepted, filed = kinds(suite, receive(suite, suite.alice, sender="x@odd.test"), "accepted", "filed")
    assert filed["where"] == "Junk" and "odd.test" in filed["text"]


def test_refused(suite):
    with suite.smtp() as client, pytest.raises(AssertionError):
        send(client, "x@liar.test", [suite.alice])
    log = (suite.dir / "logs" / "smtpd.log").read_text()
    trace = re.findall(r'message refused.*?"trace":"([0-9a-f]{32})"', log)[-1]
    refused, = kinds(suite, trace, "refused")
    assert refused["address"] == "x@liar.test" and refused["status"] == "5.7.1" and "liar.test" in refused["text"]


def test_delivered(suite, sink):
    trace = submit(suite, "bob@far.test", suite.alice)
    found = kinds(suite, trace, "accepted", "queued", "filed", "delivered")
    assert [event["address"] for event in found] == [suite.alice, "bob@far.test", suite.alice, "bob@far.test"]
    assert found[3]["where"] == "mx.far.test" and found[3]["status"].startswith("2.")
    assert found[3]["node"].startswith("mta-")


def test_deferred_then_delivered(suite, sink):
    sink.answers["RCPT"] = ["450 4.2.0 Sp\u00e4ter"]
    deferred = kinds(suite, submit(suite, "bob@far.test"), "accepted", "queued", "deferred", "delivered")[2]
    assert deferred["status"] == "4.2.0" and "450" in deferred["text"] and deferred["next"] > deferred["at"]


def test_bounced(suite, sink):
    sink.refused["gone@far.test"] = "550 5.1.1 No such person here"
    trace = submit(suite, "gone@far.test", "there@far.test")
    wait_for("both to end, and the report to arrive", lambda: len(events(suite, trace)) == 6)
    ended = {event["address"]: event for event in events(suite, trace)[3:]}
    assert ended["gone@far.test"]["kind"] == "bounced" and "No such person" in ended["gone@far.test"]["text"]
    assert ended["there@far.test"]["kind"] == "delivered"
    assert ended[suite.alice]["kind"] == "filed" and "report" in ended[suite.alice]["text"]


def test_full_mailbox_waits(suite):
    receive(suite, suite.full)          # takes the room there is
    trace = wait_for("a full mailbox", lambda: full_and_alice(suite))
    found = wait_for("a deferral", lambda: [e for e in events(suite, trace) if e["kind"] == "deferred"])
    assert found[0]["address"] == suite.full and found[0]["status"] == "4.2.2"
    assert "queued" in [event["kind"] for event in events(suite, trace) if event["address"] == suite.full]


def full_and_alice(suite):
    """A message to both, by an alias: the full one's is queued."""
    assert suite.api("PUT", "/v1/aliases/both@example.test", {"targets": [suite.full, suite.alice]})[0] in (200, 201)
    trace = receive(suite, "both@example.test")
    wait_for("its acceptance", lambda: len(events(suite, trace)) >= 3)
    return trace if [e for e in events(suite, trace) if e["kind"] == "queued"] else None


def test_held_released_deleted(suite, sink):
    sink.refused["held@far.test"] = "450 4.2.0 Later"
    trace = submit(suite, "held@far.test")
    wait_for("a try", lambda: "deferred" in [event["kind"] for event in events(suite, trace)])
    entry, = [e for e in suite.api("GET", "/v1/queue?domain=far.test")[1]["items"] if e["trace"] == trace]

    def change(*words):
        return wait_for("the entry to be free", lambda: suite.cli("queue", *words, entry["id"], check=False) is not None)

    wait_for("a hold", lambda: suite.api("PATCH", f"/v1/queue/{entry['id']}", {"state": "held"})[0] == 200)
    change("release")
    wait_for("a hold", lambda: suite.api("PATCH", f"/v1/queue/{entry['id']}", {"state": "held"})[0] == 200)
    change("delete")
    found = [event["kind"] for event in events(suite, trace) if event["node"] == "operator"]
    assert found == ["held", "released", "held", "deleted"]


def test_command_line(suite):
    trace = receive(suite, suite.alice)
    kinds(suite, trace, "accepted", "filed")
    first, second = suite.cli("trace", trace).splitlines()
    assert "accepted" in first and "<x@far.test>" in first
    assert "filed" in second and f"<{suite.alice}>" in second and "INBOX" in second
    assert suite.cli("trace", "0" * 32, check=False) == "" and suite.cli("trace", "nonsense", check=False) == ""


def test_only_the_suites_readers_may(suite):
    trace = receive(suite, suite.alice)
    kinds(suite, trace, "accepted", "filed")
    made = suite.api("POST", "/v1/tokens", {"name": "narrow", "roles": [{"role": "domain-admin", "domain": "example.test"}]})
    assert suite.api("GET", f"/v1/timeline/{trace}", token=made[1]["token"])[0] == 403
    assert suite.api("GET", "/v1/timeline/nonsense")[0] == 404


def test_a_stop_loses_nothing(suite):
    """What was noted a moment before."""
    trace = receive(suite, suite.alice)
    assert suite.daemons["smtpd"].stop() == 0
    assert [event["kind"] for event in events(suite, trace)] == ["accepted", "filed"]
    suite.daemons["smtpd"].start()
