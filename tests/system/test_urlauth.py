"""URLAUTH: what its owner grants is fetched by another account, from another process; keys are durable, sealed, and revoked."""

import base64
import imaplib
import pathlib
import random
import re
import threading

import pytest

from suite import HOSTNAME

SUBMITTER = "submission"


@pytest.fixture(scope="module")
def settings():
    return {"IMAPD_SUBMIT_ACCOUNTS": f"{SUBMITTER}@example.test"}


@pytest.fixture(scope="module")
def submitter(suite):
    return suite.user(SUBMITTER)


@pytest.fixture(scope="module")
def second(suite):
    return suite.start_second("imapd")


def quote(login):
    return login.replace("@", "%40")


def ask(client, name, words):
    """What the server says to a command that imaplib does not know: (status, untagged data)."""
    imaplib.Commands[name] = ("AUTH", "SELECTED")  # else only in the state of its first use
    try:
        typ, text = client.xatom(name, words)
    except client.error as error:
        return "BAD", [str(error).encode()]
    client_data = client.response(name)[1]
    return typ, [item for item in client_data if item is not None] if typ == "OK" else text


def rump(owner, access, mailbox="INBOX", uid=1, rest=""):
    return f"imap://{quote(owner)}@{HOSTNAME}/{mailbox}/;UID={uid}{rest};URLAUTH={access}"


def grant(client, *rumps):
    typ, data = ask(client, "GENURLAUTH", " ".join(f'"{url}" INTERNAL' for url in rumps))
    assert typ == "OK", data
    return re.findall(r'"([^"]+)"', data[0].decode())


def fetch(client, *urls):
    """{url: text or None}"""
    typ, data = ask(client, "URLFETCH", " ".join(f'"{url}"' for url in urls))
    assert typ == "OK", data
    found = {}
    for item in data:
        line, text = item if isinstance(item, tuple) else (item, None)
        match = re.match(rb'"([^"]+)" ', line)
        if match:
            found[match[1].decode()] = text
    return found


def append(client, text, mailbox="INBOX"):
    typ, data = client.append(mailbox, None, None, text)
    assert typ == "OK"
    return int(re.search(rb"APPENDUID \d+ (\d+)", data[0])[1])


def stored(suite):
    folders = [suite.dir, *(service.dir for service in suite.services.values())]
    return [path for folder in folders for path in pathlib.Path(folder).rglob("*") if path.is_file() and not path.is_symlink()]


def test_granted(suite, submitter, second):
    """Across processes and restarts; a large message as well as a part; each access identifier as the RFC has it."""
    alice, bob, agent = suite.imap(suite.alice), suite.imap(suite.bob), suite.imap(submitter)
    small = append(alice, b"Subject: urlauth\r\nContent-Type: text/plain\r\n\r\nSi vis pacem, para bellum.\r\n")
    body = b"".join(b"%06d of a message that is larger than one piece\r\n" % i for i in range(60000))
    large = append(alice, b"Subject: large\r\n\r\n" + body)
    urls = grant(alice, rump(suite.alice, f"submit+{quote(suite.alice)}", uid=small, rest="/;SECTION=1"),
                 rump(suite.alice, f"user+{quote(suite.bob)}", uid=large, rest="/;SECTION=TEXT"),
                 rump(suite.alice, "authuser", uid=large, rest="/;SECTION=TEXT/;PARTIAL=50.49"),
                 rump(suite.alice, "anonymous", uid=small, rest="/;SECTION=HEADER"))
    assert len(urls) == 4
    header = b"Subject: urlauth\r\nContent-Type: text/plain\r\n\r\n"
    part = body[50:99]
    text = b"Si vis pacem, para bellum.\r\n"
    assert fetch(agent, *urls) == dict(zip(urls, [text, None, part, header]))
    assert fetch(bob, *urls) == dict(zip(urls, [None, body, part, header]))
    assert fetch(alice, *urls) == dict(zip(urls, [None, None, part, header]))
    other = suite.imap(submitter, second.ports["IMAPS"])
    assert fetch(other, *urls) == dict(zip(urls, [text, None, part, header]))
    for client in (alice, bob, agent, other):
        client.logout()
    suite.daemons["imapd"].kill9()
    suite.daemons["imapd"].start()
    again = suite.imap(submitter)
    assert fetch(again, urls[0]) == {urls[0]: text}, "the key was on stable storage when the URL was given away"
    again.logout()


def test_binary(suite):
    """What is sent in pieces ends as it should, decoded or not."""
    alice = suite.imap(suite.alice)
    raw = random.Random(1).randbytes(2_000_000)
    encoded = base64.encodebytes(raw).replace(b"\n", b"\r\n")
    uid = append(alice, b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded)
    url, = grant(alice, rump(suite.alice, "authuser", uid=uid, rest="/;SECTION=TEXT"))
    typ, data = ask(alice, "URLFETCH", f'("{url}" BODY BODYPARTSTRUCTURE) "{url}" ("{url}" BODYPARTSTRUCTURE)')
    assert typ == "OK"
    shape = b'(BODYPARTSTRUCTURE ("image" "png" NIL NIL NIL "base64" %d NIL NIL NIL NIL))' % len(encoded)
    quoted = b'"' + url.encode() + b'" '
    assert data == [(quoted + b"(BODY {%d}" % len(encoded), encoded), b") " + shape,
                    (quoted + b"{%d}" % len(encoded), encoded), b"", quoted + shape]
    alice.send(f'b1 URLFETCH ("{url}" BINARY BODYPARTSTRUCTURE)\r\n'.encode())    # imaplib knows no literal8
    assert alice.readline() == b"* URLFETCH " + quoted + b"(BINARY ~{%d}\r\n" % len(raw)
    assert alice.read(len(raw)) == raw
    assert alice.readline() == b') (BODYPARTSTRUCTURE ("image" "png" NIL NIL NIL "BINARY" %d NIL NIL NIL NIL))\r\n' % len(raw)
    assert alice.readline().startswith(b"b1 OK")
    alice.logout()


def test_revoked(suite):
    alice, bob = suite.imap(suite.alice), suite.imap(suite.bob)
    assert alice.create("Revoked")[0] == "OK"
    uid = append(alice, b"Subject: x\r\n\r\ny\r\n", "Revoked")
    url, = grant(alice, rump(suite.alice, "authuser", "Revoked", uid, "/;SECTION=TEXT"))
    assert fetch(bob, url) == {url: b"y\r\n"}
    assert ask(alice, "RESETKEY", "Revoked")[0] == "OK"
    assert fetch(bob, url) == {url: None}
    again, = grant(alice, rump(suite.alice, "authuser", "Revoked", uid, "/;SECTION=TEXT"))
    assert again != url and fetch(bob, again, url) == {again: b"y\r\n", url: None}
    assert ask(alice, "RESETKEY", None)[0] == "OK"
    assert fetch(bob, again) == {again: None}
    for client in (alice, bob):
        client.logout()


def test_others_hear(suite, second):
    """Who has the mailbox open hears of another key, in whatever process, and each once."""
    alice, here, there = suite.imap(suite.alice), suite.imap(suite.alice), suite.imap(suite.alice, second.ports["IMAPS"])
    elsewhere, bob = (suite.imap(login, second.ports["IMAPS"]) for login in (suite.alice, suite.bob))
    assert alice.create("Heard")[0] == "OK"
    for client, mailbox in ((alice, "Heard"), (here, "Heard"), (there, "Heard"), (elsewhere, "INBOX"), (bob, "INBOX")):
        assert client.select(mailbox)[0] == "OK"
    for client in (here, there):
        client.send(b"i IDLE\r\n")
        assert client.readline().startswith(b"+")
    alice.response("URLMECH")
    assert ask(alice, "RESETKEY", "Heard")[0] == "OK"
    assert alice.response("URLMECH")[1] == [b"INTERNAL"]
    for client in (here, there):
        assert client.readline().startswith(b"* OK [URLMECH INTERNAL]")
        client.send(b"DONE\r\n")
        assert client.readline().startswith(b"i OK"), "once"
    for client in (alice, elsewhere, bob):
        client.response("URLMECH")
        assert client.noop()[0] == "OK"
        assert client.response("URLMECH")[1] == [None]
    for client in (alice, here, there, elsewhere, bob):
        client.logout()


def test_many_at_once(suite):
    """Sessions that make the first key of a mailbox at the same time give URLs of one key."""
    alice = suite.imap(suite.alice)
    assert alice.create("Race")[0] == "OK"
    uid = append(alice, b"Subject: x\r\n\r\ny\r\n", "Race")
    clients = [suite.imap(suite.alice) for _ in range(6)]
    urls = []
    threads = [threading.Thread(target=lambda client=client: urls.extend(
        grant(client, rump(suite.alice, "authuser", "Race", uid, "/;SECTION=TEXT")))) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(urls) == 6 and len(set(urls)) == 1
    assert fetch(alice, urls[0]) == {urls[0]: b"y\r\n"}
    for client in (alice, *clients):
        client.logout()


def test_sealed_and_gone(suite):
    """Nothing that grants is in what was written; with the account its keys go."""
    dave = suite.user("dave")
    client, bob = suite.imap(dave), suite.imap(suite.bob)
    uid = append(client, b"Subject: x\r\n\r\na canary for nobody\r\n")
    url, = grant(client, rump(dave, "authuser", uid=uid))
    token = bytes.fromhex(url.rpartition(":")[2])
    assert fetch(bob, url)[url]
    patterns = [half[at:at + 16] for half in (token[:32], token[32:]) for at in (0, 16)]
    patterns += [pattern.hex().encode() for pattern in patterns]
    for path in stored(suite):
        data = path.read_bytes()
        assert not any(pattern in data for pattern in patterns), path
    client.logout()
    assert suite.fsck().endswith(": 0 problems")
    suite.cli("user", "delete", dave)
    assert fetch(bob, url) == {url: None}
    bob.logout()
    assert suite.fsck().endswith(": 0 problems")
