"""Round trips to the store are a promise: what each step costs in commands, counted by the daemons themselves.

Counted on the cluster; on the embedded stack, where there are no commands, the same steps have to work at no cost.
"""

import re

import pytest

MESSAGE = "From: sender@far.test\r\nTo: alice@example.test\r\nSubject: counted\r\n\r\nbody\r\n"
TRIES = 3       # background work may fall into a try: the least counts


def commands(daemon):
    """{command: how many so far} of a daemon."""
    found = {}
    for name, value in daemon.metrics().items():
        match = re.match(r'posthouse_store_commands_total\{command="(\w+)"\}', name)
        if match and match[1] != "other":       # hello, ping
            found[match[1]] = int(value)
    return found


def cost(daemon, step):
    """The commands of the cheapest of some tries of `step`."""
    costs = []
    for _ in range(TRIES):
        before = commands(daemon)
        step()
        after = commands(daemon)
        costs.append({name: after[name] - before[name] for name in after if after[name] != before[name]})
    return min(costs, key=lambda found: sum(found.values()))


@pytest.fixture
def check(suite):
    """check(daemon, promised, step): the sum of commands on the cluster, nothing on the embedded stack."""
    def check(name, promised, step):
        found = cost(suite.daemons[name], step)
        assert sum(found.values()) == (promised if suite.stack == "cluster" else 0), found
    return check


@pytest.fixture(scope="module")
def filled(suite):
    """Alice's INBOX with 100 messages, open and warm."""
    with suite.imap(suite.alice) as client:
        for _ in range(10):
            assert client.append("INBOX", "()", None, MESSAGE.encode())[0] == "OK"
        client.select()
        for _ in range(9):
            client.copy("1:10", "INBOX")
        assert client.select() == ("OK", [b"100"])
        assert len(client.fetch("1:*", "(FLAGS)")[1]) == 100
        yield client


@pytest.fixture(scope="module")
def at_data(suite):
    """A conversation on the MX port, warmed up by a message."""
    suite.deliver([suite.bob], MESSAGE)
    with suite.smtp() as client:
        client.ehlo()
        yield client


def test_recipient(at_data, suite, check):
    def rcpt():
        at_data.rset()
        at_data.mail("sender@far.test")
        assert at_data.rcpt(suite.bob)[0] == 250
    check("smtpd", 1, rcpt)


def test_unknown_recipient(at_data, suite, check):
    def rcpt():
        at_data.rset()
        at_data.mail("sender@far.test")
        assert at_data.rcpt("nobody@example.test")[0] == 550
    check("smtpd", 1, rcpt)


def test_delivery(at_data, suite, check):
    """The content and the mailbox."""
    def begin():
        at_data.rset()
        at_data.mail("sender@far.test")
        at_data.rcpt(suite.bob)

    begin()

    def data():
        assert at_data.data(MESSAGE.encode())[0] == 250

    def delivery():
        data()
        begin()         # the next one's; one command, taken off below

    check("smtpd", 2 + 1, delivery)


def test_append(filled, check):
    """The content; the mailbox. Which one that is, and whether there is room, is known from the time before."""
    check("imapd", 2, lambda: filled.append("Sent", "()", None, MESSAGE.encode()))


@pytest.mark.parametrize("messages", ["1", "1:100"])
def test_store(filled, check, messages):
    flags = iter([r"(\Flagged)", r"(\Answered)", r"(\Draft)"])

    def store():
        assert filled.store(messages, "+FLAGS", next(flags))[0] == "OK"
    check("imapd", 1, store)
    filled.store("1:*", "-FLAGS.SILENT", r"(\Flagged \Answered \Draft)")


def test_store_that_changes_nothing(filled, check):
    """A look, since the flags may have changed elsewhere."""
    filled.store("1:*", "+FLAGS.SILENT", r"(\Seen)")
    check("imapd", 1, lambda: filled.store("1:*", "+FLAGS.SILENT", r"(\Seen)"))


@pytest.mark.parametrize("items", ["(FLAGS)", "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)"])
def test_warm_fetch(filled, check, items):
    check("imapd", 0, lambda: filled.fetch("1:*", items))


def test_warm_search(filled, check):
    check("imapd", 0, lambda: filled.search(None, "UNFLAGGED", "SINCE", "1-Jan-2020"))


def test_noop(filled, check):
    """A look at the mailbox."""
    check("imapd", 1, filled.noop)


def test_expunge(filled, check):
    """The flags, and what is gone: \\Deleted first."""
    def expunge():
        filled.store("1", "+FLAGS.SILENT", r"(\Deleted)")
        assert filled.expunge()[0] == "OK"
    check("imapd", 3, expunge)


def test_copy(filled, check):
    """However many: the contents learn of nobody new, the target takes all at once."""
    check("imapd", 1, lambda: filled.copy("1:50", "Trash"))


def test_select(filled, check):
    """A look at the mailbox, since it is in memory."""
    check("imapd", 1, filled.select)
