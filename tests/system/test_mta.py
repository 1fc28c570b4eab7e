"""mta against another host: what goes out, when, how often, and what its sender hears of it."""

import email
import email.policy
import itertools
import re
import time

import pytest

from signatures import BOTH, algorithms, verifies
from sink import Sink
from suite import wait_for

ZONE = "far.test. MX 10 mx.far.test\nmx.far.test. A 127.0.0.1\n" \
       "two.test. MX 5 dead.two.test\ntwo.test. MX 10 mx.far.test\ndead.two.test. A 127.0.0.2\n" \
       "bare.test. A 127.0.0.1\nnull.test. MX 0 .\n" + "".join(f"d{n}.test. MX 10 mx.far.test\n" for n in range(40))
numbers = itertools.count()


@pytest.fixture(scope="module")
def sink(new_suite):
    with Sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def suite(new_suite, sink):
    suite = new_suite(MTA_PORT=sink.port, MTA_RETRY="1s,2s", MTA_POLL="1s", MTA_IPV6="no", MTA_LEASE="5s",
                      MTA_COMMAND_TIMEOUT="5s", MTA_DELAY_WARNING="3s")
    suite.set_zone(ZONE)
    suite.start()
    suite.alice = suite.user("alice")
    sink.certificate = (suite.dir / "keys" / "tls.crt", suite.dir / "keys" / "tls.key")
    return suite


@pytest.fixture(autouse=True)
def friendly(sink):
    sink.forget()


def submit(suite, *to, text="text\r\n", options=()):
    """Alice sends a message; its subject."""
    subject = f"number {next(numbers)}"
    with suite.submission(suite.alice) as client:
        client.sendmail(suite.alice, to, f"From: Alice <{suite.alice}>\r\nTo: {to[0]}\r\nSubject: {subject}\r\n\r\n{text}",
                        rcpt_options=options)
    return subject


def arrived(sink, recipient, count=1, seconds=20):
    return wait_for(f"a message to {recipient}", lambda: len(sink.to(recipient)) >= count and sink.to(recipient), seconds)


def queue(suite):
    return suite.cli("queue", "list")


def queue_is_empty(suite):
    return wait_for("an empty queue", lambda: queue(suite).endswith("0 entries\n"))


def report(suite, about, seconds=20):
    """The newest message in alice's INBOX that speaks of `about`."""
    def look():
        with suite.imap(suite.alice) as client:
            client.select(readonly=True)
            found = client.search(None, "BODY", f'"{about}"')[1][0].split()
            return found and client.fetch(found[-1], "(BODY.PEEK[])")[1][0][1]
    return email.message_from_bytes(wait_for(f"a report about {about}", look, seconds), policy=email.policy.default)


def test_goes_out_whole(suite, sink):
    subject = submit(suite, "x@far.test", text=".dot\r\n" + "line\r\n" * 1000 + "..\r\n")
    message = arrived(sink, "x@far.test")[0]
    assert message.sender.startswith(f"FROM:<{suite.alice}>") and message.tls.startswith("TLSv1")
    assert message.helo == "mail.example.test"
    parsed = email.message_from_bytes(message.data)
    assert parsed["Subject"] == subject and parsed["Message-ID"] and parsed["Date"]
    assert parsed.get_payload() == ".dot\r\n" + "line\r\n" * 1000 + "..\r\n"
    queue_is_empty(suite)


def test_large_goes_out_whole(suite, sink):
    body = "".join(f"{number:070}\r\n" for number in range(40000))
    submit(suite, "large@far.test", text=body)
    assert email.message_from_bytes(arrived(sink, "large@far.test")[0].data).get_payload() == body


def test_signatures_hold(suite, sink):
    """By another implementation, against the records that the operator is told to publish."""
    suite.set_zone(ZONE + suite.cli("domain", "show", "example.test"))
    submit(suite, "signed@far.test")
    data = arrived(sink, "signed@far.test")[0].data
    assert algorithms(data) == BOTH
    for index in range(2):
        assert verifies(suite, data, index)
        assert not verifies(suite, data.replace(b"text", b"Text"), index)
        assert not verifies(suite, data.replace(b"Subject: number", b"Subject: Number"), index)


@pytest.mark.parametrize("to", ["x@two.test", "x@bare.test"])
def test_finds_a_host(suite, sink, to):
    """The next MX when the first is not there; the domain's own address when it has no MX."""
    submit(suite, to)
    arrived(sink, to)


@pytest.mark.parametrize("verb, answer", [
    ("MAIL", "451 4.7.1 Greylisted"), ("RCPT", "450 4.2.0 Later"), ("DATA", "452 4.3.1 Full"), (".", "451 4.3.0 Later"),
    (".", "CLOSE"), ("RCPT", "CLOSE"), ("STARTTLS", "454 4.7.0 No"), ("EHLO", "502 5.5.1 Old"),
])
def test_tries_again(suite, sink, verb, answer):
    sink.answers[verb] = [answer]
    to = f"x@d{next(numbers)}.test"
    submit(suite, to)
    assert len(arrived(sink, to)) == 1
    queue_is_empty(suite)


@pytest.mark.parametrize("answer", ["421 4.3.2 Busy", "CLOSE"])
def test_a_host_that_is_down_is_left_alone(suite, sink, answer):
    """For a minute; a new process does not know of that."""
    sink.answers["GREETING"] = [answer]
    to = f"x@d{next(numbers)}.test"
    submit(suite, to)
    wait_for("two attempts", lambda: re.search(r"[2-9] attempts", queue(suite)))
    assert not sink.answers["GREETING"] and "EHLO" not in sink.verbs
    assert suite.daemons["mta"].stop() == 0
    suite.daemons["mta"].start()
    arrived(sink, to)
    queue_is_empty(suite)


def test_waits_and_says_why(suite, sink):
    sink.refused["later@far.test"] = "450 4.2.0 Mailbox is being moved"
    submit(suite, "later@far.test")
    text = wait_for("the reason in the queue", lambda: "being moved" in queue(suite) and queue(suite))
    assert "to <later@far.test>" in text and f"from <{suite.alice}>" in text
    wait_for("three attempts", lambda: sink.verbs.count("RCPT") >= 3)
    _, status, _ = report(suite, "later@far.test").iter_parts()
    about = status.get_payload()[1]
    assert about["Action"] == "delayed" and about["Status"] == "4.2.0" and about["Will-Retry-Until"]
    sink.refused.clear()
    arrived(sink, "later@far.test")
    queue_is_empty(suite)


def test_refused_is_reported(suite, sink):
    sink.refused["gone@far.test"] = "550 5.1.1 No such person here"
    subject = submit(suite, "gone@far.test", "there@far.test")
    assert len(arrived(sink, "there@far.test")) == 1
    message = report(suite, "gone@far.test")
    assert message["Return-Path"] == "<>" and message["Auto-Submitted"].startswith("auto-")
    assert message.get_content_type() == "multipart/report" and message.get_param("report-type") == "delivery-status"
    text, status, original = message.iter_parts()
    assert text.get_content_type() == "text/plain" and "No such person here" in text.get_content()
    about_message, about = ({name: value.replace("; ", ";") for name, value in part.items()} for part in status.get_payload())
    assert about_message["Reporting-MTA"] == "dns;mail.example.test" and about_message["Arrival-Date"]
    assert about["Final-Recipient"] == "rfc822;gone@far.test" and about["Action"] == "failed"
    assert about["Status"] == "5.1.1" and about["Remote-MTA"] == "dns;mx.far.test"
    assert about["Diagnostic-Code"] == "smtp;550 5.1.1 No such person here"
    assert original.get_content_type() == "message/rfc822" and original.get_payload()[0]["Subject"] == subject
    assert "there@far.test" not in status.as_string()
    queue_is_empty(suite)


@pytest.mark.parametrize("to, status", [("x@nowhere.test", "5.1.2"), ("x@null.test", "5.1.10")])
def test_domains_without_hosts_are_reported(suite, sink, to, status):
    submit(suite, to)
    parts = list(report(suite, to).iter_parts())
    assert parts[1].get_payload()[1]["Status"] == status


def test_works_without_the_bus(suite, sink):
    """The nudge is lost; the poll finds the mail."""
    bus = suite.dir / "run" / "bus"
    if suite.stack == "cluster":
        suite.services["rabbitmq"].stop()
    else:
        bus.rename(bus.with_name("away"))
        bus.write_text("")
    try:
        submit(suite, "nobus@far.test")
        arrived(sink, "nobus@far.test", seconds=30)
    finally:
        if suite.stack == "cluster":
            suite.services["rabbitmq"].start()
        else:
            bus.unlink()
            bus.with_name("away").rename(bus)


def test_two_processes_send_each_message_once(suite, sink):
    second = suite.start_second("mta")
    sink.delay = 0.1        # so that there is something to fight for
    to = [f"race{number}@far.test" for number in range(40)]
    with suite.submission(suite.alice) as client:
        for one in to:
            client.sendmail(suite.alice, [one], f"From: {suite.alice}\r\nSubject: race\r\n\r\nx\r\n")
    for one in to:
        arrived(sink, one, seconds=60)
    queue_is_empty(suite)
    time.sleep(3)           # longer than any wait between attempts
    assert [len(sink.to(one)) for one in to] == [1] * len(to)
    assert second.stop() == 0


def test_a_killed_process_loses_nothing(suite, sink):
    sink.delay = 2
    sink.answers["."] = ["CLOSE"]       # what it was sending has not arrived
    submit(suite, "killed@far.test")
    wait_for("the message on its way", lambda: "DATA" in sink.verbs)
    suite.daemons["mta"].kill9()
    sink.delay = 0
    suite.daemons["mta"].start()
    arrived(sink, "killed@far.test", seconds=30)
    queue_is_empty(suite)
