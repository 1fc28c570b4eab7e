"""What an operator does to a running suite, and what may happen to it."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading

import pytest

from suite import DAEMONS, HOSTNAME, end_process, wait_for

MESSAGE = "From: sender@far.test\r\nSubject: {subject}\r\n\r\n{text}\r\n"


def subjects(suite, user, port=None):
    with suite.imap(user, port=port) as client:
        count = int(client.select(readonly=True)[1][0])
        if not count:
            return []
        found = client.fetch("1:*", "(BODY[HEADER.FIELDS (SUBJECT)] BODY[TEXT])")[1]
        return [part[1].split(b": ")[1].strip().decode() for part in found if isinstance(part, tuple) and b"SUBJECT" in part[0]]


def deliver(suite, user, subject, text="body"):
    suite.deliver([user], MESSAGE.format(subject=subject, text=text))


# ---- posthouse run ----


class Supervised:
    """posthouse run over a suite's configuration."""

    def __init__(self, suite):
        self.suite = suite
        self.out = suite.dir / "logs" / "run.log"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen([str(suite.bin / "posthouse"), "--config", str(suite.conf), "run"], stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, env=suite.environment())

    def log(self):
        return self.out.read_text(errors="replace")

    def children(self):
        """{name: pid}"""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return {open(f"/proc/{child}/comm", encoding="ascii").read().strip(): int(child) for child in file.read().split()}

    def ready(self, name):
        return len(re.findall(rf" {name}: ready", self.log()))

    def port(self, daemon, name):
        lines = (self.suite.dir / "run" / f"{daemon}.ports").read_text().split()
        return int(dict(line.split("=") for line in lines)[name])


@pytest.fixture
def supervised(new_suite):
    supervised = Supervised(new_suite())
    wait_for("all four to be ready", lambda: all(supervised.ready(name) for name in DAEMONS), 30)
    yield supervised
    end_process(supervised.process)


def test_run(supervised):
    """The four on one machine: up, up again when one dies, told of SIGHUP, and down in order."""
    suite, children = supervised.suite, supervised.children()
    assert set(children) == set(DAEMONS)
    user = suite.user("alice")
    assert subjects(suite, user, supervised.port("imapd", "IMAPS")) == []
    os.kill(children["imapd"], signal.SIGKILL)
    wait_for("imapd again", lambda: supervised.ready("imapd") == 2)
    assert supervised.children()["imapd"] != children["imapd"]
    assert supervised.children()["smtpd"] == children["smtpd"], "the others stay"
    assert "imapd was ended by signal 9; starting it again" in supervised.log()
    assert subjects(suite, user, supervised.port("imapd", "IMAPS")) == []
    supervised.process.send_signal(signal.SIGHUP)
    wait_for("all to reload", lambda: supervised.log().count("configuration reloaded") == 4)
    left = supervised.children().values()
    supervised.process.terminate()
    assert supervised.process.wait(40) == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in left)
    assert supervised.log().count(": stopped") == 4


def test_run_gives_up_on_a_wrong_configuration(new_suite):
    suite = new_suite()
    suite.conf.write_text(suite.conf.read_text().replace("admin {", "admin {\n  no_such_setting = 1"))
    supervised = Supervised(suite)
    assert supervised.process.wait(40) == 78
    assert "no_such_setting" in supervised.log() and "stopping" in supervised.log()


# ---- keys ----


def test_keys_are_rotated_under_load(suite):
    """Logins, reads and deliveries go on while every key is wrapped anew, and when the old one is gone."""
    stop, faults, rounds = threading.Event(), [], []

    def use():
        while not stop.is_set():
            try:
                deliver(suite, suite.alice, f"round {len(rounds)}")
                rounds.append(len(subjects(suite, suite.alice)))
            except Exception as fault:      # noqa: BLE001: whatever it is, it is told
                faults.append(fault)
                return

    user = threading.Thread(target=use)
    user.start()
    wait_for("some use", lambda: len(rounds) > 1 or faults)
    assert "keys wrapped again" in suite.cli("key", "rotate")
    assert re.search(r"accounts ring: 2 keys, active 2\nqueue ring: +2 keys, active 2", suite.cli("key", "status"))
    suite.cli("key", "drop", "accounts", "1")
    suite.cli("key", "drop", "queue", "1")
    used = len(rounds)
    wait_for("use with the new keys", lambda: len(rounds) > used + 2 or faults)
    stop.set()
    user.join()
    assert not faults and rounds == sorted(rounds)
    for name in ("imapd", "smtpd"):         # from cold, by the new key alone
        assert suite.daemons[name].stop() == 0
        suite.daemons[name].start()
    deliver(suite, suite.alice, "after it")
    assert subjects(suite, suite.alice)[-1] == "after it"
    assert suite.fsck().endswith(": 0 problems")


# ---- deletion ----


def stored(suite, collection):
    """How many records a collection has."""
    if suite.stack == "embedded":
        with contextlib.closing(sqlite3.connect(suite.dir / "store.sqlite", isolation_level=None)) as store:
            return store.execute(f"SELECT count(*) FROM {collection}").fetchone()[0]
    return mongo(suite)[collection].count_documents({})


def mongo(suite):
    from pymongo import MongoClient
    text = suite.conf.read_text()
    return MongoClient(re.search(r'mongo_uri = "(.*)"', text)[1])[re.search(r'mongo_db = "(.*)"', text)[1]]


def account_json(suite, login):
    if suite.stack == "embedded":
        with contextlib.closing(sqlite3.connect(suite.dir / "store.sqlite", isolation_level=None)) as store:
            return store.execute("SELECT value FROM accounts WHERE index1 = ?", (login.encode(),)).fetchone()
    found = mongo(suite)["accounts"].find_one({"login": login})
    return found and (found["value"],)


def test_a_deleted_account_is_shredded_and_swept(suite):
    user = suite.user("mortal")
    suite.cli("sweep", "0")
    before = stored(suite, "contents")
    deliver(suite, user, "secret", "small")
    deliver(suite, user, "secret", "large " * 50000)
    deliver(suite, user, "shared")
    suite.deliver([user, suite.bob], MESSAGE.format(subject="shared", text="with bob"))
    assert len(subjects(suite, user)) == 4 and stored(suite, "contents") == before + 4
    value = account_json(suite, user)[0]
    wrapped = re.search(r'"wrapped_key":"([^"]+)"', value.decode() if isinstance(value, bytes) else value)[1]

    session = suite.imap(user)
    session.select()
    suite.cli("user", "delete", user)
    assert account_json(suite, user) is None, "the only key of its mail"
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        suite.imap(user)
    with suite.smtp() as client:
        client.ehlo()
        client.mail("s@far.test")
        assert client.rcpt(user)[0] == 550
    wait_for("the open session to end", lambda: ended(session), 60)

    assert re.match(r"would remove 0 of", suite.cli("sweep", "--dry-run", "0")), "nothing is marked yet"
    suite.cli("sweep", "0")                 # marks
    assert re.match(r"removed 3 of", suite.cli("sweep", "0"))
    assert stored(suite, "contents") == before + 1
    assert "shared" in subjects(suite, suite.bob)
    assert suite.fsck().endswith(": 0 problems")

    suite.user("mortal")
    assert subjects(suite, user) == [], "the name is free; what was sent to it is not there"
    if suite.stack == "embedded":
        for daemon in suite.daemons.values():
            assert daemon.stop() == 0
        assert not any(wrapped.encode() in path.read_bytes() for path in suite.dir.glob("store.sqlite*"))
        for daemon in suite.daemons.values():
            daemon.start()


def ended(session):
    try:
        return session.noop()[0] != "OK" or session.fetch("1", "(BODY[])")[0] != "OK"
    except session.abort:
        return True


# ---- damage ----


def test_fsck_finds_what_is_missing(new_suite):
    suite = new_suite().start("smtpd", "imapd")
    user = suite.user("alice")
    deliver(suite, user, "whole")
    deliver(suite, user, "damaged")
    assert subjects(suite, user) == ["whole", "damaged"]
    assert suite.fsck().startswith("1 accounts") and suite.fsck().endswith(": 0 problems")
    if suite.stack == "embedded":
        with contextlib.closing(sqlite3.connect(suite.dir / "store.sqlite", isolation_level=None)) as store:
            store.execute("DELETE FROM contents WHERE n = (SELECT max(n) FROM contents)")
    else:
        contents = mongo(suite)["contents"]
        contents.delete_one({"_id": contents.find_one()["_id"]})
    text = suite.cli("fsck", check=False)
    assert text.strip().endswith(": 1 problems") and len(text.strip().splitlines()) == 2
    with suite.imap(user) as client:            # the other one is still read
        client.select(readonly=True)
        assert [client.fetch(number, "(BODY[])")[0] for number in ("1", "2")].count("OK") >= 1
        assert client.noop()[0] == "OK"


def test_fsck_looks_beside_mailboxes(new_suite):
    """What a guest had in a mailbox that is gone is left for the sweeper; what is damaged is told, and taken away when asked to."""
    suite = new_suite().start("imapd")
    owner, guest = suite.user("alice"), suite.user("bob")
    path = f"Shared/{owner}/Team"
    with suite.imap(owner) as client, suite.imap(guest) as other:
        for mailbox in ("Team", "Stays"):
            client.create(mailbox)
            assert client.setacl(mailbox, guest, "lrs")[0] == "OK"
            shared = f"Shared/{owner}/{mailbox}"
            wait_for("the mailbox", lambda: other.subscribe(shared)[0] == "OK")
            assert other.xatom("SETMETADATA", f'{shared} (/private/comment "mine")')[0] == "OK"
        assert suite.cli("fsck").endswith("4 records beside mailboxes (0 left for the sweeper), 2 seals opened: 0 problems\n")
        assert client.delete("Team")[0] == "OK"
        assert "4 records beside mailboxes (2 left for the sweeper)" in suite.fsck()
        assert "2 records beside mailboxes" in suite.cli("sweep", "1")
        assert "2 records beside mailboxes (0 left for the sweeper)" in suite.fsck()
        damage_metadata(suite)
        lines = suite.cli("fsck", check=False).splitlines()
        assert len(lines) == 2 and lines[1].endswith(": 1 problems")
        assert lines[0].startswith(f"{guest}: metadata of mailbox ") and lines[0].endswith("; a backup may have them, fsck --drop takes them away")
        assert suite.cli("fsck", "--quick", "--drop", check=False).splitlines()[0].endswith("; it is taken away")
        assert suite.cli("fsck").endswith("1 records beside mailboxes (0 left for the sweeper), 0 seals opened: 0 problems\n")
        assert other.xatom("SETMETADATA", f'{path.replace("Team", "Stays")} (/private/comment "again")')[0] == "OK"


def test_an_append_that_fails_leaves_nothing(new_suite):
    suite = new_suite().start("imapd")
    user = suite.user("alice")
    with suite.imap(user) as client:
        client.send(b'x1 APPEND INBOX {6+}\r\na: b\r\n CATENATE (URL "/INBOX/;UID=9")\r\n')
        assert client.readline().startswith(b"x1 NO [BADURL ")
        assert client.select()[1] == [b"0"]
    assert re.match(r"would remove 0 of 0 contents, 0 of 0 blobs", suite.cli("sweep", "--dry-run", "1"))


def damage_metadata(suite):
    if suite.stack == "embedded":
        with contextlib.closing(sqlite3.connect(suite.dir / "store.sqlite", isolation_level=None)) as store:
            store.execute("UPDATE metadata SET value = CAST(substr(value, 1, length(value) - 1) || x'00' AS BLOB)")
    else:
        records = mongo(suite)["metadata"]
        record = records.find_one()
        records.update_one({"_id": record["_id"]}, {"$set": {"value": bytes(record["value"])[:-2] + b"no"}})


# ---- services ----


def test_readyz_says_when_the_store_is_away(suite):
    """And so do the protocols; nothing has to be started again when it is back."""
    daemons = [suite.daemons[name] for name in DAEMONS]
    assert all(daemon.ready() for daemon in daemons)
    if suite.stack == "embedded":
        return              # its store is a file: there is nothing that could be away
    suite.services["mongo"].stop()
    try:
        wait_for("all to say that they are not ready", lambda: not any(daemon.ready() for daemon in daemons), 40)
        with suite.smtp() as client:
            client.ehlo()
            client.mail("s@far.test")
            assert client.rcpt(suite.alice)[0] == 451
    finally:
        suite.services["mongo"].start()
    wait_for("all to be ready again", lambda: all(daemon.ready() for daemon in daemons), 40)
    deliver(suite, suite.alice, "it is back")
    assert subjects(suite, suite.alice)[-1] == "it is back"


# ---- configuration ----


def refusal(suite, name, text, prefix=()):
    """What a daemon says of a configuration that it cannot run with: one line, exit code 78."""
    conf = suite.dir / "wrong.conf"
    conf.write_text(text)
    got = subprocess.run([*prefix, str(suite.bin / name), "--config", str(conf)], capture_output=True, text=True, timeout=30)
    # libmongoc says this of its own when a process of the same id was killed; nobody can keep it from that
    said = re.sub(r".*Falling back to malloc for counters.*\n", "", got.stdout + got.stderr).strip()
    assert got.returncode == 78, said
    assert len(said.splitlines()) == 1, said
    return said


@pytest.mark.parametrize("name", DAEMONS)
def test_unknown_settings(suite, name):
    text = suite.conf.read_text()
    assert "wrong.conf:1" in refusal(suite, name, f'no_such = "1"\n{text}')
    said = refusal(suite, name, text.replace(f"{name} {{", f"{name} {{\n  no_such = 1"))
    assert re.search(r"wrong\.conf:\d+.*no_such", said)


@pytest.mark.parametrize("name, setting", [("smtpd", "listen"), ("imapd", "listen_tls"), ("admin", "listen"), ("mta", "monitor")])
def test_a_port_in_use(suite, name, setting):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        section = re.search(rf"^{name} {{.*?^}}", suite.conf.read_text(), re.S | re.M)[0]
        changed = re.sub(rf'^  {setting} = .*$', f'  {setting} = "{address}"', section, flags=re.M)
        said = refusal(suite, name, suite.conf.read_text().replace(section, changed))
        assert address in said and "in use" in said


@pytest.mark.skipif(os.getuid() != 0, reason="has to become somebody else")
def test_a_port_that_is_not_allowed(suite, tmp_path_factory):
    """Port 25 is for root, or for who has the capability: the line says so."""
    for path in (suite.dir, *suite.dir.parents[:2]):
        path.chmod(0o755)
    home = tmp_path_factory.mktemp("nobody")
    os.chown(home, 65534, 65534)
    suite.cli("init", str(home), HOSTNAME, conf=False)
    for path in [home, *home.rglob("*")]:
        os.chown(path, 65534, 65534)
    conf = f'hostname = "{HOSTNAME}"\ndata_dir = "{home}"\nsmtpd {{\n  listen = "127.0.0.1:25"\n}}\n'
    said = refusal(suite, "smtpd", conf, ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"))
    assert "127.0.0.1:25" in said and "CAP_NET_BIND_SERVICE" in said
