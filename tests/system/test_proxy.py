"""The PROXY protocol in front of imapd and smtpd: who is behind the proxy is who is logged, checked and counted."""

import imaplib
import json
import smtplib
import socket
import ssl
import struct

import pytest

from suite import wait_for

CLIENT = "192.0.2.77"
V1 = f"PROXY TCP4 {CLIENT} 198.51.100.1 40000 993\r\n".encode()
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ADDRESSES = socket.inet_aton(CLIENT) + socket.inet_aton("198.51.100.1") + struct.pack("!HH", 40000, 993)
V2 = SIGNATURE + b"\x21\x11" + struct.pack("!H", len(ADDRESSES) + 7) + ADDRESSES + b"\x02\x00\x04mail"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
MESSAGE = "From: a@far.test\r\nTo: {to}\r\nSubject: through a proxy\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def settings():
    return {"IMAPD_PROXY_NETWORKS": "127.0.0.0/8", "SMTPD_PROXY_NETWORKS": "10.0.0.0/8,127.0.0.1",
            "IMAPD_SESSIONS_PER_IP": "3"}


class Imap(imaplib.IMAP4_SSL):
    def __init__(self, suite, header):
        self.header = header
        super().__init__("localhost", suite.port("IMAPS"), ssl_context=suite.tls(), timeout=30)

    def _create_socket(self, timeout):
        sock = imaplib.IMAP4._create_socket(self, timeout)
        sock.sendall(self.header)
        return self.ssl_context.wrap_socket(sock, server_hostname=self.host)


class Smtp(smtplib.SMTP):
    def __init__(self, suite, header, port="SMTP"):
        self.header = header
        super().__init__("localhost", suite.port(port), local_hostname="client.test", timeout=60)

    def _get_socket(self, host, port, timeout):
        sock = super()._get_socket(host, port, timeout)
        sock.sendall(self.header)
        return sock


def logged(suite, daemon, message, **fields):
    """A line of the daemon's log that says `message` with all of these fields."""
    def look():
        lines = [json.loads(line) for line in suite.daemons[daemon].log.read_text().splitlines() if line[:1] == "{"]
        return [line for line in lines if line.get("msg") == message and fields.items() <= line.items()]
    return wait_for(f"{daemon} to log {message} {fields}", look)


@pytest.mark.parametrize("header, ip", [(V1, CLIENT), (V2, CLIENT), (LOCAL, "127.0.0.1")])
def test_imap_over_tls(suite, header, ip):
    with Imap(suite, header) as client:
        client.login(suite.alice, suite.password)
        assert client.noop()[0] == "OK"
    logged(suite, "imapd", "login", ip=ip)


def test_smtp_judges_the_client(suite):
    """SPF of the address behind the proxy, which the trace header has as well."""
    suite.set_zone(f'far.test. TXT "v=spf1 ip4:{CLIENT} -all"\n')
    with Smtp(suite, V2) as client:
        client.sendmail("a@far.test", [suite.alice], MESSAGE.format(to=suite.alice))
    with Imap(suite, V1) as client:
        client.login(suite.alice, suite.password)
        wait_for("the message", lambda: client.select()[1][0] != b"0")
        header = client.fetch("1", "(BODY.PEEK[HEADER])")[1][0][1].decode()
    assert CLIENT in header and "spf=pass" in header


def test_submission_over_tls(suite):
    context = suite.tls()
    sock = socket.create_connection(("localhost", suite.port("SUBMISSIONS")), 30)
    sock.sendall(V2)
    with context.wrap_socket(sock, server_hostname="localhost") as wire:
        assert wire.recv(100).startswith(b"220 ")
        wire.sendall(b"QUIT\r\n")
        assert wire.recv(100).startswith(b"221 ")


def test_limits_count_clients(suite):
    """Three sessions an address, not three sessions a proxy."""
    other = V1.replace(CLIENT.encode(), b"192.0.2.78")
    clients = [Imap(suite, V1) for _ in range(3)] + [Imap(suite, other)]
    with pytest.raises((imaplib.IMAP4.error, ssl.SSLError, OSError)):
        Imap(suite, V2)
    for client in clients:
        assert client.logout()[0] == "BYE"


@pytest.mark.parametrize("port", ["IMAP", "IMAPS", "SMTP", "SUBMISSION", "SUBMISSIONS"])
def test_a_header_is_required(suite, port):
    for said in (b"a NOOP\r\n", b"\x16\x03\x01\x02\x00\x01", SIGNATURE + b"\x31\x11\x00\x00"):
        with socket.create_connection(("localhost", suite.port(port)), 30) as sock:
            sock.sendall(said)
            try:
                assert sock.recv(100) == b""
            except ConnectionResetError:
                pass
    logged(suite, "imapd" if port.startswith("IMAP") else "smtpd", "a proxy was refused", ip="127.0.0.1")


def test_from_others_none_is_read(new_suite):
    """The suite's own default: nobody is a proxy."""
    suite = new_suite(IMAPD_PROXY_NETWORKS="192.0.2.0/24", SMTPD_PROXY_NETWORKS="").start("imapd", "smtpd")
    with socket.create_connection(("localhost", suite.port("IMAP")), 30) as sock:
        sock.sendall(V1)
        text = sock.makefile("rb")
        assert text.readline().startswith(b"* OK ")
        assert b" BAD " in text.readline()
    with socket.create_connection(("localhost", suite.port("SMTP")), 30) as sock:
        sock.sendall(V1)
        text = sock.makefile("rb")
        assert text.readline().startswith(b"220 ")
        assert text.readline().startswith(b"500 ")


def test_a_wrong_setting_is_said(new_suite):
    suite = new_suite(IMAPD_PROXY_NETWORKS="192.0.2.0/40")
    with pytest.raises(AssertionError, match=r"ended with 78(.|\n)*192.0.2.0/40"):
        suite.start("imapd")
