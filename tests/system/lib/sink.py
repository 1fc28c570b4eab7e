"""An SMTP server of another host, for tests: takes mail, remembers it, and answers as it is told.

    with Sink() as sink:                                # mta's port is sink.port, or its smart_host sink.address
        sink.answers["RCPT"] = ["450 4.2.0 Later"]      # once, then it is friendly again
        sink.refused["nobody@far.test"] = "550 5.1.1 Nobody"
        ...
        assert sink.messages[0].recipients == ["x@far.test"]
        assert sink.count(b"some text") == 1

A verb of `answers` is a command, "GREETING", or "." for the end of DATA; an answer "CLOSE" hangs up.
"""

import contextlib
import dataclasses
import socket
import ssl
import threading
import time


@dataclasses.dataclass
class Received:
    sender: str             # MAIL's argument, whole
    recipients: list        # addresses
    parameters: list        # of RCPT, as text
    data: bytes
    helo: str
    tls: str                # "TLSv1.3" or ""
    at: float = dataclasses.field(default_factory=time.monotonic)


class Sink:
    def __init__(self, certificate=None):
        """`certificate`: (chain file, key file) makes it offer STARTTLS."""
        self.certificate = certificate
        self.answers = {}
        self.refused = {}
        self.extensions = ["PIPELINING", "SIZE 50000000", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8"]
        self.delay = 0.0            # before the answer to a whole message
        self.messages = []
        self.verbs = []             # every command, in order
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def forget(self):
        """Friendly again, with an empty memory."""
        with self.lock:
            self.answers, self.refused, self.messages, self.verbs = {}, {}, [], []
            self.delay = 0.0

    def to(self, recipient):
        """The messages a recipient has got."""
        with self.lock:
            return [message for message in self.messages if recipient in message.recipients]

    def count(self, text):
        """How many of the messages that came hold `text`."""
        with self.lock:
            return sum(text in message.data for message in self.messages)

    def answer(self, verb, friendly):
        with self.lock:
            scripted = self.answers.get(verb)
            return scripted.pop(0) if scripted else friendly

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with contextlib.suppress(OSError, EOFError), contextlib.closing(Conversation(self, sock)) as talk:
            talk.run()


class Conversation:
    """One connection to a sink."""

    def __init__(self, sink, sock):
        self.sink = sink
        self.take(sock)
        self.helo = self.tls = self.sender = ""
        self.recipients, self.parameters = [], []

    def take(self, sock):
        sock.settimeout(60)
        self.sock, self.reader = sock, sock.makefile("rb")

    def close(self):
        self.reader.close()
        self.sock.close()

    def say(self, text):
        if text == "CLOSE":
            raise EOFError
        self.sock.sendall(text.encode() + b"\r\n")
        return text[0] in "23"

    def line(self):
        line = self.reader.readline()
        if not line:
            raise EOFError
        return line.rstrip(b"\r\n").decode()

    def run(self):
        self.say(self.sink.answer("GREETING", "220 mx.far.test ready"))
        verb = ""
        while verb != "QUIT":
            verb, _, rest = self.line().partition(" ")
            verb = verb.upper()
            with self.sink.lock:
                self.sink.verbs.append(verb)
            getattr(self, f"on_{verb.lower()}", self.on_other)(verb, rest)

    def on_other(self, verb, _):
        self.say(self.sink.answer(verb, "221 2.0.0 Bye" if verb == "QUIT" else "250 2.0.0 OK"))

    def on_ehlo(self, verb, rest):
        self.helo = rest
        offered = ["mx.far.test", *self.sink.extensions] + (["STARTTLS"] if self.sink.certificate and not self.tls else [])
        friendly = "".join(f"250-{word}\r\n" for word in offered[:-1]) + f"250 {offered[-1]}"
        self.say(self.sink.answer(verb, friendly))

    def on_starttls(self, verb, _):
        if self.say(self.sink.answer(verb, "220 2.0.0 Go ahead")):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.sink.certificate)
            self.take(context.wrap_socket(self.sock, server_side=True))
            self.tls = self.sock.version()

    def on_rset(self, verb, _):
        self.recipients, self.parameters = [], []
        self.say(self.sink.answer(verb, "250 2.0.0 OK"))

    def on_mail(self, verb, rest):
        self.sender = rest
        self.recipients, self.parameters = [], []
        self.say(self.sink.answer(verb, "250 2.1.0 OK"))

    def on_rcpt(self, verb, rest):
        address, _, parameters = rest.partition(":")[2].partition(" ")
        address = address.strip("<>")
        if self.say(self.sink.refused.get(address) or self.sink.answer(verb, "250 2.1.5 OK")):
            self.recipients.append(address)
            self.parameters.append(parameters)

    def on_data(self, verb, _):
        if not self.recipients:
            self.say("503 5.5.1 No recipients")
        elif self.say(self.sink.answer(verb, "354 Go ahead")):
            lines = []
            while not lines or lines[-1] != b".\r\n":
                lines.append(self.reader.readline())
                if not lines[-1]:
                    raise EOFError
            data = b"".join(line[1:] if line.startswith(b".") else line for line in lines[:-1])
            threading.Event().wait(self.sink.delay)
            self.end(Received(self.sender, self.recipients, self.parameters, data, self.helo, self.tls))

    def end(self, message):
        reply = self.sink.answer(".", "250 2.0.0 Taken")
        if reply.startswith("2"):
            with self.sink.lock:
                self.sink.messages.append(message)
        self.say(reply)
