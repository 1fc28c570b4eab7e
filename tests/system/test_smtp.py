"""smtpd as its peers meet it: what it offers, refuses, judges and files."""

import smtplib
import socket
import ssl

import pytest

from suite import wait_for

MESSAGE = "From: Sender <sender@far.test>\r\nTo: alice@example.test\r\nSubject: {subject}\r\n\r\nbody\r\n"


class Talk:
    def __init__(self, suite, port="SMTP"):
        self.sock = socket.create_connection(("127.0.0.1", suite.port(port)), timeout=20)
        self.reader = self.sock.makefile("rb")
        self.greeting = self.reply()

    def reply(self):
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = self.reader.readline().decode()
            if not line:
                return lines + [""]
            lines.append(line.rstrip("\r\n"))
        return lines

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def say(self, line):
        self.send(line + "\r\n")
        return self.reply()[-1]

    def begin(self, sender="sender@far.test", to="alice@example.test"):
        self.say("EHLO client.test")
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250")
        assert self.say(f"RCPT TO:<{to}>").startswith("250")
        assert self.say("DATA").startswith("354")

    def close(self):
        self.reader.close()
        self.sock.close()


@pytest.fixture
def talk(suite):
    talk = Talk(suite)
    yield talk
    talk.close()


def newest(suite, user, mailbox="INBOX"):
    """The newest message of a mailbox, whole."""
    with suite.imap(user) as client:
        assert client.select(mailbox, readonly=True)[0] == "OK"
        numbers = client.search(None, "ALL")[1][0].split()
        return client.fetch(numbers[-1], "(BODY.PEEK[])")[1][0][1] if numbers else b""


def test_offers_what_it_keeps(talk):
    talk.send("EHLO client.test\r\n")
    words = {line[4:].split()[0] for line in talk.reply()[1:]}
    assert words == {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "STARTTLS", "XCLIENT"}


@pytest.mark.parametrize("line, code", [
    ("RCPT TO:<alice@example.test>", "503"),
    ("DATA", "503"),
    ("MAIL FROM:<a@b.test>", "503"),
    ("NONSENSE", "500"),
    ("VRFY alice", "252"),
    ("AUTH PLAIN AAAA", "503"),
    ("x" * 3000, "500"),
])
def test_answers_out_of_order(talk, line, code):
    assert talk.say(line).startswith(code)
    assert talk.say("NOOP").startswith("250")


@pytest.mark.parametrize("line, code", [
    ("MAIL FROM:<a@b.test> SIZE=999999999999", "552"),
    ("MAIL FROM:<a@b.test> NOSUCH=1", "555"),
    ("MAIL FROM:a@b.test", "501"),
    ("MAIL FROM:<>", "250"),
    ("MAIL FROM: <a@b.test>", "250"),
])
def test_mail(talk, line, code):
    talk.send("EHLO client.test\r\n")
    talk.reply()
    assert talk.say(line).startswith(code)


@pytest.mark.parametrize("to, code", [
    ("alice@example.test", "250"), ("ALICE@EXAMPLE.TEST", "250"), ("alice+list@example.test", "250"),
    ("nobody@example.test", "550 5.1.1"), ("someone@elsewhere.test", "550 5.7.1"), ("", "501"),
])
def test_recipients_are_checked_at_rcpt(talk, to, code):
    talk.send("EHLO client.test\r\n")
    talk.reply()
    talk.say("MAIL FROM:<sender@far.test>")
    assert talk.say(f"RCPT TO:<{to}>").startswith(code)


def test_pipelining(talk):
    talk.send("EHLO c.test\r\nMAIL FROM:<s@far.test>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<nobody@example.test>\r\n"
              "RCPT TO:<bob@example.test>\r\nRSET\r\nNOOP\r\n")
    talk.reply()
    assert [talk.reply()[0][:3] for _ in range(6)] == ["250", "250", "550", "250", "250", "250"]


@pytest.mark.parametrize("name, body", [
    ("lf dot lf", b"one\n.\nMAIL FROM:<evil@far.test>\r\n"),
    ("lf dot crlf", b"one\n.\r\nMAIL FROM:<evil@far.test>\r\n"),
    ("crlf dot lf", b"one\r\n.\nMAIL FROM:<evil@far.test>\r\n"),
    ("cr dot cr", b"one\r.\rMAIL FROM:<evil@far.test>\r\n"),
    ("crlf dot cr", b"one\r\n.\rMAIL FROM:<evil@far.test>\r\n"),
    ("cr dot crlf", b"one\r.\r\nMAIL FROM:<evil@far.test>\r\n"),
])
def test_smuggling_never_ends_data(talk, name, body):
    talk.begin()
    talk.send(b"Subject: smuggle\r\n\r\n" + body)
    talk.send(b"\r\n.\r\n")
    assert talk.reply()[0].startswith("550 5.6.11"), name
    assert talk.say("NOOP").startswith("250")


def test_starttls_drops_what_was_injected(suite):
    talk = Talk(suite)
    talk.send("EHLO c.test\r\n")
    talk.reply()
    talk.send("STARTTLS\r\nMAIL FROM:<evil@far.test>\r\nRCPT TO:<alice@example.test>\r\n")
    assert talk.reply()[0].startswith("220")
    tls = suite.tls().wrap_socket(talk.sock, server_hostname="localhost")
    tls.sendall(b"EHLO c.test\r\nRSET\r\nDATA\r\n")
    text = b""
    while text.count(b"\r\n") < 9 and b"503" not in text:
        text += tls.recv(4096)
    assert b"503" in text and b"Sender fine" not in text
    tls.close()


def test_login_needs_tls(suite):
    talk = Talk(suite, "SUBMISSION")
    talk.send("EHLO c.test\r\n")
    assert not any("AUTH" in line for line in talk.reply())
    assert talk.say("AUTH PLAIN AGEAYg==").startswith("538")
    assert talk.say("MAIL FROM:<alice@example.test>").startswith("530")
    talk.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_login(suite, mechanism):
    with smtplib.SMTP_SSL("localhost", suite.port("SUBMISSIONS"), context=suite.tls(), timeout=30) as client:
        client.ehlo()
        client.user, client.password = suite.alice, suite.password
        code, _ = client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"))
        assert code == 235


def test_wrong_password(suite):
    with smtplib.SMTP("localhost", suite.port("SUBMISSION"), timeout=30) as client:
        client.starttls(context=suite.tls())
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("nobody-here@example.test", "wrong")


def test_submission_keeps_to_its_own_addresses(suite):
    with suite.submission(suite.alice) as client:
        assert client.mail(suite.bob)[0] == 553
        assert client.mail("alice+tag@example.test")[0] == 250
        client.rset()
        with pytest.raises(smtplib.SMTPDataError) as error:
            client.sendmail(suite.alice, [suite.bob], "From: bob@example.test\r\n\r\nx")
        assert b"bob@example.test" in error.value.smtp_error


def test_what_arrives(suite):
    suite.deliver([suite.alice], MESSAGE.format(subject="arrives"))
    text = newest(suite, suite.alice).decode()
    assert text.startswith("Return-Path: <sender@far.test>\r\n")
    assert "Received: from client.test" in text
    assert "Authentication-Results: mail.example.test" in text
    assert text.endswith("Subject: arrives\r\n\r\nbody\r\n")


def test_bytes_are_kept(suite):
    body = bytes(range(1, 9)) + b"\x0b\x0c\x0e" + bytes(range(14, 256)) + b"\r\n..dots\r\n.\tx\r\n" + b"y" * 998 + b"\r\n"
    message = b"From: s@far.test\r\nSubject: bytes\r\nX-Raw: \xff\xfe\r\n\r\n" + body
    with suite.smtp() as client:
        client.ehlo()
        client.mail("s@far.test", ["BODY=8BITMIME"])
        client.rcpt(suite.alice)
        client.putcmd("data")
        assert client.getreply()[0] == 354
        client.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert client.getreply()[0] == 250
    assert newest(suite, suite.alice).endswith(message)


def test_alias_and_catch_all(suite):
    suite.cli("alias", "set", "team@example.test", suite.alice, suite.bob)
    suite.cli("domain", "add", "caught.test")
    suite.cli("domain", "catch-all", "caught.test", suite.bob)
    suite.deliver(["team@example.test"], MESSAGE.format(subject="for the team"))
    assert b"for the team" in newest(suite, suite.alice)
    assert b"for the team" in newest(suite, suite.bob)
    suite.deliver(["whoever@caught.test"], MESSAGE.format(subject="caught"))
    assert b"Subject: caught" in newest(suite, suite.bob)


def test_suspended_and_full(suite):
    carol = suite.user("carol", "2K")
    suite.deliver([carol], MESSAGE.format(subject="big") + "x" * 4000)
    def code():
        with suite.smtp() as client:
            client.ehlo()
            client.mail("s@far.test")
            return client.rcpt(carol)
    assert wait_for("the quota to be noticed", lambda: code()[0] == 452, 90)
    suite.cli("user", "suspend", carol)
    assert code()[0] == 550


def test_forged_results_are_dropped(suite):
    suite.deliver([suite.alice], "Authentication-Results: mail.example.test; spf=pass; dmarc=pass\r\n"
                  + MESSAGE.format(subject="forged"))
    text = newest(suite, suite.alice).decode()
    assert text.count("Authentication-Results:") == 1 and "dmarc=pass" not in text


def from_address(suite, ip, sender, header_from, subject):
    """Delivers as if from another host, told by XCLIENT; gives the final reply."""
    talk = Talk(suite)
    talk.say("EHLO proxy.test")
    assert talk.say(f"XCLIENT ADDR={ip}").startswith("220")
    talk.begin(sender=sender)
    talk.send(f"From: <{header_from}>\r\nSubject: {subject}\r\n\r\nx\r\n.\r\n")
    answer = talk.reply()[-1]
    talk.close()
    return answer


def test_spf_and_dmarc(suite):
    suite.set_zone('good.test. TXT "v=spf1 ip4:198.51.100.7 -all"\n'
                   '_dmarc.good.test. TXT "v=DMARC1; p=reject"\n'
                   'soft.test. TXT "v=spf1 -all"\n'
                   '_dmarc.soft.test. TXT "v=DMARC1; p=quarantine"\n')
    assert from_address(suite, "198.51.100.7", "a@good.test", "a@good.test", "spf good").startswith("250")
    text = newest(suite, suite.alice).decode()
    assert "spf=pass" in text and "dmarc=pass" in text
    assert from_address(suite, "203.0.113.9", "a@good.test", "a@good.test", "spf bad").startswith("550 5.7.1")
    assert from_address(suite, "203.0.113.9", "a@soft.test", "a@soft.test", "quarantined").startswith("250")
    junk = newest(suite, suite.alice, "Junk").decode()
    assert "Subject: quarantined" in junk and "X-Posthouse-Junk:" in junk


def test_smtputf8(suite):
    with suite.smtp() as client:
        client.ehlo()
        assert client.mail("žluťoučký@far.test", ["SMTPUTF8"])[0] == 250
        assert client.rcpt(suite.alice)[0] == 250
        assert client.data("From: s@far.test\r\nSubject: kůň\r\n\r\nž\r\n".encode())[0] == 250
    assert "kůň".encode() in newest(suite, suite.alice)


def test_certificate_is_reloaded(suite):
    """A new certificate is used by new connections, without a restart."""
    keys = suite.dir / "keys"
    before = ssl.get_server_certificate(("127.0.0.1", suite.port("SUBMISSIONS")))
    old = [(keys / name).read_bytes() for name in ("tls.crt", "tls.key", "ca.crt", "ca.key")]
    for name in ("tls.crt", "tls.key", "ca.crt", "ca.key"):
        (keys / name).unlink()
    suite.cli("init", str(suite.dir), "mail.example.test", conf=False)
    try:
        wait_for("the new certificate", lambda: ssl.get_server_certificate(
            ("127.0.0.1", suite.port("SUBMISSIONS"))) != before, 20)
    finally:
        for name, data in zip(("tls.crt", "tls.key", "ca.crt", "ca.key"), old):
            (keys / name).write_bytes(data)
        wait_for("the old certificate", lambda: ssl.get_server_certificate(
            ("127.0.0.1", suite.port("SUBMISSIONS"))) == before, 20)
