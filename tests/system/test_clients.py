"""Programs that people use: swaks, mbsync, mutt, offlineimap, imapfilter, Python's imaplib. Each with a configuration and a
home of its own."""

import contextlib
import email
import email.policy
import imaplib
import os
import pty
import re
import subprocess
import threading
import time

import pytest

from suite import wait_for

MESSAGE = "From: {who} <{who}@far.test>\r\nTo: alice@example.test\r\nSubject: {subject}\r\nMessage-ID: <{id}@far.test>\r\n\r\n{text}\r\n"
MAILDIR_FLAGS = {"S": "\\Seen", "R": "\\Answered", "F": "\\Flagged", "D": "\\Draft", "T": "\\Deleted"}


def run(home, *command, text="", timeout=240):
    """A program in its own home; its output. It must succeed."""
    got = subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True, timeout=timeout,
                         cwd=home, env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"})
    assert got.returncode == 0, f"{command}: {got.returncode}\n{got.stdout[-3000:]}\n{got.stderr[-3000:]}"
    return got.stdout + got.stderr


def on_terminal(home, *command, timeout=60):
    """A program that wants a terminal; what it wrote there. It must succeed."""
    controller, terminal = pty.openpty()
    screen = bytearray()

    def read():
        with contextlib.suppress(OSError):      # the terminal is closed
            while True:
                screen.extend(os.read(controller, 4096))

    process = subprocess.Popen([str(word) for word in command], stdin=terminal, stdout=terminal, stderr=terminal, cwd=home,
                               env={"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "vt100", "LANG": "C.UTF-8"})
    os.close(terminal)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        code = "it waits"
        process.kill()
        process.wait()
    reader.join()
    os.close(controller)
    assert code == 0, f"{command}: {code}\n{screen[-2000:].decode(errors='replace')}"
    return screen.decode(errors="replace")


def subjects(suite, user, mailbox="INBOX"):
    with suite.imap(user) as client:
        if client.select(f'"{mailbox}"', readonly=True)[0] != "OK":
            return []
        found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return [email.message_from_bytes(part[1])["Subject"] for part in found if isinstance(part, tuple)]


# ---- swaks ----


def test_swaks_to_the_mx_port(suite, tmp_path):
    run(tmp_path, "swaks", "--server", "127.0.0.1", "--port", suite.port("SMTP"), "--from", "s@far.test",
        "--to", f"{suite.alice},{suite.bob}", "--h-Subject", "swaks in", "--attach", "@/bin/true")
    for user in (suite.alice, suite.bob):
        assert "swaks in" in subjects(suite, user)


@pytest.mark.parametrize("port, tls", [("SUBMISSION", "--tls"), ("SUBMISSIONS", "--tls-on-connect")])
def test_swaks_submits(suite, tmp_path, port, tls):
    run(tmp_path, "swaks", "--server", "localhost", "--port", suite.port(port), tls, "--tls-verify",
        "--tls-ca-path", suite.ca_file, "--auth", "PLAIN", "--auth-user", suite.alice, "--auth-password", suite.password,
        "--from", suite.alice, "--to", suite.bob, "--h-Subject", f"swaks by {port}")
    assert f"swaks by {port}" in subjects(suite, suite.bob)


# ---- mbsync ----


MAILBOXES = ["INBOX", "Work/Deep", "Archive", "Sent", "Drafts"]


class Synced:
    """An account and a Maildir that mbsync keeps the same."""

    def __init__(self, suite, user, home):
        self.suite, self.user, self.home = suite, user, home
        self.maildir = home / "Maildir"
        self.maildir.mkdir()
        self.conf = home / "mbsyncrc"
        self.conf.write_text(
            f"IMAPAccount it\nHost localhost\nPort {suite.port('IMAPS')}\nUser {user}\nPass \"{suite.password}\"\n"
            f"SSLType IMAPS\nSystemCertificates no\nCertificateFile {suite.ca_file}\nAuthMechs LOGIN\n\n"
            "IMAPStore far\nAccount it\n\n"
            f"MaildirStore near\nPath {self.maildir}/\nInbox {self.maildir}/INBOX\nSubFolders Verbatim\n\n"
            "Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSync All\nSyncState *\n")

    def sync(self):
        """mbsync's own counts, of the far and the near side: messages added, flags changed, messages trashed."""
        text = on_terminal(self.home, "mbsync", "--config", self.conf, "--all", timeout=240)
        found = re.findall(r"([FN]): \+(\d+)/\d+ \*(\d+)/\d+ #(\d+)/\d+", text)
        return {side: tuple(int(number) for number in numbers) for side, *numbers in found}

    def near(self):
        """{(mailbox, message id): flags} of the Maildir."""
        found = {}
        for mailbox in MAILBOXES:
            for path in self.files(mailbox):
                name = email.message_from_bytes(path.read_bytes())["Message-ID"]
                assert (mailbox, name) not in found, "twice in the Maildir"
                found[mailbox, name] = {MAILDIR_FLAGS[letter] for letter in path.name.partition(":2,")[2]}
        return found

    def far(self):
        """{(mailbox, message id): flags} of the account."""
        found = {}
        with self.suite.imap(self.user) as client:
            for mailbox in MAILBOXES:
                client.select(mailbox, readonly=True)
                for part in client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
                    if isinstance(part, tuple):
                        name = email.message_from_bytes(part[1])["Message-ID"]
                        assert (mailbox, name) not in found, "twice in the account"
                        found[mailbox, name] = {flag.decode() for flag in imaplib.ParseFlags(part[0])} - {"\\Recent"}
        return found

    def state(self):
        """What changes with any change: files with their times, and the account's counters."""
        files = {str(path): path.stat().st_mtime_ns for mailbox in MAILBOXES for path in self.files(mailbox)}
        with self.suite.imap(self.user) as client:
            names = sorted(line.split(b' "/" ')[1].decode() for line in client.list()[1])
            return files, [client.status(name, "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)") for name in names]

    def files(self, mailbox):
        return [path for part in ("cur", "new") for path in (self.maildir / mailbox / part).iterdir()]

    def find(self, mailbox, name):
        return next(path for path in self.files(mailbox) if f"Message-ID: <{name}@far.test>" in path.read_text())

    def add_near(self, mailbox, number, flags=""):
        text = MESSAGE.format(who="near", subject=f"near {number}", id=f"near{number}", text="x" * 200)
        (self.maildir / mailbox / "cur" / f"{number}.test:2,{flags}").write_text(text.replace("\r\n", "\n"))


def test_mbsync_keeps_both_sides_the_same(suite, tmp_path):
    count = 250 if suite.stack == "embedded" else 75        # of each side; that store does some hundred operations a second
    it = Synced(suite, suite.user("synced"), tmp_path)
    with suite.imap(it.user) as client:
        client.create("Work/Deep")
        for number in range(count):
            text = MESSAGE.format(who="far", subject=f"far {number}", id=f"far{number}", text="y" * (number * 20))
            flags = [r"(\Seen)", r"(\Flagged \Answered)", "()"][number % 3]
            assert client.append(MAILBOXES[number % 5], flags, None, text.encode())[0] == "OK"
    assert it.sync() == {"F": (0, 0, 0), "N": (count, 0, 0)}
    for number in range(count):
        it.add_near(MAILBOXES[number % 5], number, "FS" if number % 2 else "")
    assert it.sync() == {"F": (count, 0, 0), "N": (0, 0, 0)}
    assert it.near() == it.far() and len(it.far()) == 2 * count
    assert it.far()["Work/Deep", "<near1@far.test>"] == {"\\Flagged", "\\Seen"}
    assert it.near()["Work/Deep", "<far1@far.test>"] == {"\\Flagged", "\\Answered"}

    with suite.imap(it.user) as client:         # changes on both sides at once
        client.select()
        client.store("1:5", "+FLAGS.SILENT", r"(\Draft)")
        client.store("6:9", "-FLAGS.SILENT", r"(\Seen \Flagged \Answered)")
        client.store("10", "+FLAGS.SILENT", r"(\Deleted)")
        client.expunge()
    answered = it.find("INBOX", "far50")
    answered.rename(answered.with_name(answered.name.partition(":2,")[0] + ":2,R"))
    it.find("Archive", "near7").unlink()
    it.add_near("Sent", 900, "F")
    it.sync()
    assert it.near() == it.far() and len(it.far()) == 2 * count - 1
    assert it.far()["INBOX", "<far50@far.test>"] == {"\\Answered"} and ("Archive", "<near7@far.test>") not in it.far()
    assert sum("\\Draft" in flags for flags in it.near().values()) == 5

    before = it.state()
    counts = it.sync()
    assert it.state() == before, "a run without changes changed something"
    assert counts == {"F": (0, 0, 0), "N": (0, 0, 0)}


# ---- mutt ----


class Mutt:
    def __init__(self, suite, user, home):
        self.home = home
        self.rc = home / "muttrc"
        self.rc.write_text(
            f'set from="{user}" use_from=yes use_envelope_from=yes realname="Test"\n'
            f'set imap_user="{user}" imap_pass="{suite.password}" smtp_pass="{suite.password}"\n'
            f'set folder="imaps://localhost:{suite.port("IMAPS")}/" spoolfile="+INBOX" record="+Sent" postponed="+Drafts"\n'
            f'set smtp_url="smtp://{user.replace("@", "%40")}@localhost:{suite.port("SUBMISSION")}/"\n'
            f'set ssl_ca_certificates_file="{suite.ca_file}" certificate_file="{home}/certs"\n'
            "set ssl_starttls=yes ssl_force_tls=yes imap_idle=no\n"
            "set confirmappend=no confirmcreate=no delete=yes quit=yes pager=builtin pipe_decode=yes wait_key=no\n"
            "set mark_old=no sleep_time=0 abort_unmodified=no\n")

    def keys(self, keys):
        """These keys pushed; mutt has to leave by itself behind them."""
        on_terminal(self.home, "mutt", "-n", "-F", self.rc, "-e", f'push "{keys}<quit>"')


def test_mutt_reads_copies_deletes(suite, tmp_path):
    user = suite.user("mutt")
    mutt = Mutt(suite, user, tmp_path)
    for number in range(5):
        suite.deliver([user], MESSAGE.format(who="far", subject=f"mutt {number}", id=f"m{number}", text=f"text {number}"))
    listing = tmp_path / "listing"
    mutt.keys(f"<tag-pattern>~A<enter><tag-prefix><pipe-message>cat > {listing}<enter>")
    assert [f"text {number}" in listing.read_text() for number in range(5)] == [True] * 5
    mutt.keys("<limit>~s'mutt 3'<enter><display-message><exit>"
              "<copy-message>=Saved<enter><limit>all<enter><delete-pattern>~s'mutt 1'<enter><sync-mailbox>")
    assert subjects(suite, user) == ["mutt 0", "mutt 2", "mutt 3", "mutt 4"]
    assert subjects(suite, user, "Saved") == ["mutt 3"]
    with suite.imap(user) as client:
        client.select(readonly=True)
        assert client.search(None, "SEEN", "SUBJECT", '"mutt 3"')[1] == [b"3"]


def test_mutt_sends(suite, tmp_path):
    mutt = Mutt(suite, suite.alice, tmp_path)
    (tmp_path / "příloha.bin").write_bytes(bytes(range(256)) * 300)
    run(tmp_path, "mutt", "-n", "-F", mutt.rc, "-s", "odesláno žlutě", "-a", "příloha.bin", "--", suite.bob,
        text="text zprávy\n")
    with suite.imap(suite.bob) as client:
        client.select(readonly=True)
        number = client.search(None, "TEXT", '"text"')[1][0].split()[-1]
        message = email.message_from_bytes(client.fetch(number, "(BODY.PEEK[])")[1][0][1], policy=email.policy.default)
    assert message["Subject"] == "odesláno žlutě"
    attachment = next(message.iter_attachments())
    assert attachment.get_filename() == "příloha.bin" and attachment.get_content() == bytes(range(256)) * 300
    assert len(subjects(suite, suite.alice, "Sent")) == 1, "the copy that mutt files itself"


# ---- offlineimap ----


class Offline:
    """An account and a Maildir that offlineimap keeps the same; one connection, CONDSTORE off and on as it likes."""

    def __init__(self, suite, user, home):
        self.home = home
        self.maildir = home / "offline"
        self.conf = home / "offlineimaprc"
        self.conf.write_text(
            f"[general]\naccounts = it\nmetadata = {home}/offline-state\nui = quiet\nsocktimeout = 60\n"
            "[Account it]\nlocalrepository = near\nremoterepository = far\n"
            f"[Repository near]\ntype = Maildir\nlocalfolders = {self.maildir}\n"
            f"[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {suite.port('IMAPS')}\nremoteuser = {user}\n"
            f"remotepass = {suite.password}\nssl = yes\nsslcacertfile = {suite.ca_file}\nmaxconnections = 2\n")

    def sync(self):
        run(self.home, "offlineimap", "-o", "-1", "-c", self.conf)

    def near(self):
        """{(mailbox, message id): letters of its flags}."""
        found = {}
        for path in self.maildir.glob("*/[cn][ue][rw]/*"):
            name = email.message_from_bytes(path.read_bytes())["Message-ID"]
            assert (path.parent.parent.name, name) not in found, "twice in the Maildir"
            found[path.parent.parent.name, name] = path.name.partition(":2,")[2]
        return found

    def find(self, mailbox, name):
        return next(path for path in (self.maildir / mailbox).glob("[cn][ue][rw]/*")
                    if f"Message-ID: <{name}@far.test>" in path.read_text())


def test_offlineimap_keeps_both_sides_the_same(suite, tmp_path):
    user = suite.user("offline")
    it = Offline(suite, user, tmp_path)
    with suite.imap(user) as client:
        client.create("Work/Deep")
        for number in range(30):
            text = MESSAGE.format(who="far", subject=f"far {number}", id=f"far{number}", text="y" * (number * 200))
            box = ["INBOX", "Archive", "Work/Deep"][number % 3]
            assert client.append(box, r"(\Seen)" if number % 2 else "()", None, text.encode())[0] == "OK"
    it.sync()
    assert len(it.near()) == 30 and it.near()["Work.Deep", "<far5@far.test>"] == "S"
    read = it.find("INBOX", "far0")         # a change, a new message and a deletion here, a change and a deletion there
    read.rename(read.parent.parent / "cur" / (read.name.partition(":2,")[0] + ":2,FS"))
    it.find("Archive", "far4").unlink()
    text = MESSAGE.format(who="near", subject="near", id="near", text="x")
    (it.maildir / "Archive" / "cur" / "1.test:2,R").write_text(text.replace("\r\n", "\n"))
    with suite.imap(user) as client:
        client.select("Work/Deep")
        client.store("1", "+FLAGS.SILENT", r"(\Flagged)")
        client.store("2", "+FLAGS.SILENT", r"(\Deleted)")
        client.expunge()
    it.sync()
    assert len(it.near()) == 29 and it.near()["Work.Deep", "<far2@far.test>"] == "F"
    with suite.imap(user) as client:
        client.select(readonly=True)
        assert client.search(None, "FLAGGED", "SEEN", "HEADER", "Message-ID", "far0@")[1] == [b"1"]
        client.select("Archive", readonly=True)
        assert client.search(None, "ANSWERED", "HEADER", "Message-ID", "near@far")[1] != [b""]
        assert client.search(None, "HEADER", "Message-ID", "<far4@far")[1] == [b""]
    before = it.near()
    it.sync()
    assert it.near() == before


# ---- imapfilter ----


def test_imapfilter_sorts_a_mailbox(suite, tmp_path):
    user = suite.user("filtered")
    for number in range(12):
        suite.deliver([user], MESSAGE.format(who=["list", "boss", "shop"][number % 3], subject=f"žluť {number}",
                                             id=f"f{number}", text="Zpráva about money" if number % 4 == 0 else "nothing"))
    (tmp_path / ".imapfilter").mkdir(mode=0o700)
    (tmp_path / "config.lua").write_text(
        "options.timeout = 60\noptions.create = true\noptions.subscribe = true\noptions.certificates = true\n"
        f'it = IMAP {{ server = "localhost", port = {suite.port("IMAPS")}, ssl = "auto", username = "{user}",'
        f' password = "{suite.password}" }}\n'
        'it.INBOX:contain_from("list@"):move_messages(it["Lists/All"]);\n'
        '(it.INBOX:contain_from("boss@") * it.INBOX:contain_body("money")):mark_flagged();\n'
        '(it.INBOX:contain_from("shop@") - it.INBOX:contain_field("Message-ID", "f2@")):delete_messages();\n'
        'it.INBOX:is_unseen():copy_messages(it.Copies)\n')
    run(tmp_path, "imapfilter", "-t", suite.ca_file, "-c", "config.lua")
    with suite.imap(user) as client:
        count = {}
        for name in ("INBOX", "Lists/All", "Copies"):
            assert client.select(name, readonly=True)[0] == "OK"
            count[name] = len(client.search(None, "ALL")[1][0].split())
        client.select("INBOX", readonly=True)
        assert count == {"INBOX": 5, "Lists/All": 4, "Copies": 5}
        assert len(client.search(None, "FLAGGED", "FROM", "boss@")[1][0].split()) == 1
        assert len(client.search(None, "FROM", "shop@")[1][0].split()) == 1


# ---- imaplib ----


def test_imaplib_round(suite):
    user = suite.user("round")
    with suite.imap(user) as client:
        assert client.create("Kept")[0] == "OK"
        for number in range(3):
            text = MESSAGE.format(who="far", subject=f"round {number}", id=f"r{number}", text=f"needle{number} in text")
            got = client.append("INBOX", r"(\Seen $Label)", imaplib.Time2Internaldate(1e9 + number), text.encode())
            assert re.search(rb"\[APPENDUID \d+ \d+\]", got[1][0])
        assert client.select() == ("OK", [b"3"])
        assert client.search(None, "BODY", "needle1")[1] == [b"2"]
        assert client.search(None, "NOT", "TEXT", "EEDLE1", "KEYWORD", "$Label")[1] == [b"1 3"]
        assert b" 9-Sep-2001" in client.fetch("1", "(INTERNALDATE)")[1][0]
        assert client.store("1,3", "+FLAGS", r"(\Flagged)")[0] == "OK"
        assert client.search(None, "FLAGGED")[1] == [b"1 3"]
        assert b"COPYUID" in client.copy("2:3", "Kept")[1][0]
        client.store("2", "+FLAGS", r"(\Deleted)")
        assert client.expunge() == ("OK", [b"2"])
        assert client.uid("SEARCH", "ALL")[1] == [b"1 3"]
        assert client.select("Kept") == ("OK", [b"2"])
        assert client.search(None, "FLAGGED")[1] == [b"2"]
        assert client.status("INBOX", "(MESSAGES UNSEEN)")[1] == [b"INBOX (MESSAGES 2 UNSEEN 0)"]


def test_imaplib_idles(suite):
    """imaplib of this age knows no IDLE: said by hand on its connection."""
    with suite.imap(suite.alice) as client:
        client.select()
        client.send(b"idle1 IDLE\r\n")
        assert client.readline().startswith(b"+")
        started = time.monotonic()
        suite.deliver([suite.alice], MESSAGE.format(who="far", subject="pushed", id="pushed", text="x"))
        line = client.readline()
        while b"EXISTS" not in line:
            line = client.readline()
        assert time.monotonic() - started < 10
        client.send(b"DONE\r\n")
        wait_for("the end of IDLE", lambda: client.readline().startswith(b"idle1 OK"))
