"""SCRAM-SHA-256 and -PLUS as a client does them, over IMAP and submission.

Python's ssl module does not export keying material, so the TLS here is libssl's own, through ctypes: `Bound` is one
connection, `binding()` what tells it from all others (RFC 9266).
"""

import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import socket

TLS_1_2, TLS_1_3 = 0x0303, 0x0304
VERIFY_PEER = 1
SET_MIN_VERSION, SET_MAX_VERSION = 123, 124

_ssl = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
for _name, _result, *_arguments in (
        ("TLS_client_method", ctypes.c_void_p),
        ("SSL_CTX_new", ctypes.c_void_p, ctypes.c_void_p),
        ("SSL_CTX_free", None, ctypes.c_void_p),
        ("SSL_CTX_ctrl", ctypes.c_long, ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p),
        ("SSL_CTX_load_verify_locations", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p),
        ("SSL_CTX_set_verify", None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p),
        ("SSL_new", ctypes.c_void_p, ctypes.c_void_p),
        ("SSL_free", None, ctypes.c_void_p),
        ("SSL_set1_host", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p),
        ("SSL_set_fd", ctypes.c_int, ctypes.c_void_p, ctypes.c_int),
        ("SSL_connect", ctypes.c_int, ctypes.c_void_p),
        ("SSL_read", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int),
        ("SSL_write", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int),
        ("SSL_export_keying_material", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t,
         ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)):
    getattr(_ssl, _name).restype = _result
    getattr(_ssl, _name).argtypes = _arguments


class Bound:
    """A TLS connection to localhost; lines are bytes without CRLF."""

    def __init__(self, port, ca_file, version=TLS_1_3):
        # blocking, and SO_RCVTIMEO instead of settimeout(): libssl reads the descriptor itself
        self.sock = socket.create_connection(("localhost", port))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, (30).to_bytes(8, "little") + bytes(8))
        self.context = _ssl.SSL_CTX_new(_ssl.TLS_client_method())
        _ssl.SSL_CTX_ctrl(self.context, SET_MIN_VERSION, version, None)
        _ssl.SSL_CTX_ctrl(self.context, SET_MAX_VERSION, version, None)
        assert _ssl.SSL_CTX_load_verify_locations(self.context, ca_file.encode(), None) == 1
        _ssl.SSL_CTX_set_verify(self.context, VERIFY_PEER, None)
        self.ssl = _ssl.SSL_new(self.context)
        _ssl.SSL_set1_host(self.ssl, b"localhost")
        _ssl.SSL_set_fd(self.ssl, self.sock.fileno())
        assert _ssl.SSL_connect(self.ssl) == 1, "TLS handshake"
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _ssl.SSL_free(self.ssl)
        _ssl.SSL_CTX_free(self.context)
        self.sock.close()

    def binding(self):
        label, out = b"EXPORTER-Channel-Binding", ctypes.create_string_buffer(32)
        assert _ssl.SSL_export_keying_material(self.ssl, out, 32, label, len(label), None, 0, 0) == 1
        return out.raw

    def send(self, line):
        data = line + b"\r\n"
        assert _ssl.SSL_write(self.ssl, data, len(data)) == len(data)

    def line(self):
        while b"\r\n" not in self.unread:
            piece = ctypes.create_string_buffer(4096)
            got = _ssl.SSL_read(self.ssl, piece, 4096)
            assert got > 0, f"the connection ended behind {self.unread!r}"
            self.unread += piece.raw[:got]
        line, self.unread = self.unread.split(b"\r\n", 1)
        return line

    def ask(self, line):
        self.send(line)
        return self.line()


class Imap:
    """How SASL is carried: begin() and answer() give (challenge or None, the last line)."""

    def __init__(self, wire):
        self.wire = wire
        self.offers = wire.line().split(b"]")[0].split()        # of the greeting

    def offered(self):
        return {word[5:].decode() for word in self.offers if word.startswith(b"AUTH=")}

    def begin(self, mechanism, first):
        return self.read(self.wire.ask(b"a AUTHENTICATE " + mechanism.encode() + b" " + base64.b64encode(first)))

    def answer(self, text):
        return self.read(self.wire.ask(base64.b64encode(text)))

    def read(self, line):
        return (base64.b64decode(line[2:]), b"") if line.startswith(b"+ ") else (None, line)

    good, bad = b"a OK", b"a NO [AUTHENTICATIONFAILED]"


class Submission(Imap):
    def __init__(self, wire):
        self.wire = wire
        assert wire.line().startswith(b"220")
        lines = [wire.ask(b"EHLO client.test")]
        while lines[-1][3:4] == b"-":
            lines.append(wire.line())
        self.offers = next(line[4:].split()[1:] for line in lines if line[4:].startswith(b"AUTH "))

    def offered(self):
        return {word.decode() for word in self.offers}

    def begin(self, mechanism, first):
        return self.read(self.wire.ask(b"AUTH " + mechanism.encode() + b" " + base64.b64encode(first)))

    def read(self, line):
        return (base64.b64decode(line[4:]), b"") if line.startswith(b"334 ") else (None, line)

    good, bad = b"235", b"535"


def _hmac(key, text):
    return hmac.new(key, text, "sha256").digest()


class Scram:
    """One login: `header` is what the client says of binding, `binding` the bytes it then proves."""

    def __init__(self, user, password, header=b"n,,", binding=b""):
        self.password = password.encode()
        self.bound = base64.b64encode(header + binding)
        self.bare = b"n=" + user.encode() + b",r=" + base64.b64encode(os.urandom(18))
        self.first = header + self.bare

    def final(self, challenge):
        parts = dict(part.split(b"=", 1) for part in challenge.split(b","))
        self.salt, self.rounds = base64.b64decode(parts[b"s"]), int(parts[b"i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password, self.salt, self.rounds)
        key = _hmac(salted, b"Client Key")
        without_proof = b"c=" + self.bound + b",r=" + parts[b"r"]
        said = b",".join((self.bare, challenge, without_proof))
        self.server_signature = _hmac(_hmac(salted, b"Server Key"), said)
        signature = _hmac(hashlib.sha256(key).digest(), said)
        return without_proof + b",p=" + base64.b64encode(bytes(a ^ b for a, b in zip(key, signature)))

    def run(self, carrier, mechanism):
        """The protocol's last line; the server's signature is checked on the way."""
        challenge, line = carrier.begin(mechanism, self.first)
        if challenge is None:
            return line
        challenge, line = carrier.answer(self.final(challenge))
        if challenge is None:
            return line
        assert base64.b64decode(challenge.removeprefix(b"v=")) == self.server_signature
        return carrier.answer(b"")[1]
