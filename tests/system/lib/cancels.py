"""Submitting and cancelling in the Outbox while daemons die, with every answer on record.

A host that puts off half of what it is offered keeps messages on the queue for some seconds: time enough to cancel
them. At the end nothing that was called cancelled has gone out since, and everything else has.
"""

import collections
import imaplib
import random
import re
import secrets
import smtplib
import threading
import time

from sink import Sink
from suite import wait_for

FIELD = re.compile(rb"^X-Cancel: ([0-9a-f]{16})\r$", re.M)
PATIENCE = 60
DOMAINS = ["far.test", "away.test"]


class MoodySink(Sink):
    """Puts off what it likes while it is moody; notes when it took what."""

    moody = True

    def __init__(self):
        super().__init__()
        self.refused = self
        self.taken = collections.defaultdict(list)      # (id, recipient): when
        self.chance = random.Random()

    def get(self, _address):
        return "450 4.2.0 Not now" if self.moody and self.chance.random() < 0.6 else None

    def note(self):
        """What came since the last call, by id and recipient."""
        with self.lock:
            came, self.messages = self.messages, []
        for message in came:
            one = FIELD.search(message.data)[1].decode()
            for recipient in message.recipients:
                self.taken[one, recipient].append(message.at)


class Cancels:
    def __init__(self, suite, user, sink, submitters=2, cancellers=2):
        self.suite, self.user, self.sink = suite, user, sink
        self.lock = threading.Lock()
        self.recipients = {}        # id: list, of what was acknowledged
        self.cancelled = {}         # id: when that was acknowledged
        self.unknown = collections.Counter()    # id: tries without an answer yet, or without one that tells
        self.refused = collections.Counter()
        self.kept = set()           # NO [INUSE]
        self.moved = set()
        self.deaths = []            # when
        self.errors = collections.Counter()
        self.broken = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(run,), daemon=True)
                        for run, n in ((self.submit, submitters), (self.cancel, cancellers)) for _ in range(n)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a client hangs"
        assert not self.broken, self.broken

    def work(self, session):
        while not self.stopping.is_set():
            try:
                session()
            except (OSError, smtplib.SMTPException, imaplib.IMAP4.error, KeyError) as error:
                self.errors[type(error).__name__] += 1
                self.stopping.wait(0.05)
            except Exception as error:
                self.broken.append(error)
                raise

    # ---- clients ----

    def submit(self):
        with self.suite.submission(self.user) as client:
            for _ in range(random.randint(1, 5)):
                one = secrets.token_hex(8)
                to = [f"{one}@{domain}" for domain in random.sample(DOMAINS, random.choice([1, 1, 2]))]
                client.mail(self.user)
                if any(client.rcpt(address)[0] != 250 for address in to):
                    client.rset()
                    continue
                text = f"X-Cancel: {one}\r\nFrom: <{self.user}>\r\nSubject: {one}\r\n\r\n{secrets.token_hex(200)}\r\n"
                if client.data(text.encode())[0] == 250:
                    with self.lock:
                        self.recipients[one] = to
                self.stopping.wait(0.05)

    def cancel(self):
        client = self.suite.imap(self.user)
        try:
            client.enable("QRESYNC")
            for _ in range(random.randint(1, 8)):
                kind, answer = client.select("Outbox")
                if kind != "OK":
                    self.errors[f"SELECT {answer[0][:12]}"] += 1
                    return
                self.cancel_one(client)
        finally:
            client.shutdown()

    def cancel_one(self, client):
        _, got = client.uid("FETCH", "1:*", "(UID BODY.PEEK[HEADER.FIELDS (X-CANCEL)])")
        there = [(re.search(rb"UID (\d+)", part[0])[1].decode(), FIELD.search(part[1])[1].decode())
                 for part in got or [] if isinstance(part, tuple)]
        if not there or self.stopping.is_set():
            self.stopping.wait(0.05)
            return
        uid, one = random.choice(there)
        with self.lock:
            self.unknown[one] += 1      # until there is an answer; another client may be at the same message
        way = random.choice([self.by_expunge, self.by_move])
        verdict = way(client, uid, one)
        with self.lock:
            if verdict == "cancelled":
                self.cancelled.setdefault(one, time.monotonic())
            elif verdict == "kept":
                self.kept.add(one)
            if verdict != "unknown":
                self.unknown[one] -= 1

    def by_expunge(self, client, uid, _one):
        kind, _ = client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
        if kind != "OK":
            return "kept"
        client.untagged_responses.clear()
        kind, answer = client.uid("EXPUNGE", uid)
        gone = uid in numbers(client.untagged_responses.get("VANISHED", []))
        return self.verdict(kind, answer, gone)

    def by_move(self, client, uid, one):
        client.untagged_responses.clear()
        kind, answer = client.uid("MOVE", uid, "Trash")
        copied = [numbers([words.split()[1]]) for words in client.untagged_responses.get("COPYUID", [])]
        verdict = self.verdict(kind, answer, any(uid in uids for uids in copied))
        if verdict == "cancelled":
            with self.lock:
                self.moved.add(one)
        return verdict

    def verdict(self, kind, answer, gone):
        if kind == "OK":
            return "cancelled" if gone else "unknown"
        code = (answer[0] or b"").split(b"]")[0]
        with self.lock:
            self.refused[code] += 1
        return "kept" if code == b"[INUSE" else "unknown"

    # ---- the count ----

    def check(self):
        self.sink.moody = False
        wait_for("the queue to drain", lambda: not any(self.suite.queue()), 90, pause=0.5)
        end = time.monotonic() + PATIENCE
        while self.lost() and time.monotonic() < end:       # put off by an imapd that died over it
            time.sleep(0.5)
        late = [(one, to, when, self.sink.taken[one, to]) for one, when in self.cancelled.items()
                for to in self.recipients.get(one, []) if any(self.is_late(one, at, when) for at in self.sink.taken[one, to])]
        assert not late, f"{len(late)} of {len(self.cancelled)} were sent though their cancelling was acknowledged: {late[:5]}"
        lost = self.lost()
        assert not lost, f"{len(lost)} of {len(self.recipients)} were neither sent nor cancelled: {lost[:5]}"
        self.check_mailboxes()

    def is_late(self, one, taken, cancelled):
        """Never behind it. Before it only to another domain, or when whoever would have written it down died over it: then it is
        on the queue, tried again, and cancelled for all that anybody knows."""
        died = any(taken - 1 < death < cancelled for death in self.deaths)
        return taken > cancelled or (len(self.recipients[one]) == 1 and not died)

    def lost(self):
        self.sink.note()
        return [(one, to) for one, all_to in self.recipients.items() for to in all_to
                if one not in self.cancelled and not self.unknown[one] and not self.sink.taken[one, to]]

    def check_mailboxes(self):
        with self.suite.imap(self.user) as client:
            assert client.select("Outbox", readonly=True)[1] == [b"0"], "the Outbox shows what is not queued"
            count = int(client.select("Trash", readonly=True)[1][0])
            got = client.fetch("1:*", "(BODY.PEEK[])")[1] if count else []
        trash = {FIELD.search(part[1])[1].decode() for part in got if isinstance(part, tuple)}
        assert not self.moved - trash, f"moved, and gone: {list(self.moved - trash)[:5]}"

    def summary(self):
        return (f"{len(self.recipients)} submitted, {len(self.cancelled)} cancelled ({len(self.moved)} by MOVE), {len(self.kept)} refused "
                f"with INUSE, {len(+self.unknown)} without a word; refusals {dict(self.refused)}, errors {dict(self.errors)}")


def cancel_rounds(suite, user, sink, rounds, services=(), report=print):
    """Kills daemons, and services that the stack stands on, one after the other, while `user` submits and cancels."""
    victims = [suite.daemons[name] for name in ("mta", "imapd", "smtpd")]
    victims += [suite.services[name] for name in services if name in suite.services]
    cancels = Cancels(suite, user, sink).start()
    try:
        for number in range(rounds):
            time.sleep(random.uniform(0.5, 2))
            victims[number % len(victims)].kill9()
            cancels.deaths.append(time.monotonic())
            victims[number % len(victims)].start()
        time.sleep(2)
    finally:
        cancels.stop()
    report(cancels.summary())
    cancels.check()
    return cancels


def numbers(words):
    """The numbers of UID sets, as text."""
    found = set()
    for text in words:
        for part in (text or b"").decode().replace("(EARLIER)", "").strip().split(","):
            first, _, last = part.partition(":")
            if first:
                found |= {str(n) for n in range(int(first), int(last or first) + 1)}
    return found
