"""COMPRESS=DEFLATE with another zlib at the other end: under TLS and without, in flushes of every kind, and abused."""

import contextlib
import imaplib
import zlib

import pytest

from suite import wait_for

imaplib.Commands["COMPRESS"] = ("AUTH", "SELECTED")


@pytest.fixture(scope="module")
def settings():
    return {"IMAPD_PLAINTEXT_LOGIN": "yes"}


class Deflated:
    """Puts raw deflate below an imaplib client; counts what goes over the wire."""

    def __init__(self, client, flush=zlib.Z_SYNC_FLUSH):
        assert client.xatom("COMPRESS", "DEFLATE")[0] == "OK"
        self.client, self.flush, self.plain, self.wire = client, flush, 0, 0
        self.out, self.into, self.kept = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15), b""
        client.send, client.read, client.readline = self.send, self.read, self.readline

    def send(self, data):
        self.client.sock.sendall(self.out.compress(data) + self.out.flush(self.flush))

    def more(self):
        data = self.client.sock.recv(65536)
        assert data, "the server hung up"
        text = self.into.decompress(data)
        self.wire, self.plain, self.kept = self.wire + len(data), self.plain + len(text), self.kept + text

    def read(self, size):
        while len(self.kept) < size:
            self.more()
        got, self.kept = self.kept[:size], self.kept[size:]
        return got

    def readline(self):
        while b"\n" not in self.kept:
            self.more()
        return self.read(self.kept.index(b"\n") + 1)


@pytest.fixture(params=["TLS", "plain"])
def client(request, suite):
    made = imaplib.IMAP4("127.0.0.1", suite.port("IMAP"), timeout=30) if request.param == "plain" else suite.imap()
    made.login(suite.alice, suite.password)
    yield made
    with contextlib.suppress(OSError):
        made.shutdown()


@pytest.mark.parametrize("flush", [zlib.Z_SYNC_FLUSH, zlib.Z_PARTIAL_FLUSH, zlib.Z_FULL_FLUSH])
def test_a_session(client, flush):
    assert "COMPRESS=DEFLATE" in client.capabilities
    deflated = Deflated(client, flush)
    text = b"Subject: compressed\r\n\r\n" + b"the same line again and again\r\n" * 20000
    assert client.append("INBOX", None, None, text)[0] == "OK"
    number = client.select()[1][0].decode()
    assert client.fetch(number, "(BODY.PEEK[])")[1][0][1] == text
    assert deflated.wire < deflated.plain / 20
    assert client.xatom("COMPRESS", "DEFLATE")[0] == "NO"
    assert client.logout()[0] == "BYE"


def test_byte_by_byte(client):
    deflated = Deflated(client)
    whole = deflated.out.compress(b"x1 NOOP\r\nx2 SELECT INBOX\r\n") + deflated.out.flush(zlib.Z_SYNC_FLUSH)
    for i in range(len(whole)):
        client.sock.sendall(whole[i:i + 1])
    wait_for("the second reply", lambda: deflated.readline().startswith(b"x2 OK"))


def test_a_bomb_is_a_long_line(suite, client):
    """A gigabyte without a line's end, in a megabyte: refused like any line that is too long, and nobody is hurt."""
    deflated = Deflated(client)
    block = b"x" * (1 << 20)
    for _ in range(1000):
        client.sock.sendall(deflated.out.compress(block))
    client.sock.sendall(deflated.out.compress(b"\r\nx2 NOOP\r\n") + deflated.out.flush(zlib.Z_SYNC_FLUSH))
    wait_for("the reply behind it", lambda: deflated.readline().startswith(b"x2 OK"))
    pid = suite.daemons["imapd"].process.pid
    with open(f"/proc/{pid}/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert peak < 700 * 1024        # KiB; the bomb is a million


def test_garbage_ends_the_connection(suite, client):
    Deflated(client)
    client.sock.sendall(b"\xff\xff\xff\xff NOOP\r\n")
    wait_for("the end", lambda: client.sock.recv(4096) == b"")
    with suite.imap(suite.alice) as other:
        assert other.noop()[0] == "OK"
