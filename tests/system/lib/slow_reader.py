"""A client that asks for far more than it reads: test_slow_reader.py here, and for longer in tests/faults."""

import base64
import imaplib
import os
import socket
import threading
import time
import zlib

imaplib.Commands["COMPRESS"] = ("AUTH", "SELECTED")
WAYS = ("plain", "TLS", "COMPRESS")
SHARE = 3       # bodies in memory at once, at most: the one that is sent, the next, and one that is being opened
SLACK = 32 << 20


def memory(pid):
    """Bytes that are the process's own."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as text:
        return sum(int(line.split()[1]) for line in text if line.startswith(("Private_Dirty", "Private_Clean"))) * 1024


class Watch(threading.Thread):
    """The most memory that a process had."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.before, self.most, self.over = pid, memory(pid), 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.1):
            self.most = max(self.most, memory(self.pid))

    def grown_now(self):
        return memory(self.pid) - self.before

    def end(self):
        self.over.set()
        self.join()


class SlowReader:
    """Fetches every body of the INBOX."""

    def __init__(self, suite, user, way):
        self.way, self.read_bytes = way, 0
        self.tail = b""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.settimeout(120)
        sock.connect(("127.0.0.1", suite.port("IMAP" if way == "plain" else "IMAPS")))
        self.sock = sock if way == "plain" else suite.tls().wrap_socket(sock, server_hostname="localhost")
        self.into = self.out = None
        self.until(b"\r\n")
        self.say(f'a LOGIN "{user}" "{suite.password}"', b"\r\na OK")
        if way == "COMPRESS":
            self.say("b COMPRESS DEFLATE", b"b OK")
            self.into, self.out = zlib.decompressobj(-15), zlib.compressobj(6, zlib.DEFLATED, -15)
        self.say("c SELECT INBOX", b"\r\nc OK")

    def send(self, line):
        data = line.encode() + b"\r\n"
        self.sock.sendall(self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH) if self.out else data)

    def more(self):
        data = self.sock.recv(65536)
        assert data, "the server hung up"
        if self.into:
            data = self.into.decompress(data)
        self.read_bytes += len(data)
        self.tail = self.tail[-200:] + data
        return len(data)

    def until(self, words):
        while words not in self.tail:
            self.more()

    def say(self, line, words):
        self.send(line)
        while words not in b"\r\n" + self.tail or not self.tail.endswith(b"\r\n"):
            self.more()

    def fetch(self):
        self.tail, self.read_bytes = b"", 0
        self.send("z UID FETCH 1:* BODY.PEEK[]")

    def read_for(self, seconds, rate):
        """So many bytes a second."""
        start = time.monotonic()
        while (passed := time.monotonic() - start) < seconds:
            if self.read_bytes < rate * passed:
                self.more()
            else:
                time.sleep(0.02)

    def leave(self):
        self.sock.close()


def fill(suite, user, size, doublings):
    """One message of `size` that does not compress, 2^doublings times in the INBOX, by COPY."""
    with suite.imap(user) as client:
        text = b"Subject: large\r\n\r\n" + base64.encodebytes(os.urandom(size * 3 // 4)).replace(b"\n", b"\r\n")
        assert client.append("INBOX", None, None, text)[0] == "OK"
        client.select()
        for _ in range(doublings):
            assert client.copy("1:*", "INBOX")[0] == "OK"
            client.noop()
    return len(text)


def another_session(suite, user):
    """How long it takes to log in, to file a message, and to read it."""
    start = time.monotonic()
    with suite.imap(user) as client:
        assert client.append("Drafts", None, None, b"Subject: small\r\n\r\nx\r\n")[0] == "OK"
        client.select("Drafts")
        assert b"small" in client.fetch("*", "(BODY.PEEK[])")[1][0][1]
    return time.monotonic() - start
