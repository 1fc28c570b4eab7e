"""imapd as many clients meet it at once, in two processes on one store, and with much mail."""

import os
import re
import time

import pytest

from suite import wait_for

MESSAGE = "From: sender@far.test\r\nSubject: {subject}\r\n\r\nbody\r\n"
PUSH_SECONDS = 5


@pytest.fixture(scope="module")
def second(suite):
    return suite.start_second("imapd")


@pytest.fixture
def pair(suite, second):
    """(client of the first process, client of the second), both in alice's INBOX."""
    with suite.imap(suite.alice) as one, suite.imap(suite.alice, port=second.ports["IMAPS"]) as two:
        one.select()
        two.select()
        yield one, two


class Idle:
    """with Idle(client) as idle: idle.hears(rb"EXISTS")"""

    def __init__(self, client):
        self.client = client

    def __enter__(self):
        self.client.send(b"i1 IDLE\r\n")
        assert self.client.readline().startswith(b"+")
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.client.send(b"DONE\r\n")
            wait_for("the end of IDLE", lambda: self.client.readline().startswith(b"i1 OK"))

    def hears(self, pattern, seconds=PUSH_SECONDS):
        started = time.monotonic()
        while True:
            line = self.client.readline()
            assert line and time.monotonic() - started < seconds, f"no {pattern} in {seconds} s"
            if re.search(pattern, line):
                return line


def add(client, subject, mailbox="INBOX"):
    assert client.append(mailbox, None, None, MESSAGE.format(subject=subject).encode())[0] == "OK"


def test_push_across_processes(suite, pair):
    one, two = pair
    with Idle(one) as first, Idle(two) as other:
        suite.deliver([suite.alice], MESSAGE.format(subject="pushed"))
        assert first.hears(rb"\* \d+ EXISTS") == other.hears(rb"\* \d+ EXISTS")


def test_flags_and_expunges_across_processes(suite, pair):
    one, two = pair
    add(one, "flagged elsewhere")
    number = one.select()[1][0].decode()
    two.noop()
    with Idle(one) as idle:
        two.store(number, "+FLAGS", r"(\Flagged $New)")
        line = idle.hears(rb"FETCH")
        assert line.startswith(f"* {number} ".encode()) and rb"\Flagged" in line and rb"$New" in line
        two.store(number, "+FLAGS", r"(\Deleted)")
        two.expunge()
        assert idle.hears(rb"EXPUNGE").strip() == f"* {number} EXPUNGE".encode()


def test_replace_across_processes(suite, pair):
    """A draft that is saved again while the other process looks on, and one that the other has saved meanwhile."""
    one, two = pair
    add(one, "draft")
    one.select()
    uid = one.uid("SEARCH", "SUBJECT", "draft")[1][0].decode()
    two.noop()
    with Idle(two) as idle:
        one.literal = MESSAGE.format(subject="draft again").encode()
        assert one._simple_command("UID", "REPLACE", uid, "INBOX", r"(\Draft)")[0] == "OK"
        idle.hears(rb"EXPUNGE")
        idle.hears(rb"EXISTS")
    again = two.uid("SEARCH", "SUBJECT", "draft")[1][0].decode()
    assert int(again) > int(uid)
    two.literal = MESSAGE.format(subject="draft of two").encode()
    assert two._simple_command("UID", "REPLACE", again, "INBOX")[0] == "OK"
    one.literal = MESSAGE.format(subject="draft of one").encode()
    kind, answer = one._simple_command("UID", "REPLACE", again, "INBOX")
    assert kind == "NO" and answer[0].startswith(b"[EXPUNGEISSUED]")
    one.noop()
    assert one.uid("SEARCH", "SUBJECT", "draft")[1][0] == two.uid("SEARCH", "SUBJECT", "draft")[1][0]


def test_catenate_of_a_large_message(suite, pair):
    """Pieces of a message that lies in the blob store, by the other process, that does not have the mailbox open."""
    one, two = pair
    text = b"Subject: large\r\n\r\n" + b"".join(b"%070d\r\n" % i for i in range(30000))
    kind, answer = one.append("INBOX", None, None, text)
    assert kind == "OK"
    uid = re.search(rb"\[APPENDUID \d+ (\d+)\]", answer[0])[1].decode()
    two.unselect()
    ranges = [(0, 18), (1000000, 700000), (2159990, 100)]
    urls = " ".join(f'URL "/INBOX/;UID={uid}/;PARTIAL={start}.{count}"' for start, count in ranges)
    kind, answer = two._simple_command("APPEND", "INBOX", "CATENATE", f"({urls})")
    assert kind == "OK"
    made = re.search(rb"\[APPENDUID \d+ (\d+)\]", answer[0])[1].decode()
    one.noop()
    got = one.uid("FETCH", made, "(BODY.PEEK[])")[1][0][1]
    assert got == b"".join(text[start:start + count] for start, count in ranges)
    kind, answer = two._simple_command("APPEND", "INBOX", "CATENATE", f'({urls} URL "/INBOX/;UID={uid}0")')
    assert kind == "NO" and answer[0].startswith(b"[BADURL")


def test_noop_tells_what_idle_would(suite, pair):
    one, two = pair
    before = int(one.select()[1][0])
    add(two, "for the noop")
    one.noop()
    assert int(one.untagged_responses["EXISTS"][-1]) == before + 1


def test_both_processes_write_at_once(suite, pair):
    """UIDs are given once, and both see the same mailbox."""
    uids = set()
    for number in range(20):
        for client in pair:
            got = client.append("INBOX", None, None, MESSAGE.format(subject=f"at once {number}").encode())
            uids.add(re.search(rb"APPENDUID \d+ (\d+)", got[1][0])[1])
    assert len(uids) == 40
    seen = []
    for client in pair:
        client.noop()
        seen.append(client.fetch("1:*", "(UID INTERNALDATE MODSEQ)")[1])
    assert seen[0] == seen[1]


def test_a_mailbox_in_use_is_deleted(suite, second):
    """Whoever has it open hears of it, is not told lies, and can go on elsewhere."""
    with suite.imap(suite.alice) as other:
        other.create("Doomed")
        add(other, "gone", "Doomed")
        for port in (None, second.ports["IMAPS"]):
            user = suite.imap(suite.alice, port=port)
            user.select("Doomed")
            if port:
                other.delete("Doomed")
            else:
                other.create("Doomed2")
                other.rename("Doomed", "Moved")
                assert user.fetch("1", "(BODY[])")[0] == "OK", "a rename disturbs nobody"
                other.rename("Moved", "Doomed")
                user.logout()
                continue

            def is_told():
                try:
                    return user.noop()[0] != "OK" or user.fetch("1", "(FLAGS)")[0] != "OK"
                except user.abort as end:
                    return "BYE" in str(end) or "EOF" in str(end) or end
            assert wait_for("to be told", is_told, 10)
        assert other.select("INBOX")[0] == "OK" and other.select("Doomed")[0] == "NO"


def test_mailboxes_change_behind_a_process(pair):
    """It keeps their names; even so no mail is lost, none is refused for nothing, and it learns."""
    one, two = pair

    def append():
        kind, text = two.append("Kept", None, None, MESSAGE.format(subject="kept").encode())
        assert kind == "OK" or b"[TRYCREATE]" in text[0], text
        return kind == "OK"

    def count(mailbox):
        return int(re.search(rb"MESSAGES (\d+)", one.status(mailbox, "(MESSAGES)")[1][0])[1])

    add(one, "to copy")
    two.noop()
    assert not append()
    one.create("Kept")
    assert append() and append()
    one.delete("Kept")
    assert not append()
    one.create("Kept")
    assert append() and count("Kept") == 1
    assert two.copy("1", "Kept")[0] == "OK" and count("Kept") == 2
    one.delete("Kept")
    one.create("Kept")
    assert two.copy("1", "Kept")[0] == "OK" and two.select("Kept") == ("OK", [b"1"])
    one.rename("Kept", "Kept2")
    appended = 1
    started = time.monotonic()
    while append():     # which are in the renamed mailbox, as long as the second process has not heard
        appended += 1
        assert time.monotonic() - started < 15, "it never learns"
        time.sleep(0.05)
    assert count("Kept2") == appended
    one.delete("Kept2")


def cpu(daemon):
    """Seconds of processor time of all its threads."""
    fields = open(f"/proc/{daemon.process.pid}/stat", encoding="ascii").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_logins_are_cached(suite):
    """Argon2 is made to be dear: a mail program opens five connections and pays once. A wrong password always pays."""
    user, daemon = suite.user("cached"), suite.daemons["imapd"]

    def cost(count, password):
        before = cpu(daemon)
        for _ in range(count):
            with suite.imap() as client:
                try:
                    assert client.login(user, password)[0] == "OK" and password == suite.password
                except client.error:
                    assert password != suite.password
        return cpu(daemon) - before

    wrong = cost(3, "not that") / 3
    cost(1, suite.password)
    assert cost(5, suite.password) < wrong * 2
    suite.cli("user", "password", user, stdin="a new good password\n")
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        suite.imap(user)


def nested(depth):
    """A message in a message in a message..."""
    text = "Subject: the innermost\r\n\r\nneedle\r\n"
    for level in range(depth):
        text = f"From: a@far.test\r\nSubject: level {level}\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n{text}"
    return text


def multiparts(depth):
    text = "Content-Type: text/plain\r\n\r\nneedle\r\n"
    for level in range(depth):
        text = f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n{text}\r\n--b{level}--\r\n"
    return "From: far@far.test\r\nMIME-Version: 1.0\r\n" + text


@pytest.mark.parametrize("make", [nested, multiparts])
@pytest.mark.parametrize("depth", [10, 100, 1000])
def test_deep_nesting(suite, make, depth):
    """However deep, it is taken, shown whole, and described within bounds."""
    user = suite.alice
    text = make(depth)
    suite.deliver([user], text)
    with suite.imap(user) as client:
        number = client.select()[1][0].decode()
        whole = client.fetch(number, "(BODY.PEEK[])")[1][0][1]
        assert whole.endswith(text.encode())
        structure = client.fetch(number, "(BODYSTRUCTURE ENVELOPE)")[1]
        joined = b"".join(part if isinstance(part, bytes) else b"".join(part) for part in structure)
        assert joined.count(b"(") == joined.count(b")") and len(joined) < 100 * len(text) + 2000
        assert client.search(None, "SUBJECT", "level")[0] == "OK"
        if depth == 10:
            section = ".".join("1" * (depth + (make is nested))) if make is multiparts else "1." * depth + "TEXT"
            assert client.fetch(number, f"(BODY.PEEK[{section}])")[1][0][1].startswith(b"needle")
        assert client.noop()[0] == "OK"


def test_much_mail(suite):
    """Ten thousand messages, by a process that has not seen them before. Limits are wide: this machine may be busy."""
    count = 10000 if suite.stack == "embedded" else 1600        # whose store does some hundred operations a second
    user = suite.user("many")
    with suite.imap(user) as client:
        for number in range(count // 16):
            text = MESSAGE.format(subject=f"message {number} of many")
            client.append("INBOX", r"(\Seen)" if number % 5 else None, None, text.encode())
        client.select()
        for _ in range(4):
            assert client.copy("1:*", "INBOX")[0] == "OK"
            client.noop()
    assert suite.daemons["imapd"].stop() == 0
    suite.daemons["imapd"].start()
    steps = {
        "select": (2, lambda client: client.select() == ("OK", [str(count).encode()])),
        "flags": (2, lambda client: len(client.fetch("1:*", "(UID FLAGS)")[1]) == count),
        "search flags": (1, lambda client: len(client.search(None, "UNSEEN")[1][0].split()) == count // 5),
        "first screen": (2, lambda client: len(client.fetch(f"{count - 99}:*", "(ENVELOPE FLAGS RFC822.SIZE)")[1]) == 100),
        "all envelopes": (20, lambda client: len(client.fetch("1:*", "(ENVELOPE)")[1]) == count),
        "search subject": (20, lambda client: len(client.search(None, "SUBJECT", '"message 77 of"')[1][0].split()) == 16),
        "store": (5, lambda client: len(client.store("1:*", "+FLAGS", r"(\Flagged)")[1]) == count),
        "copy": (10, lambda client: client.copy("1:*", "Archive")[0] == "OK"),
        "delete": (5, lambda client: client.store("101:*", "+FLAGS.SILENT", r"(\Deleted)")[0] == "OK"),
        "expunge": (10, lambda client: len(client.expunge()[1]) == count - 100),
        "status": (1, lambda client: f"MESSAGES {count}".encode() in client.status("Archive", "(MESSAGES)")[1][0]),
    }
    with suite.imap(user) as client:
        for name, (seconds, step) in steps.items():
            started = time.monotonic()
            assert step(client), name
            took = time.monotonic() - started
            print(f"{name}: {took:.2f} s")
            assert took < seconds, f"{name} took {took:.1f} s"


UTF8_MESSAGE = "From: Jörg <jörg@exämple.test>\r\nSubject: Grüße\r\n\r\nüber alles\r\n".encode()


def test_utf8_and_rev2(suite, second):
    """What one process makes in UTF-8 the other tells in ASCII; IMAP4rev2 is between one client and its server."""
    with suite.imap(suite.alice) as new, suite.imap(suite.alice, port=second.ports["IMAPS"]) as old:
        assert new.create('"Gr&APYA3w-en/&ANw-bung"')[0] == "OK"
        # before ENABLE, since behind it imaplib wraps the literal's bytes, not the literal, in UTF8 ( )
        assert new.append('"Gr&APYA3w-en/&ANw-bung"', None, None, UTF8_MESSAGE)[0] == "OK"
        assert new.enable("UTF8=ACCEPT")[0] == "OK"
        assert new.enable("IMAP4rev2")[0] == "OK"
        assert new.create('"Größen"')[0] == "NO"
        assert new.status('"Größen/Übung"', "(MESSAGES SIZE DELETED)")[1] == [
            '"Größen/Übung" (MESSAGES 1 SIZE {} DELETED 0)'.format(len(UTF8_MESSAGE)).encode()
        ]
        assert new.select('"Gr&APYA3w-en/&ANw-bung"', readonly=True)[0] == "OK"
        assert new.untagged_responses.get("RECENT") is None
        assert new.uid("SEARCH", "SUBJECT", '"grüße"')[0] == "OK"
        assert new.response("ESEARCH")[1][0].endswith(b"UID ALL 1")
        envelope = new.fetch("1", "(ENVELOPE)")[1][0]
        assert "Grüße".encode() in envelope and "jörg".encode() in envelope

        assert old.select('"Gr&APYA3w-en/&ANw-bung"', readonly=True)[0] == "OK"
        envelope = old.fetch("1", "(ENVELOPE)")[1][0]
        assert envelope.isascii() and b"=?UTF-8?" in envelope
        assert old.fetch("1", "(BODY.PEEK[])")[1][0][1] == UTF8_MESSAGE
        assert any(b"&ANw-bung" in line for line in old.list()[1])
