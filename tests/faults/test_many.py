"""IDLE_SESSIONS (10000) sessions on one imapd, all over TLS and in IDLE: what they cost, and that each still hears of its mail."""

import asyncio
import os
import resource
import time

import pytest

from suite import wait_for

SESSIONS = int(os.environ.get("IDLE_SESSIONS", "10000"))
PER_USER = 100
KIB_EACH = 24       # what an idle session may cost at most
AT_ONCE = 50        # handshakes under way


class Sleeper:
    """One session in IDLE: how many EXISTS it has read, and whether it was told goodbye."""

    def __init__(self):
        self.told = 0
        self.bye = False

    async def start(self, suite, user, tls, gate):
        async with gate:
            self.reader, self.writer = await asyncio.open_connection(
                "127.0.0.1", suite.port("IMAPS"), ssl=tls, server_hostname="localhost", limit=8192)
            await self.reader.readline()
            for line in (f'a LOGIN "{user}" "{suite.password}"', "a SELECT INBOX", "a IDLE"):
                await self.say(line)

    async def say(self, line):
        self.writer.write(line.encode() + b"\r\n")
        while not (got := await self.reader.readline()).startswith((b"a OK", b"+")):
            assert got.startswith(b"* "), (line, got)

    async def listen(self):
        while line := await self.reader.readline():
            self.told += line.endswith(b" EXISTS\r\n")
            self.bye |= line.startswith(b"* BYE")


def memory(pid):
    """Bytes that are the process's own: what its sessions cost, without the libraries it shares."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as text:
        return sum(int(line.split()[1]) for line in text if line.startswith(("Private_Dirty", "Private_Clean"))) * 1024


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as text:
        words = text.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def settings():
    return {"LOG_LEVEL": "info", "IMAPD_SESSIONS_PER_IP": "100000", "IMAPD_POLL": "30s"}


async def measure(suite, users, say):
    imapd = suite.daemons["imapd"].process.pid
    tls = suite.tls()
    gate = asyncio.Semaphore(AT_ONCE)
    sleepers = [Sleeper() for _ in range(SESSIONS)]
    warm = Sleeper()
    await warm.start(suite, users[0], tls, gate)      # what the process needs once is there
    before = memory(imapd)
    start = time.monotonic()
    await asyncio.gather(*(s.start(suite, users[i // PER_USER % len(users)], tls, gate) for i, s in enumerate(sleepers)))
    say(f"{SESSIONS} sessions up after {time.monotonic() - start:.0f} s")
    ears = [asyncio.create_task(s.listen()) for s in sleepers]
    await asyncio.sleep(5)
    each = (memory(imapd) - before) / SESSIONS / 1024
    busy = cpu_seconds(imapd)
    await asyncio.sleep(10)
    busy = (cpu_seconds(imapd) - busy) / 10
    say(f"{each:.1f} KiB each; asleep, {busy:.1%} of a core")
    start = time.monotonic()
    for user in users:
        await asyncio.to_thread(suite.deliver, user, "From: s@far.test\nSubject: wake up\n\nx\n")
    while any(s.told < 1 for s in sleepers):
        assert time.monotonic() - start < 60, f"{sum(s.told < 1 for s in sleepers)} sessions were not told"
        await asyncio.sleep(0.1)
    say(f"all were told of a message of theirs {time.monotonic() - start:.1f} s after the first of {len(users)} was sent")
    suite.daemons["imapd"].process.terminate()
    await asyncio.wait_for(asyncio.gather(*ears), 60)
    return sleepers, each, busy


def test_many_idle_sessions(suite, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < SESSIONS + 1000:
        pytest.skip(f"{hard} descriptors are allowed here, {SESSIONS} sessions need more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def say(text):
        with capsys.disabled():
            print(f"\n  {suite.stack}: {text}", end="", flush=True)

    users = [suite.user(f"sleeper{i}") for i in range((SESSIONS + PER_USER - 1) // PER_USER)]
    suite.settings["IMAPD_SESSIONS_PER_ACCOUNT"] = PER_USER + 10
    suite.daemons["imapd"].stop()
    suite.start("imapd")
    try:
        sleepers, each, busy = asyncio.run(measure(suite, users, say))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert all(s.told == 1 and s.bye for s in sleepers)
    assert each <= KIB_EACH and busy < 0.2
    assert wait_for("imapd to end", lambda: not suite.daemons["imapd"].running()) and not suite.daemons["imapd"].process.returncode
