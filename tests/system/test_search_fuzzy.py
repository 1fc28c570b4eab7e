"""SEARCH FUZZY on sealed mail: what opening all of it would find, with its signatures and without."""

import functools
import random
import re
import unicodedata

import pytest

from stored import unsign

N = 200
WORDS = """Müller Grüße Straße İstanbul Æsir Łódź Ångström naïve façade coöperate résumé quarterly statement invoices reminder
    Ἀθῆναι Ὀδυσσεύς йод ёлка шестнадцать größenordnung ﬁnalists O’Brien plain simple ascii words only""".split()
PLAIN = {"Æ": "AE", "Ł": "L", "ß": "SS", "’": "'"}


def bare(text):
    """The same by another road: what Python knows of Unicode."""
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c)).replace("ß", "ss").upper()
    return "".join(PLAIN.get(c, c) for c in text)


def mistaken(dice, word):
    at = dice.randrange(1, len(word) - 1)
    return dice.choice([word[:at] + word[at + 1:], word[:at] + "x" + word[at:], word[:at] + "x" + word[at + 1:],
                        word[:at - 1] + word[at] + word[at - 1] + word[at + 1:]])


@functools.cache
def near(text, word):
    """Whether the word is in the text with at most one mistake."""
    before, last = None, [0] * (len(text) + 1)
    for i, w in enumerate(word, 1):
        row = [i]
        for k, t in enumerate(text, 1):
            best = min(last[k] + 1, row[k - 1] + 1, last[k - 1] + (t != w))
            if before and k > 1 and t == word[i - 2] and text[k - 2] == w:
                best = min(best, before[k - 2] + 1)
            row.append(best)
        before, last = last, row
    return min(last) <= 1


def holds(text, word):
    word = bare(word)
    return word in text or (len(word) >= 8 and word.isalpha() and near(text, word))


@pytest.fixture(scope="module")
def mailbox(suite):
    dice = random.Random(9)
    filling = ["".join(dice.choice("eeettaoinshrdlu") for _ in range(dice.randint(4, 9))) for _ in range(300)]
    seen = []
    with suite.imap(suite.alice) as client:
        for i in range(N):
            words = dice.choices(filling, k=60) + [dice.choice(WORDS) for _ in range(2)]
            if i % 7 == 0:
                words.append(mistaken(dice, "quarterly"))
            subject = dice.choice(WORDS)
            raw = (f"From: s@far.test\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   f"Content-Transfer-Encoding: 8bit\r\n\r\n{' '.join(words)}\r\n").encode()
            assert client.append("INBOX", "()", None, raw)[0] == "OK"
            seen.append((bare(subject), bare(" ".join(words))))
    return seen


def run(suite, command, *words):
    with suite.imap(suite.alice) as client:
        client.select()
        status, data = client.uid(command, *words)
        assert status == "OK", data
        return [int(uid) for uid in (data[0] or b"").split()]


def found(suite, *keys):
    return set(run(suite, "SEARCH", "CHARSET", "UTF-8", *keys))


def quoted(text):
    return f'"{text}"'.encode()


def where(mailbox, test):
    return {i for i, seen in enumerate(mailbox, 1) if test(*seen)}


def counted(suite, name):
    return suite.daemons["imapd"].metrics().get(f"posthouse_imapd_search_{name}_total", 0)


def check_all(suite, mailbox):
    dice = random.Random(10)
    for word in WORDS[:8] + dice.sample(WORDS[8:], 8):
        plain = bare(word).lower()
        subject, body = (where(mailbox, lambda s, b: holds(s, word)), where(mailbox, lambda s, b: holds(b, word)))
        assert body, word
        assert found(suite, "FUZZY", "SUBJECT", quoted(plain)) == subject, word
        assert found(suite, "FUZZY", "BODY", quoted(word)) == body, word
        assert found(suite, "NOT", "FUZZY", "BODY", quoted(word)) == where(mailbox, lambda s, b: True) - body, word
        other = dice.choice(WORDS)
        both = where(mailbox, lambda s, b: holds(b, word) and holds(b, other))
        assert found(suite, "FUZZY", "BODY", quoted(f"{other}, {plain}")) == both, (word, other)
        assert found(suite, "OR", "FUZZY", "SUBJECT", quoted(word), "FUZZY", "BODY", quoted(other)) == \
            subject | where(mailbox, lambda s, b: holds(b, other)), (word, other)


def test_finds_what_opening_would(suite, mailbox):
    check_all(suite, mailbox)


def test_opens_little(suite, mailbox):
    wanted = where(mailbox, lambda s, b: holds(b, "muller"))
    before = counted(suite, "opened")
    assert found(suite, "FUZZY", "BODY", "muller") == wanted
    assert counted(suite, "opened") - before <= 2 * len(wanted) + 8
    before = counted(suite, "opened")
    assert found(suite, "BODY", "nowheretobefound") == set()
    assert found(suite, "FUZZY", "BODY", "nowheretobefound") == set()
    assert counted(suite, "opened") - before <= N // 10


def test_sorted_by_relevancy(suite, mailbox):
    order = run(suite, "SORT", "(RELEVANCY)", "UTF-8", "FUZZY", "TEXT", "quarterly")
    assert set(order) == where(mailbox, lambda s, b: holds(s, "quarterly") or holds(b, "quarterly"))
    rank = [2 if "QUARTERLY" in mailbox[uid - 1][0] else 1 if "QUARTERLY" in mailbox[uid - 1][1] else 0 for uid in order]
    assert rank == sorted(rank, reverse=True) and set(rank) == {0, 1, 2}
    assert run(suite, "SORT", "(REVERSE RELEVANCY ARRIVAL)", "UTF-8", "FUZZY", "TEXT", "quarterly")[0] != order[0]


def test_scores_are_told(suite, mailbox):
    with suite.imap(suite.alice) as client:
        client.select()
        client.uid("SEARCH", "RETURN", "(ALL RELEVANCY COUNT)", "FUZZY", "SUBJECT", "muller")
        (told,) = client.response("ESEARCH")[1]
    scores = [int(score) for score in re.search(rb"RELEVANCY \(([0-9 ]+)\)", told)[1].split()]
    assert len(scores) == int(re.search(rb"COUNT (\d+)", told)[1]) and set(scores) == {85}


def test_without_signatures(suite, mailbox):
    imapd = suite.daemons["imapd"]
    imapd.stop()
    for file in suite.dir.glob("**/*.signatures"):
        file.unlink()
    unsign(suite)
    suite.settings["IMAPD_SEARCH_INDEX"] = "no"
    imapd.start()
    check_all(suite, mailbox)
    assert f"{N} signed now" in suite.cli("search", "index", "--fast")
    imapd.stop()
    imapd.start()
    check_all(suite, mailbox)
    assert suite.fsck().endswith(": 0 problems")
