"""Mail load whose every acknowledgement is on record, and the count afterwards.

    load = Load(suite, [suite.alice, suite.bob])
    load.start()
    ...                     # kill what you like
    load.stop()
    load.check()            # each acknowledged message is there exactly once, and whole

Every attempt has an id of its own, also a retry: so a message that was stored twice cannot hide behind one that was
sent twice. An attempt without an answer may be there once or not at all.
"""

import collections
import hashlib
import imaplib
import random
import re
import secrets
import smtplib
import threading
import time

FIELD = "X-Attempt"
FIND = re.compile(rb"^X-Attempt: ([0-9a-f]{32})\r$", re.M)


class Attempt:
    def __init__(self, users):
        self.id = secrets.token_hex(16)
        self.users = users
        self.text = self.make_text()
        self.hash = hashlib.sha256(self.text).digest()
        self.acked = False
        self.seconds = 0.0  # to the answer

    def make_text(self):
        """Mostly small; some beyond what lies in the database itself, and of bytes that do not compress."""
        kind = random.random()
        lines = 1 if kind < 0.3 else 40 if kind < 0.95 else 1500
        body = "\r\n".join(secrets.token_hex(35) for _ in range(lines))
        return (f"{FIELD}: {self.id}\r\nFrom: Sender <sender@far.test>\r\nTo: <{self.users[0]}>\r\n"
                f"Subject: attempt {self.id}\r\nDate: Tue, 14 Jan 2025 10:11:12 +0000\r\n"
                f"Message-ID: <{self.id}@far.test>\r\n\r\n{body}\r\n").encode()


class Load:
    def __init__(self, suite, users, smtp=3, append=2, pause=0.0):
        self.suite = suite
        self.users = users
        self.pause = pause
        self.attempts = {}
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.errors = collections.Counter()
        self.threads = [threading.Thread(target=self.work, args=(run,), daemon=True)
                        for run, count in ((self.smtp_session, smtp), (self.append_session, append)) for _ in range(count)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a client hangs"

    def begin(self, users):
        attempt = Attempt(users)
        with self.lock:
            self.attempts[attempt.id] = attempt
        return attempt

    def acknowledged(self, attempt, start):
        attempt.seconds = time.monotonic() - start
        attempt.acked = True

    @property
    def acked(self):
        with self.lock:
            return [attempt for attempt in self.attempts.values() if attempt.acked]

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

    def smtp_session(self):
        with self.suite.smtp() as client:
            client.ehlo()
            for _ in range(random.randint(1, 10)):
                if self.stopping.is_set():
                    return
                users = random.choice([[user] for user in self.users] + [self.users])
                attempt = self.begin(users)
                start = time.monotonic()
                client.mail("sender@far.test")
                codes = [client.rcpt(user)[0] for user in users]
                if any(code != 250 for code in codes):
                    self.errors[f"RCPT {max(codes)}"] += 1
                    client.rset()
                    continue
                code, _ = client.data(attempt.text)
                if code == 250:
                    self.acknowledged(attempt, start)
                else:
                    self.errors[f"DATA {code}"] += 1
                self.stopping.wait(self.pause)

    def append_session(self):
        user = random.choice(self.users)
        client = self.suite.imap(user)
        try:
            for _ in range(random.randint(1, 20)):
                if self.stopping.is_set():
                    return
                attempt = self.begin([user])
                start = time.monotonic()
                kind, answer = client.append("INBOX", None, None, attempt.text)
                if kind == "OK":
                    self.acknowledged(attempt, start)
                else:
                    self.errors[f"APPEND {kind} {answer[0].split()[0].decode()}"] += 1
                self.stopping.wait(self.pause)
        finally:
            client.shutdown()

    # ---- the count ----

    def found(self, user):
        """How often each attempt is in the account's mailboxes; what is there must be whole."""
        times = collections.Counter()
        with self.suite.imap(user) as client:
            names = [re.search(rb'(?:"([^"]*)"|(\S+))$', line) for line in client.list()[1]]
            for name in names:
                mailbox = (name.group(1) or name.group(2)).decode()
                kind, count = client.select(f'"{mailbox}"', readonly=True)
                assert kind == "OK", f"{mailbox}: {count}"
                total = int(count[0])
                for first in range(1, total + 1, 200):
                    last = min(first + 199, total)
                    parts = client.fetch(f"{first}:{last}", "(BODY.PEEK[])")[1]
                    texts = [part[1] for part in parts if isinstance(part, tuple)]
                    assert len(texts) == last - first + 1, f"{mailbox} {first}:{last}: {len(texts)} bodies"
                    for text in texts:
                        self.note(times, text)
        return times

    def note(self, times, text):
        """The servers add fields above, and change nothing below."""
        match = FIND.search(text)
        if not match:
            return
        attempt = self.attempts[match.group(1).decode()]
        assert hashlib.sha256(text[match.start():]).digest() == attempt.hash, f"{attempt.id} came back changed"
        times[attempt.id] += 1

    def missing(self, counts):
        return [(attempt.id, user) for attempt in self.acked for user in attempt.users if not counts[user][attempt.id]]

    def check(self, patience=60.0):
        """Mail that failed for one of several recipients for now comes by mta, so it may take a moment."""
        end = time.monotonic() + patience
        while True:
            counts = {user: self.found(user) for user in self.users}
            lost = self.missing(counts)
            if not lost or time.monotonic() > end:
                break
            time.sleep(1)
        acked = len(self.acked)
        assert acked, f"nothing was accepted at all: {dict(self.errors)}"
        assert not lost, f"{len(lost)} of {acked} acknowledged messages are gone: {lost[:5]}"
        doubles = [(user, one, n) for user, times in counts.items() for one, n in times.items() if n > 1]
        assert not doubles, f"{len(doubles)} messages are there more than once: {doubles[:5]}"
        strays = [(user, one) for user, times in counts.items() for one in times if user not in self.attempts[one].users]
        assert not strays, f"messages are in the wrong account: {strays[:5]}"
        return acked
