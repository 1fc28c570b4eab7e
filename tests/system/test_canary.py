"""P3: nothing readable at rest. Canaries are planted wherever text goes, then every file that was written is searched."""

import base64
import mmap
import pathlib
import random
import smtplib
import stat
import string
from email.message import EmailMessage

import pytest

from sink import Sink
from suite import wait_for

PLACES = ["subject", "sender", "sender name", "recipient name", "body", "html", "file name", "file", "folder", "renamed folder",
          "keyword", "search", "header search", "queued subject", "queued recipient", "queued body", "large", "appended",
          "annotation name", "annotation", "unknown recipient", "missing folder", "bad command", "reply of a host", "password"]


def make_canary():
    """Letters only: it is the same in headers, quoted-printable, JSON and modified UTF-7."""
    return "".join(random.choices(string.ascii_letters, k=28))


def disguises(text):
    """{how: bytes} of what a plain write of `text` may look like in a file."""
    raw = text.encode()
    found = {"plain": raw, "lower case": raw.lower(), "upper case": raw.upper(), "UTF-16": text.encode("utf-16-le"),
             "hex": raw.hex().encode(), "hexadecimal": raw.hex().upper().encode()}
    for skip in range(3):           # base64 of what comes before shifts it; the first and last digits depend on the neighbours
        digits = base64.b64encode(b"\0" * skip + raw)
        found[f"base64 at {skip}"] = digits[4 if skip else 0:len(raw) * 4 // 3 - 2]
    return found


class Canaries:
    def __init__(self):
        self.of = {place: make_canary() for place in PLACES}

    def __getitem__(self, place):
        return self.of[place]

    def found(self, folders):
        """What of them can be read in the files: a line each."""
        patterns = [(f"{place} ({how})", text) for place, canary in self.of.items() for how, text in disguises(canary).items()]
        return [f"{name} in {path}" for path in files(folders) for name in search(path, patterns)]


def files(folders):
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if not path.is_symlink() and path.exists() and stat.S_ISREG(path.stat().st_mode) and path.stat().st_size:
                yield path


def search(path, patterns):
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return [name for name, text in patterns if data.find(text) >= 0]
    except (FileNotFoundError, ValueError):     # it went, or became empty, meanwhile
        return []


def folders_of(suite):
    return [suite.dir, *(service.dir for service in suite.services.values())]


@pytest.fixture(scope="module")
def suite(new_suite):
    with Sink() as sink:
        suite = new_suite(MTA_PORT=sink.port, MTA_IPV6="no")
        suite.set_zone("far.test. MX 10 mx.far.test\nmx.far.test. A 127.0.0.1\n;!SERVFAIL away.test\n")
        suite.start()
        suite.alice = suite.user("alice")
        suite.sink = sink
        yield suite


@pytest.fixture(scope="module")
def canaries(suite):
    """Planted once, by everything that a user or a peer can do."""
    canaries = Canaries()
    receive(suite, canaries)
    submit(suite, canaries)
    use_imap(suite, canaries)
    return canaries


def receive(suite, canaries):
    message = EmailMessage()
    message["From"] = f'"{canaries["sender name"]}" <{canaries["sender"]}@far.test>'
    message["To"] = f'"{canaries["recipient name"]}" <{suite.alice}>'
    message["Subject"] = canaries["subject"]
    message.set_content(f"{canaries['body']}\n" * 20)
    message.add_alternative(f"<p>{canaries['html']}</p>", subtype="html")
    message.add_attachment(canaries["file"].encode() * 50, "application", "x-thing", filename=canaries["file name"] + ".bin")
    with suite.smtp() as client:
        client.send_message(message, f"{canaries['sender']}@far.test", [suite.alice])
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail(f"{canaries['sender']}@far.test", [f"{canaries['unknown recipient']}@example.test"], "")
        noise = "".join(f"{canaries['large']} {random.randbytes(30).hex()}\r\n" for _ in range(4000))
        client.sendmail("s@far.test", [suite.alice], f"From: s@far.test\r\nSubject: large\r\n\r\n{noise}")


def submit(suite, canaries):
    recipient = canaries["queued recipient"]
    suite.sink.refused[f"{recipient}@far.test"] = f"450 4.2.0 {canaries['reply of a host']}"
    with suite.submission(suite.alice) as client:
        for domain in ("away.test", "far.test"):
            client.sendmail(suite.alice, [f"{recipient}@{domain}"], f"From: {suite.alice}\r\nTo: {recipient}@{domain}\r\n"
                            f"Subject: {canaries['queued subject']}\r\n\r\n{canaries['queued body']}\r\n")
    wait_for("both to be deferred", lambda: suite.cli("queue", "list").count("1 attempts") == 2)
    assert canaries["reply of a host"] in suite.cli("queue", "list"), "it is kept, sealed"
    with smtplib.SMTP_SSL("localhost", suite.port("SUBMISSIONS"), context=suite.tls()) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(suite.alice, canaries["password"])


def use_imap(suite, canaries):
    with suite.imap(suite.alice) as client:
        assert client.create(f"{canaries['folder']}/inner")[0] == "OK"
        assert client.rename(f"{canaries['folder']}/inner", canaries["renamed folder"])[0] == "OK"
        annotation = f'(/private/vendor/{canaries["annotation name"]} "{canaries["annotation"]}")'
        assert client.xatom("SETMETADATA", "INBOX", annotation)[0] == "OK"
        assert client.select(canaries["missing folder"])[0] == "NO"
        text = f"Subject: x\r\n\r\n{canaries['appended']}\r\n"
        assert client.append(canaries["folder"], f"({canaries['keyword']})", None, text.encode())[0] == "OK"
        assert client.select()[0] == "OK"
        assert client.store("1", "+FLAGS", rf"({canaries['keyword']}2 \Flagged)")[0] == "OK"
        assert client.search(None, "TEXT", canaries["search"])[1] == [b""]
        assert client.search(None, "SUBJECT", canaries["subject"], "BODY", canaries["body"])[1] == [b"1"]
        assert client.search(None, "HEADER", canaries["header search"], canaries["header search"])[1] == [b""]
        assert client.copy("1:*", canaries["renamed folder"])[0] == "OK"
        assert client.fetch("1:*", "(ENVELOPE BODYSTRUCTURE BODY[])")[0] == "OK"
        with pytest.raises(client.error):
            client.xatom(canaries["bad command"], canaries["bad command"])
        with pytest.raises(client.error):
            client.fetch("1", f"({canaries['bad command']})")
        assert client.select("Outbox")[1] == [b"2"]
        assert canaries["queued body"].encode() in client.fetch("1", "(ENVELOPE FLAGS BODY.PEEK[])")[1][0][1]
        assert client.copy("1", canaries["renamed folder"])[0] == "OK"
    fill_the_cache(suite, canaries["renamed folder"])


def fill_the_cache(suite, mailbox):
    """So many messages that imapd keeps a file of the mailbox."""
    with suite.imap(suite.alice) as client:
        while int(client.select(mailbox)[1][0]) < 256:
            assert client.copy("1:*", mailbox)[0] == "OK"
        wait_for("the cache file", lambda: any(size > 1000 for size in cache_sizes(suite)), 30)


def cache_sizes(suite):
    return [path.stat().st_size for path in suite.dir.rglob("*.view")]


def test_nothing_is_readable_while_it_runs(suite, canaries):
    assert canaries.found(folders_of(suite)) == []


def test_nothing_is_readable_behind_it(suite, canaries):
    """Caches are written, write-ahead logs go into their databases."""
    for daemon in suite.daemons.values():
        assert daemon.stop() == 0
    assert canaries.found(folders_of(suite)) == []


@pytest.mark.parametrize("disguise", disguises(""))
def test_the_search_finds_what_is_there(suite, canaries, disguise, tmp_path):
    """The control: each disguise, in the folder that was searched."""
    path = suite.dir / "keys" / "planted"
    path.write_bytes(b"\0" * 5000 + b"..." + disguises(canaries["subject"])[disguise] + b"...")
    try:
        assert any(f"subject ({disguise})" in line for line in canaries.found([suite.dir]))
    finally:
        path.unlink()


def test_the_search_reaches_the_store(suite, canaries):
    """What is in clear on purpose, an account's address, is found where the mail is."""
    folder, name = (suite.services["mongo"].dir / "data", "*") if suite.stack == "cluster" else (suite.dir, "store.sqlite")
    found = [path for path in files([folder]) if path.match(name) and search(path, [("it", suite.alice.encode())])]
    assert found, "an address is not found either: are the files packed?"
