"""imaptest (https://dovecot.github.io/imaptest/), where it is to be had: IMAPTEST names the program, IMAPTEST_SCRIPTS its folder src/tests.

Stress: IMAPTEST_CLIENTS (100) clients on one mailbox, its checks of what each was told on, for IMAPTEST_SECONDS (600); on
the cluster stack by two imapd processes, and once more with one of them killed every IMAPTEST_KILL (30) seconds.
"""

import asyncio
import collections
import os
import re
import subprocess
import threading

import pytest

PROGRAM = os.environ.get("IMAPTEST", "")
SCRIPTS = os.environ.get("IMAPTEST_SCRIPTS", "")
CLIENTS = int(os.environ.get("IMAPTEST_CLIENTS", "100"))
SECONDS = int(os.environ.get("IMAPTEST_SECONDS", "600"))
KILL = int(os.environ.get("IMAPTEST_KILL", "30"))
CUT = re.compile(r"disconnected|Connection reset|Broken pipe|\bBYE\b|connect\(\) failed", re.I)     # what a kill may do
COMPLAINT = re.compile(r"^(Error|Warning|Fatal|Panic)", re.I)

pytestmark = pytest.mark.skipif(not PROGRAM, reason="IMAPTEST does not name the program")


class Balancer(threading.Thread):
    """One port for several processes: each connection goes to the next one that takes it."""

    def __init__(self, ports):
        super().__init__(daemon=True)
        self.ports = ports      # of those that run; a list that changes
        self.count = 0
        self.port = None
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()

    def run(self):
        self.loop.run_until_complete(self.listen())
        self.loop.run_forever()

    async def listen(self):
        server = await asyncio.start_server(self.connection, "127.0.0.1", 0, backlog=500)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()

    async def connection(self, reader, writer):
        for _ in range(50):
            self.count += 1
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.ports[self.count % len(self.ports)])
                break
            except OSError:
                await asyncio.sleep(0.1)
        else:
            writer.close()
            return
        await asyncio.gather(self.pump(reader, far_writer), self.pump(far_reader, writer))

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    def __enter__(self):
        self.start()
        assert self.ready.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(10)


@pytest.fixture(scope="module")
def settings():
    return {"LOG_LEVEL": "info", "IMAPD_PLAINTEXT_LOGIN": "yes", "IMAPD_SESSIONS_PER_ACCOUNT": 1000,
            "IMAPD_SESSIONS_PER_IP": 1000}


@pytest.fixture
def mbox(tmp_path):
    """What its clients append."""
    text = "".join(
        f"From sender@far.test Tue Jan 14 10:11:12 2025\nFrom: Sender {n} <s{n}@far.test>\nTo: <alice@example.test>\n"
        f"Subject: stress {n}\nDate: Tue, 14 Jan 2025 10:{n % 60:02}:12 +0000\nMessage-ID: <stress{n}@far.test>\n\n"
        + "a line of text\n" * (n * 7 % 90) + "\n" for n in range(200))
    (tmp_path / "stress.mbox").write_text(text)
    return tmp_path / "stress.mbox"


def imaptest(suite, port, folder, *words, timeout):
    return subprocess.run([PROGRAM, "host=127.0.0.1", f"port={port}", f"user={suite.alice}", f"pass={suite.password}", *words],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
                          timeout=timeout, errors="replace", check=False)


def complaints(text, may_be_cut):
    """How often it complained of what; numbers left out, so that equal ones are counted as one."""
    lines = [line for line in text.splitlines() if COMPLAINT.match(line)]
    return collections.Counter(re.sub(r"\d+", "N", line)[:160] for line in lines if not (may_be_cut and CUT.search(line)))


def processes(suite):
    if suite.stack == "cluster" and "imapd-2" not in suite.daemons:
        suite.start_second("imapd")
    return [daemon for name, daemon in suite.daemons.items() if name.startswith("imapd")]


def stress(suite, folder, mbox, ports, capsys, may_be_cut=False):
    with Balancer(ports) as balancer:
        got = imaptest(suite, balancer.port, folder, f"mbox={mbox}", f"clients={CLIENTS}", f"secs={SECONDS}",
                       timeout=SECONDS + 120)
    (folder / "imaptest.out").write_text(got.stdout)
    found = complaints(got.stdout, may_be_cut)
    fsck = suite.fsck()
    with capsys.disabled():
        print(f"\n  {suite.stack}: {CLIENTS} clients, {SECONDS} s, {len(ports)} imapd; {sum(found.values())} complaints; {fsck}")
        print("\n".join(got.stdout.splitlines()[-6:]))
    assert not found, f"{found.most_common(10)}: {folder / 'imaptest.out'}"
    assert " 0 problems" in fsck


@pytest.mark.skipif(not SCRIPTS, reason="IMAPTEST_SCRIPTS does not name the folder of its scripts")
def test_scripts(suite, tmp_path, capsys):
    got = imaptest(suite, suite.port("IMAP"), tmp_path, f"test={SCRIPTS}", timeout=600)
    (tmp_path / "imaptest.out").write_text(got.stdout)
    with capsys.disabled():
        print("\n" + "\n".join(line for line in got.stdout.splitlines() if "failed" in line or line.startswith("***")))
    assert re.search(r"base protocol: 0/\d+ individual commands failed", got.stdout), tmp_path / "imaptest.out"


def test_stress(suite, tmp_path, mbox, capsys):
    stress(suite, tmp_path, mbox, [daemon.ports["IMAP"] for daemon in processes(suite)], capsys)


def test_stress_with_kills(suite, tmp_path, mbox, capsys):
    daemons = processes(suite)
    ports = [daemon.ports["IMAP"] for daemon in daemons]
    ended = threading.Event()

    def kill():
        number = 0
        while not ended.wait(KILL):
            number = (number + 1) % len(daemons)
            if len(ports) > 1:
                ports.remove(daemons[number].ports["IMAP"])
            daemons[number].kill9()
            daemons[number].start()
            if daemons[number].ports["IMAP"] not in ports:
                ports[:] = [daemon.ports["IMAP"] for daemon in daemons]

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        stress(suite, tmp_path, mbox, ports, capsys, may_be_cut=True)
    finally:
        ended.set()
        killer.join()
