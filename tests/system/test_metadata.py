"""METADATA: annotations outlive sessions and processes, are sealed, and go when their mailbox goes."""

import pytest


@pytest.fixture(scope="module")
def settings():
    return {"IMAPD_METADATA_ADMIN": "mailto:postmaster@example.test", "IMAPD_METADATA_ENTRIES_MAX": 5}


def get(client, words):
    client.response("METADATA")
    typ, _ = client.xatom("GETMETADATA", words)
    return typ, client.response("METADATA")[1]


def put(client, words):
    try:
        typ, text = client.xatom("SETMETADATA", words)
    except client.error as error:
        return "BAD", str(error)
    return typ, text[0].decode()


def test_kept(suite):
    """Set in one session, read in another one, of another process, after a restart."""
    first = suite.imap(suite.alice)
    assert put(first, 'INBOX (/private/comment "a canary in metadata" /shared/comment "for all")')[0] == "OK"
    assert put(first, '"" (/private/comment "the server and I")')[0] == "OK"
    suite.start_second("imapd")
    second = suite.imap(suite.alice, suite.daemons["imapd-2"].ports["IMAPS"])
    assert get(second, "INBOX (/private/comment /shared/comment)") == (
        "OK", [b'INBOX (/private/comment "a canary in metadata" /shared/comment "for all")'])
    other = suite.imap(suite.bob)
    assert get(other, "INBOX /private/comment") == ("OK", [b"INBOX (/private/comment NIL)"])
    assert get(other, '"" (/private/comment /shared/admin)') == (
        "OK", [b'"" (/shared/admin "mailto:postmaster@example.test" /private/comment NIL)'])
    for client in (first, second, other):
        client.logout()
    assert suite.daemons["imapd"].stop() == 0
    suite.daemons["imapd"].start()
    again = suite.imap(suite.alice)
    assert get(again, '"" /private/comment') == ("OK", [b'"" (/private/comment "the server and I")'])
    again.logout()


def test_limits(suite):
    client = suite.imap(suite.bob)
    six = " ".join(f'/private/n{i} "x"' for i in range(6))
    typ, text = put(client, f"INBOX ({six})")
    assert typ == "NO" and text.startswith("[METADATA TOOMANY]")
    typ, text = put(client, 'INBOX (/private/big {40000+}\r\n' + "x" * 40000 + ")")
    assert typ == "NO" and text.startswith("[METADATA MAXSIZE 32768]")
    assert get(client, "INBOX (DEPTH infinity) /private") == ("OK", [None])
    client.logout()


def test_gone_with_its_mailbox(suite):
    client = suite.imap(suite.bob)
    for name in ("gone", "gone/below"):
        client.create(name)
    assert put(client, 'gone (/private/comment "x" /shared/comment "y")')[0] == "OK"
    client.rename("gone", "moved")
    assert get(client, "moved /private/comment") == ("OK", [b'moved (/private/comment "x")'])
    client.delete("moved/below")
    assert client.delete("moved")[0] == "OK"
    client.create("moved")
    assert get(client, "moved (/private/comment /shared/comment)") == (
        "OK", [b"moved (/private/comment NIL /shared/comment NIL)"])
    client.logout()
    assert suite.fsck().endswith(": 0 problems")
    carol = suite.user("carol")
    client = suite.imap(carol)
    assert put(client, '"" (/private/comment "x")')[0] == "OK"
    client.logout()
    suite.cli("user", "delete", carol)
    assert suite.fsck().endswith(": 0 problems")


def test_listed(suite):
    """LIST gives those of more mailboxes than are looked at together, in their order."""
    client = suite.imap(suite.alice)
    names = [f"many/n{i:03}" for i in range(70)]
    for name in names:
        assert client.create(name)[0] == "OK"
        assert put(client, f'{name} (/private/comment "of {name}")')[0] == "OK"
    client.response("METADATA")
    client.send(b'x1 LIST "" many/% RETURN (METADATA (/private/comment /shared/comment))\r\n')
    told = []
    while not (line := client.readline()).startswith(b"x1 "):
        told.append(line.decode().rstrip())
    assert line.startswith(b"x1 OK")
    assert told[1::2] == [f'* METADATA {name} (/private/comment "of {name}" /shared/comment NIL)' for name in names]
    assert all(line.startswith("* LIST (") and line.endswith(f"/n{i:03}") for i, line in enumerate(told[::2]))
    client.logout()


def test_guests(suite):
    """What is shared is everybody's who takes part in the mailbox, through another process; private ones stay private."""
    owner, guest = suite.imap(suite.alice), suite.imap(suite.bob)
    team = f"Shared/{suite.alice}/notes"
    owner.create("notes")
    assert put(owner, 'notes (/private/comment "hers" /shared/comment "a canary for the team")')[0] == "OK"
    assert owner.setacl("notes", suite.bob, "lr")[0] == "OK"
    assert get(guest, f"{team} (/private/comment /shared/comment)") == (
        "OK", [f'{team} (/shared/comment "a canary for the team" /private/comment NIL)'.encode()])
    typ, text = put(guest, f'{team} (/private/comment "his" /shared/comment "x")')
    assert typ == "NO" and text.startswith("[NOPERM]")
    assert owner.setacl("notes", suite.bob, "lrw")[0] == "OK"
    assert put(guest, f'{team} (/private/comment "his" /shared/comment "from the guest")')[0] == "OK"
    assert get(owner, "notes (/private/comment /shared/comment)") == (
        "OK", [b'notes (/private/comment "hers" /shared/comment "from the guest")'])
    guest.response("METADATA")
    guest.xatom("LIST", f'"" {team} RETURN (METADATA /shared/comment)')
    assert guest.response("METADATA")[1] == [f'{team} (/shared/comment "from the guest")'.encode()]
    assert owner.delete("notes")[0] == "OK"
    for client in (owner, guest):
        client.logout()
    assert suite.fsck().endswith(": 0 problems")
