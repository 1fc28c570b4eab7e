"""Thunderbird reads, marks, answers, moves and deletes, and shows what happens elsewhere by itself."""

import email
import email.policy
import imaplib
import itertools
import re

import pytest

from signatures import BOTH, algorithms, verifies
from sink import Sink
from suite import wait_for
from thunderbird import Thunderbird

ZONE = "far.test. MX 10 mx.far.test\nmx.far.test. A 127.0.0.1\n"
PUSHES = 5
PUSH_SECONDS = 10
ATTACHMENT = bytes(range(256)) * 400
ANSWER = "my answer, žluťoučký\n.\n..\nFrom here on\n"
numbers = itertools.count(100)         # none is part of another


@pytest.fixture(scope="module")
def sink(new_suite):
    with Sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def suite(new_suite, sink):
    suite = new_suite(MTA_PORT=sink.port, MTA_IPV6="no")
    suite.set_zone(ZONE + suite.cli("domain", "show", "example.test"))
    suite.start()
    suite.alice, suite.bob = suite.user("alice"), suite.user("bob")
    return suite


@pytest.fixture(scope="module")
def client(suite, tmp_path_factory):
    with Thunderbird(suite, suite.alice, tmp_path_factory.mktemp("thunderbird")) as client:
        yield client


@pytest.fixture(autouse=True)
def protocol(client):
    """What was said to the servers; shown when a test fails."""
    start = client.log.stat().st_size
    yield
    print("\n".join(f"{who}: {said:.200}" for who, said in client.protocol(start)[-30:]))


@pytest.fixture
def mail(suite, client):
    """The subject of a message from bob that Thunderbird has."""
    subject = send(suite)
    client.sees("INBOX", subject, 30)
    return subject


def send(suite):
    """Bob writes to alice; the subject."""
    subject = f"žluť {next(numbers)}"
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = suite.bob, suite.alice, subject
    message.set_content(f"text of {subject}\n")
    with suite.submission(suite.bob) as submission:
        submission.send_message(message)
    return subject


def headers(suite, user, mailbox):
    """[(flags, subject)] of a mailbox."""
    with suite.imap(user) as imap:
        if imap.select(f'"{mailbox}"', readonly=True)[1] == [b"0"]:
            return []
        found = [part for part in imap.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1] if isinstance(part, tuple)]
    return [({flag.decode() for flag in imaplib.ParseFlags(items)}, parse(text)["Subject"]) for items, text in found]


def subjects(suite, user, mailbox="INBOX"):
    return [subject for _, subject in headers(suite, user, mailbox)]


def flags(suite, user, subject, mailbox="INBOX"):
    return next(flags for flags, one in headers(suite, user, mailbox) if one == subject)


def parse(text):
    return email.message_from_bytes(text, policy=email.policy.default)


def find(imap, subject):
    """The number of alice's message in the selected mailbox."""
    return imap.search(None, "SUBJECT", f'"{subject.partition(" ")[2]}"')[1][0].split()[-1].decode()


def test_finds_its_mailboxes(client):
    wanted = {"INBOX", "Sent", "Trash", "Drafts", "Archive", "Junk"}
    wait_for("its mailboxes", lambda: set(client.folders()) >= wanted)


def test_makes_renames_and_deletes_mailboxes(client, suite, mail):
    def paths():
        with suite.imap(suite.alice) as imap:
            return [line.rpartition(b' "/" ')[2].strip(b'"') for line in imap.list()[1]]

    client.make_folder("první žluť")
    client.move("INBOX", mail, "první žluť")
    client.rename_folder("první žluť", "druhá")
    wait_for("the new name", lambda: b"druh&AOE-" in paths())
    assert not any(path.startswith(b"prvn") for path in paths())
    client.open_folder("druhá")
    client.sees("druhá", mail, 20)
    client.delete_folder("druhá")
    wait_for("it in the trash", lambda: b"Trash/druh&AOE-" in paths() and b"druh&AOE-" not in paths())
    client.empty_trash()
    wait_for("an empty trash", lambda: b"Trash/druh&AOE-" not in paths())


def test_reads(client, suite, mail):
    assert "\\Seen" not in flags(suite, suite.alice, mail)
    assert f"text of {mail}" in client.read("INBOX", mail)
    wait_for("the mark", lambda: "\\Seen" in flags(suite, suite.alice, mail))


def test_marks(client, suite, mail):
    client.mark("INBOX", mail, True, "$label1")
    wait_for("the marks", lambda: {"\\Flagged", "$label1"} <= flags(suite, suite.alice, mail))
    client.mark("INBOX", mail, False, "mine")
    wait_for("the marks", lambda: "mine" in flags(suite, suite.alice, mail) and "\\Flagged" not in flags(suite, suite.alice, mail))


def test_searches_by_the_server(client, mail):
    assert client.search("INBOX", f"XT OF {mail.upper()}") == [mail]
    assert client.search("INBOX", "nowhere in it") == []


def test_saves_a_draft_again_and_again(client, suite):
    client.draft("first ", "second ", "third ")
    with suite.imap(suite.alice) as imap:
        wait_for("one draft", lambda: imap.select("Drafts")[1] == [b"1"])
        items, text = imap.fetch("1", "(FLAGS BODY.PEEK[])")[1][0]
    assert parse(text).get_content().startswith("third second first") and b"\\Draft" in items


def answer(client, folder, subject):
    attachment = folder / "data.bin"
    attachment.write_bytes(ATTACHMENT)
    client.reply("INBOX", subject, ANSWER, attachment)


def check_answer(message, quoted):
    text = re.sub(r"\r\n ?", "\n", message.get_body().get_content())       # RFC 3676 4.4: it stuffs a space
    assert text.startswith(ANSWER) and f"> text of {quoted}" in text
    assert next(message.iter_attachments()).get_content() == ATTACHMENT
    assert message["In-Reply-To"] and message["User-Agent"].startswith("Mozilla Thunderbird")


def test_answers_with_an_attachment(client, suite, mail, tmp_path):
    answer(client, tmp_path, mail)
    wait_for("the answer", lambda: f"Re: {mail}" in subjects(suite, suite.bob))
    wait_for("its copy", lambda: f"Re: {mail}" in subjects(suite, suite.alice, "Sent"))
    for user, mailbox in ((suite.bob, "INBOX"), (suite.alice, "Sent")):
        with suite.imap(user) as imap:
            imap.select(mailbox, readonly=True)
            check_answer(parse(imap.fetch(find(imap, mail), "(BODY.PEEK[])")[1][0][1]), mail)
    wait_for("the mark of an answer", lambda: "\\Answered" in flags(suite, suite.alice, mail))


def test_answers_somebody_elsewhere(client, suite, sink, tmp_path):
    suite.deliver([suite.alice], f"From: Friend <friend@far.test>\nTo: {suite.alice}\nSubject: from afar\n"
                  "Message-ID: <afar@far.test>\n\ntext of from afar\n", "friend@far.test")
    client.sees("INBOX", "from afar", 30)
    answer(client, tmp_path, "from afar")
    [got] = wait_for("the answer", lambda: sink.to("friend@far.test"))
    assert got.sender.startswith(f"FROM:<{suite.alice}>")
    message = parse(got.data)
    check_answer(message, "from afar")
    assert message["From"] == f"Alice <{suite.alice}>" and message["In-Reply-To"] == "<afar@far.test>"
    assert algorithms(got.data) == BOTH and all(verifies(suite, got.data, index) for index in range(len(BOTH)))


def test_shows_new_mail_by_itself(client, suite, mail, capsys):
    seconds = []
    for _ in range(PUSHES):
        wait_for("it to be silent", lambda: client.idles("INBOX"))
        seconds.append(client.sees("INBOX", send(suite), PUSH_SECONDS))
    with capsys.disabled():
        print(f"\nnew mail is seen after {', '.join(f'{one:.2f}' for one in seconds)} s")


def test_moves(client, suite, mail):
    client.move("INBOX", mail, "Archive")
    wait_for("the move", lambda: mail in subjects(suite, suite.alice, "Archive"))
    wait_for("it to go", lambda: mail not in subjects(suite, suite.alice) and mail not in client.subjects("INBOX"))
    client.sees("Archive", mail, 20)


def test_deletes(client, suite, mail):
    client.delete("INBOX", mail)
    wait_for("it in the trash", lambda: mail in subjects(suite, suite.alice, "Trash"))
    wait_for("it to go", lambda: mail not in subjects(suite, suite.alice) and mail not in client.subjects("INBOX"))
    client.sees("Trash", mail, 20)
    client.empty_trash()
    wait_for("an empty trash", lambda: not subjects(suite, suite.alice, "Trash"))


def test_hears_of_changes_elsewhere(client, suite, mail):
    """Another client marks, files and removes; Thunderbird's list follows by itself."""
    with suite.imap(suite.alice) as imap:
        imap.select()
        number = find(imap, mail)
        imap.store(number, "+FLAGS", r"(\Seen \Flagged theirs)")
        marks = {"read": True, "flagged": True, "keywords": ["theirs"]}
        wait_for("the marks", lambda: client.marks("INBOX", mail) == marks)
        imap.store(number, "-FLAGS", r"(\Seen)")
        wait_for("one mark less", lambda: not client.marks("INBOX", mail)["read"])
        imap.store(number, "+FLAGS", r"(\Deleted)")
        imap.expunge()
        wait_for("it to go", lambda: mail not in client.subjects("INBOX"))
        imap.append("INBOX", None, None, f"From: {suite.alice}\r\nSubject: appended\r\n\r\nx\r\n".encode())
    client.sees("INBOX", "appended", PUSH_SECONDS)


def test_was_never_refused(client):
    """But for questions about a mailbox that it has renamed or deleted itself a moment ago."""
    refused = [line for _, line in client.protocol() if re.match(r'\d+ (NO|BAD)|\* BAD|"S: [45]', line)]
    assert [line for line in refused if "[NONEXISTENT]" not in line] == []


def test_says_nothing_to_others(client):
    assert client.names_asked() == {"localhost"}
    assert client.outside.asked == []
