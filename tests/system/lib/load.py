"""Mail load whose every acknowledgement is on record, and the count afterwards.

    load = Load(suite, [suite.alice, suite.bob])
    load.start()
    ...                     # kill what you like
    load.stop()
    load.check()            # each acknowledged message is there exactly once, and whole

Three kinds of clients: `smtp` (mail from elsewhere, often to both users), `append` (IMAP; some of it is moved on or
replaced at once), and, when there is a sink, `out` (submitted for another host). Every attempt has an id of its own, also
a retry: so a message that was stored twice cannot hide behind one that was sent twice. An attempt without an answer may
be there once or not at all; one whose MOVE had no answer may be in both mailboxes, for a while. Of a message and what was to REPLACE
it there is always one, never both.
"""

import collections
import contextlib
import hashlib
import imaplib
import random
import re
import secrets
import smtplib
import threading
import time

from suite import wait_for

FIELD = "X-Attempt"
FIND = re.compile(rb"^X-Attempt: ([0-9a-f]{32})\r$", re.M)
FIELDS = re.compile(rb"(?:[!-9;-~]+:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*")     # whole header fields, folded or not
FETCHED = re.compile(rb"\((?=.*\bUID (\d+))(?=.*\bRFC822\.SIZE (\d+))")
MOVED_TO = "Filed"
MOVE_SHARE = 0.3
FINISHED = 150                  # seconds: a mover is left alone for one minute, and looked for twice a minute
REPLACE_SHARE = 0.3


class Attempt:
    def __init__(self, kind, users, sender="sender@far.test"):
        self.id = secrets.token_hex(16)
        self.kind = kind
        self.users = users
        self.sender = sender
        self.text = self.make_text()    # until it is answered
        self.hash = hashlib.sha256(self.text).digest()
        self.acked = False
        self.moving = self.moved = False
        self.replacement = None
        self.seconds = 0.0              # to the answer

    def make_text(self):
        """Mostly small; some beyond what lies in the database itself, and of bytes that do not compress."""
        kind = random.random()
        lines = 1 if kind < 0.3 else 40 if kind < 0.95 else 1500
        body = "\r\n".join(secrets.token_hex(35) for _ in range(lines))
        return (f"{FIELD}: {self.id}\r\nFrom: Sender <{self.sender}>\r\nTo: <{self.users[0]}>\r\n"
                f"Subject: attempt {self.id}\r\nDate: Tue, 14 Jan 2025 10:11:12 +0000\r\n"
                f"Message-ID: <{self.id}@far.test>\r\n\r\n{body}\r\n").encode()


class Found:
    """What an account's mailboxes hold: how often each attempt is in each of them."""

    def __init__(self):
        self.inbox = collections.Counter()
        self.filed = collections.Counter()

    def __getitem__(self, one):
        return self.inbox[one] + self.filed[one]

    def ids(self):
        return self.inbox.keys() | self.filed.keys()


class Load:
    def __init__(self, suite, users, smtp=3, append=2, out=1, sink=None, pause=0.0):
        """`sink`: the host that takes what `out` sends."""
        self.suite = suite
        self.users = users
        self.pause = pause
        self.sink = sink
        self.attempts = {}
        self.flying = set()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.errors = collections.Counter()
        self.broken = []        # what no client should ever meet
        self.acks = collections.Counter()
        self.acked_out, self.gone_out = set(), set()
        self.looked_at = 0      # so many of the sink's messages
        plan = ((self.smtp_session, smtp), (self.append_session, append), (self.out_session, out if sink else 0))
        self.kinds = [name for name, count in (("smtp", smtp), ("append", append), ("out", out if sink else 0)) if count]
        self.threads = [threading.Thread(target=self.work, args=(run,), daemon=True)
                        for run, count in plan for _ in range(count)]

    def start(self):
        for user in self.users:
            with self.suite.imap(user) as client:
                client.create(MOVED_TO)
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a client hangs"

    @contextlib.contextmanager
    def attempt(self, *words):
        """One attempt, on record as under way until it has an answer or will have none."""
        attempt = Attempt(*words)
        start = time.monotonic()
        with self.lock:
            self.attempts[attempt.id] = attempt
            self.flying.add(attempt)
        try:
            yield attempt
        finally:
            attempt.seconds = time.monotonic() - start
            attempt.text = None
            with self.lock:
                self.flying.discard(attempt)

    def acknowledge(self, attempt):
        with self.lock:
            attempt.acked = True
            self.acks[attempt.kind] += 1
            if attempt.kind == "out":
                self.acked_out.add(attempt.id)

    @property
    def acked(self):
        with self.lock:
            return [attempt for attempt in self.attempts.values() if attempt.acked]

    def under_way(self, kinds):
        """How many attempts of these kinds wait for their answer now."""
        with self.lock:
            return sum(attempt.kind in kinds for attempt in self.flying)

    def to_go_out(self):
        """How many messages mta has still to bring to the sink."""
        if not self.sink:
            return 0
        for message in self.sink.messages[self.looked_at:]:
            self.looked_at += 1
            self.gone_out.add(FIND.search(message.data)[1].decode())
        with self.lock:
            return len(self.acked_out - self.gone_out)

    def wait_for_progress(self, seconds=60):
        """Until each kind of client has been acknowledged once more."""
        before = dict(self.acks)
        wait_for("every kind of client to be served", lambda: all(self.acks[kind] > before.get(kind, 0)
                                                                  for kind in self.kinds), seconds, pause=0.01)

    # ---- clients ----

    def work(self, session):
        """Sessions one after the other; what breaks one is no fault of the test's."""
        while not self.stopping.is_set():
            try:
                session()
            except (OSError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
                self.errors[type(error).__name__] += 1
                self.stopping.wait(0.05)
            except KeyError:  # the daemon is not there, and so has no port
                self.stopping.wait(0.05)
            except Exception as error:  # a thread that ended here would be load that nobody misses
                self.broken.append(error)
                raise

    def smtp_session(self):
        with self.suite.smtp() as client:
            client.ehlo()
            self.send_some(client, "smtp", lambda: random.choice([[user] for user in self.users] + [self.users]))

    def out_session(self):
        sender = random.choice(self.users)
        with self.suite.submission(sender) as client:
            self.send_some(client, "out", lambda: ["someone@far.test"], sender)

    def send_some(self, client, kind, choose, *sender):
        for _ in range(random.randint(1, 10)):
            if self.stopping.is_set():
                return
            with self.attempt(kind, choose(), *sender) as attempt:
                self.send(client, attempt)
            self.stopping.wait(self.pause)

    def send(self, client, attempt):
        codes = [client.mail(attempt.sender)[0], *(client.rcpt(user)[0] for user in attempt.users)]
        if any(code != 250 for code in codes):
            self.errors[f"RCPT {max(codes)}"] += 1
            client.rset()
            self.stopping.wait(0.05)
            return
        code, _ = client.data(attempt.text)
        if code == 250:
            self.acknowledge(attempt)
        else:
            self.errors[f"DATA {code}"] += 1

    def append_session(self):
        user = random.choice(self.users)
        client = self.suite.imap(user)
        try:
            client.select("INBOX")
            for _ in range(random.randint(1, 20)):
                if self.stopping.is_set():
                    return
                with self.attempt("append", [user]) as attempt:
                    self.append(client, attempt)
                self.stopping.wait(self.pause)
        finally:
            client.shutdown()

    def append(self, client, attempt):
        kind, answer = client.append("INBOX", None, None, attempt.text)
        if kind != "OK":
            self.errors[f"APPEND {kind} {answer[0].split()[0].decode()}"] += 1
            return
        self.acknowledge(attempt)
        uid = re.search(rb"\[APPENDUID \d+ (\d+)\]", answer[0])[1].decode()
        choice = random.random()
        if choice < MOVE_SHARE:
            attempt.moving = True
            kind, answer = client.uid("MOVE", uid, MOVED_TO)
            attempt.moved = kind == "OK"
            if kind != "OK":
                self.errors[f"MOVE {kind} {answer[0].split()[0].decode()}"] += 1
        elif choice < MOVE_SHARE + REPLACE_SHARE:
            with self.attempt("append", attempt.users) as attempt.replacement:
                self.replace(client, uid, attempt.replacement)

    def replace(self, client, uid, attempt):
        client.literal = attempt.text       # as imaplib's append() does it
        kind, answer = client._simple_command("UID", "REPLACE", uid, "INBOX")
        if kind == "OK":
            self.acknowledge(attempt)
        else:
            self.errors[f"REPLACE {kind} {answer[0].split()[0].decode()}"] += 1

    # ---- the count ----

    def found(self, user):
        """How often each attempt is in the account's mailboxes; what is there must be whole."""
        found = Found()
        with self.suite.imap(user) as client:
            names = [re.search(rb'(?:"([^"]*)"|(\S+))$', line) for line in client.list()[1]]
            for name in names:
                mailbox = (name.group(1) or name.group(2)).decode()
                times = found.filed if mailbox == MOVED_TO else found.inbox
                self.read_mailbox(client, mailbox, times)
        return found

    def read_mailbox(self, client, mailbox, times):
        kind, count = client.select(f'"{mailbox}"', readonly=True)
        assert kind == "OK", f"{mailbox}: {count}"
        total, newest = int(count[0]), 0
        for first in range(1, total + 1, 200):
            last = min(first + 199, total)
            parts = client.fetch(f"{first}:{last}", "(UID RFC822.SIZE ENVELOPE BODY.PEEK[])")[1]
            messages = [part for part in parts if isinstance(part, tuple)]
            assert len(messages) == last - first + 1, f"{mailbox} {first}:{last}: {len(messages)} bodies"
            for items, text in messages:
                uid, size = map(int, FETCHED.search(items).groups())
                assert uid > newest, f"{mailbox}: UID {uid} after {newest}"
                assert size == len(text), f"{mailbox} {uid}: size {size}, but {len(text)} bytes"
                newest = uid
                attempt = self.note(times, text)
                assert f"attempt {attempt.id}".encode() in items, f"{attempt.id} has another's envelope"

    def note(self, times, text):
        """smtpd and mta add fields above, and change nothing below; what was appended is as it came."""
        match = FIND.search(text)
        assert match, f"a message that nobody sent: {text[:300]}"
        attempt = self.attempts[match.group(1).decode()]
        above, below = text[:match.start()], text[match.start():]
        assert hashlib.sha256(below).digest() == attempt.hash, f"{attempt.id} ({attempt.kind}) came back changed"
        assert FIELDS.fullmatch(above) if attempt.kind != "append" else not above, f"{attempt.id} begins {above[:300]}"
        times[attempt.id] += 1
        return attempt

    def check(self, patience=60.0):
        """Mail that failed for one of several recipients for now comes by mta, so it may take a moment."""
        assert not self.broken, f"clients met what they do not know: {self.broken[:3]}"
        acked = self.acked
        assert acked, f"nothing was accepted at all: {dict(self.errors)}"
        end = time.monotonic() + patience
        wait_for("the queue to drain", lambda: self.is_drained(len(acked)), patience)
        here = [attempt for attempt in acked if attempt.kind != "out"]
        while True:
            found = {user: self.found(user) for user in self.users}
            lost = [(attempt.id, user) for attempt in here for user in attempt.users
                    if not found[user][attempt.id] and not (attempt.replacement and
                                                            found[user][attempt.replacement.id])]
            if not lost or time.monotonic() > end:
                break
            time.sleep(1)
        assert not lost, f"{len(lost)} of {len(acked)} acknowledged messages are gone: {lost[:5]}"
        self.check_accounts(found)
        if self.in_both:
            wait_for("cut moves to be finished", self.has_finished_moves, FINISHED, pause=5)
        if self.sink:
            self.check_sink([attempt for attempt in acked if attempt.kind == "out"])
        return len(acked)

    def is_drained(self, acked):
        """Entries are put before the content makes them count: whoever dies between leaves one that was never accepted.
        It is never attempted, and mta drops it when it is an hour old."""
        attempts = self.suite.queue()
        return not any(attempts) and len(attempts) <= len(self.attempts) - acked and self.to_go_out() <= 0

    def has_finished_moves(self):
        found = [self.found(user) for user in self.users]
        return not any(there.inbox[one] and there.filed[one] for there in found for one in there.ids())

    def check_accounts(self, found):
        here = [(user, self.attempts[one]) for user, there in found.items() for one in there.ids()]
        doubles = [(user, one.id, one.kind, found[user][one.id]) for user, one in here
                   if max(found[user].inbox[one.id], found[user].filed[one.id]) > 1 or
                   (found[user][one.id] > 1 and (not one.moving or one.moved))]
        assert not doubles, f"{len(doubles)} messages are there more than once: {doubles[:5]}"
        both = [(user, one.id) for user, one in here if one.replacement and
                (found[user][one.replacement.id] or one.replacement.acked)]
        assert not both, f"{len(both)} messages are there beside their replacement: {both[:5]}"
        self.in_both = sum(found[user][one.id] > 1 for user, one in here)
        strays = [(user, one.id) for user, one in here if user not in one.users]
        assert not strays, f"messages are in the wrong account: {strays[:5]}"
        lagging = [one.id for user, one in here if one.moved and not found[user].filed[one.id]]
        assert not lagging, f"{len(lagging)} messages are not where they were moved: {lagging[:5]}"

    def check_sink(self, acked):
        """At least once: a host that took a message and was not heard any more gets it again."""
        times = collections.Counter()
        for message in list(self.sink.messages):
            self.note(times, message.data)
        lost = [attempt.id for attempt in acked if not times[attempt.id]]
        assert not lost, f"{len(lost)} of {len(acked)} submitted messages never went out: {lost[:5]}"
        self.sent_again = sum(n - 1 for n in times.values())
