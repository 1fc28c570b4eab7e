"""Mail to be searched: texts of 3 KB whose words are as frequent as those of a language, the same in every run."""

import random
import socket

RARE, FIFTH, NOWHERE = "xylophone", "quarterly", "zygomorphic"
BATCH = 250


def vocabulary(dice, n=20000):
    letters = "eeeeeeetttttaaaaooooiiiinnnnssshhhrrrddllcumwfgypbvk"
    return ["".join(dice.choice(letters) for _ in range(dice.choice((2, 3, 3, 4, 4, 5, 6, 7, 8, 9)))) for _ in range(n)]


def messages(n):
    dice = random.Random(1)
    words = vocabulary(dice)
    weights = [1 / (rank + 3) for rank in range(len(words))]
    pool = dice.choices(words, weights, k=500000)
    for i in range(n):
        at = dice.randrange(len(pool) - 600)
        text = pool[at:at + 560]
        if i % 200 == 7:
            text[dice.randrange(560)] = RARE
        if i % 5 == 2:
            text[dice.randrange(560)] = FIFTH
        lines = "\r\n".join(" ".join(text[k:k + 12]) for k in range(0, len(text), 12))
        yield (f"From: Sender {i} <s{i % 50}@far.test>\r\nTo: reader@example.test\r\nSubject: {' '.join(text[100:105])}\r\n"
               f"Date: Mon, 05 Jan 2026 10:00:00 +0000\r\nMessage-ID: <{i}@far.test>\r\n\r\n{lines}\r\n").encode()


def seed(port, user, password, mailbox, n):
    """`n` of them into a new mailbox, by MULTIAPPEND."""
    with socket.create_connection(("127.0.0.1", port), 120) as sock:
        answers = sock.makefile("rb")

        def command(data):
            sock.sendall(b"t " + data + b"\r\n")
            while not (line := answers.readline()).startswith(b"t "):
                if not line:
                    raise SystemExit("the server hung up")
            if not line.startswith(b"t OK"):
                raise SystemExit(line.decode())
        answers.readline()
        command(f'LOGIN "{user}" "{password}"'.encode())
        command(f"CREATE {mailbox}".encode())
        some = []
        for text in messages(n):
            some.append(b" {%d+}\r\n" % len(text) + text)
            if len(some) == BATCH:
                command(f"APPEND {mailbox}".encode() + b"".join(some))
                some = []
        if some:
            command(f"APPEND {mailbox}".encode() + b"".join(some))
