"""A Posthouse of the test's own: its folder, its services, its four daemons, on free loopback ports.

    with Suite("embedded", binaries, folder) as suite:
        suite.start()                          # all four daemons
        suite.user("alice")                    # alice@example.test, its password in suite.password
        suite.daemons["smtpd"].kill9()         # and .start() again

Everything that is started here is ended here, by process id.
"""

import imaplib
import os
import pathlib
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "services"))

import services  # noqa: E402
from fakedns import FakeDns  # noqa: E402

DAEMONS = ("smtpd", "imapd", "mta", "admin")
DOMAIN = "example.test"
HOSTNAME = "mail.example.test"


def wait_for(what, condition, seconds=20.0, pause=0.05):
    """Polls until `condition` gives something true; that is returned."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(pause)


class Daemon:
    """One daemon process of a suite."""

    def __init__(self, suite, name, instance=""):
        self.suite = suite
        self.name = name
        self.log = suite.dir / "logs" / f"{name}{instance}.log"
        self.process = None
        self.ports = {}

    def start(self, wait=True):
        ports = self.suite.dir / "run" / f"{self.name}.ports"
        seen = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.suite.bin / self.name), "--config", str(self.suite.conf)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.suite.environment())
        if wait:
            wait_for(f"{self.name} to be ready", lambda: self.is_ready(seen), 30)
            self.ports = dict(line.split("=") for line in ports.read_text().split())
            self.ports = {name: int(port) for name, port in self.ports.items()}
        return self

    def is_ready(self, seen):
        """Whether it has said so after the first `seen` bytes of its log."""
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.tail()}")
        with self.log.open("rb") as log:
            log.seek(seen)
            return b'"msg":"ready"' in log.read()

    def tail(self, lines=8):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else "(none)"

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill9(self):
        if self.running():
            self.process.kill()
        self.process.wait()
        # libmongoc's counters: whoever gets this process id next would find them and say so
        pathlib.Path(f"/dev/shm/mongoc-{self.process.pid}").unlink(missing_ok=True)

    def stop(self, seconds=40):
        """SIGTERM, and the exit code: 0 is a clean drain."""
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not drain in {seconds} s: {self.tail()}") from None
        return self.process.returncode

    def metrics(self):
        """{'name{labels}': value} of /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['MONITOR']}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['MONITOR']}/readyz", timeout=10) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False


def start_services(stack, folder):
    """What a stack needs beside the daemons, running: {name: service}."""
    running = {}
    try:
        for name in ("mongo", "rabbitmq", "seaweedfs") if stack == "cluster" else ():
            running[name] = services.SERVICES[name](folder / name)
            running[name].start()
    except BaseException:
        for service in running.values():
            service.close()
        raise
    return running


class Suite:
    """`services`: those of start_services() that several suites share; without: its own. `settings`: "MTA_POLL": "1s"."""

    def __init__(self, stack, binaries, folder, settings=None, services=None):
        self.stack = stack
        self.bin = pathlib.Path(binaries)
        self.dir = pathlib.Path(folder)
        self.conf = self.dir / "posthouse.conf"
        self.settings = settings or {}
        self.owned = {}         # services that end with it
        self.services = services or {}
        self.daemons = {}
        self.password = "correct horse battery"
        self.token = ""
        self.dns = FakeDns(self.zone())

    # ---- life ----

    def __enter__(self):
        self.dir.mkdir(parents=True, exist_ok=True)
        (self.dir / "logs").mkdir(exist_ok=True)
        self.dns.__enter__()
        try:
            if not self.services:
                self.services = self.owned = start_services(self.stack, self.dir / "services")
            self.cli("init", str(self.dir), HOSTNAME, conf=False)
            self.write_conf()
            self.cli("domain", "add", DOMAIN)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for daemon in self.daemons.values():
            if daemon.running():
                daemon.process.terminate()
        for daemon in self.daemons.values():
            if daemon.process is not None:
                try:
                    daemon.process.wait(20)
                except subprocess.TimeoutExpired:
                    daemon.kill9()
        for service in self.owned.values():
            service.close()
        self.dns.__exit__(None, None, None)

    def zone(self):
        """The names that tests start from; set_zone() adds to them."""
        return f"{DOMAIN}. MX 10 {HOSTNAME}\n{HOSTNAME}. A 192.0.2.1\n"

    def set_zone(self, text):
        self.dns.load(self.zone() + text)

    def start(self, *names):
        for name in names or DAEMONS:
            self.daemons[name] = Daemon(self, name)
            self.daemons[name].start()
        if "admin" in self.daemons and not self.token:
            self.token = self.cli("token", "add", "tests", "owner").strip()
        return self

    def start_second(self, name):
        """One more process of a daemon, on ports of its own."""
        second = self.daemons[f"{name}-2"] = Daemon(self, name, "-2")
        return second.start()

    def environment(self):
        return {**os.environ, **{f"POSTHOUSE_{name}": str(value) for name, value in self.settings.items()}}

    def write_conf(self):
        lines = [f'hostname = "{HOSTNAME}"', f'data_dir = "{self.dir}"', f'dns_servers = "{self.dns.address}"',
                 'log_level = "debug"']
        if self.stack == "cluster":
            env = {}
            for service in self.services.values():
                env.update(service.env())
            name = "posthouse" + re.sub(r"[^a-z0-9]", "", self.dir.name.lower())[:40]  # services may be shared, data is not
            lines += ['store = "mongo"', f'mongo_uri = "{env["MONGO_URI"]}"', f'mongo_db = "{name}"',
                      'bus = "amqp"', f'amqp_uri = "{env["AMQP_URI"]}"',
                      'blobs = "s3"', f's3_endpoint = "{env["S3_ENDPOINT"]}"', f's3_bucket = "{name}"',
                      f's3_access_key = "{env["S3_ACCESS_KEY"]}"', f's3_secret_key = "{env["S3_SECRET_KEY"]}"']
        lines += ["smtpd {", '  listen = "127.0.0.1:0"', '  listen_submission = "127.0.0.1:0"',
                  '  listen_submissions = "127.0.0.1:0"', '  monitor = "127.0.0.1:0"', '  xclient_from = "127.0.0.1"', "}",
                  "imapd {", '  listen = "127.0.0.1:0"', '  listen_tls = "127.0.0.1:0"', '  monitor = "127.0.0.1:0"', "}",
                  "mta {", '  monitor = "127.0.0.1:0"', "}",
                  "admin {", '  listen = "127.0.0.1:0"', '  monitor = "127.0.0.1:0"', "}"]
        self.conf.write_text("\n".join(lines) + "\n")

    # ---- the command line ----

    def cli(self, *words, stdin="", conf=True, check=True):
        command = [str(self.bin / "posthouse")] + (["--config", str(self.conf)] if conf else []) + ["--yes", *words]
        got = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120,
                             env=self.environment())
        if check and got.returncode:
            raise AssertionError(f"posthouse {' '.join(words)}: {got.returncode} {got.stderr}")
        return got.stdout

    def user(self, name, quota=None):
        address = f"{name}@{DOMAIN}"
        self.cli("user", "add", address, *([quota] if quota else []), stdin=self.password + "\n")
        return address

    def fsck(self):
        """The summary line; raises with the problems when there are any."""
        return self.cli("fsck").strip().splitlines()[-1]

    def queue(self):
        """Of each entry in the queue, how often it was tried."""
        text = self.cli("queue", "list")
        attempts = [int(n) for n in re.findall(r"^[0-9a-f]{32} .* bytes +(\d+) attempts ", text, re.M)]
        assert text.endswith(f"{len(attempts)} entries\n"), text
        return attempts

    # ---- clients ----

    @property
    def ca_file(self):
        return str(self.dir / "keys" / "ca.crt")

    def tls(self):
        return ssl.create_default_context(cafile=self.ca_file)

    def port(self, name):
        for daemon in self.daemons.values():
            if name in daemon.ports:
                return daemon.ports[name]
        raise KeyError(name)

    def imap(self, user=None, port=None):
        """imaplib over TLS, logged in when a user is given."""
        client = imaplib.IMAP4_SSL("localhost", port or self.port("IMAPS"), ssl_context=self.tls(), timeout=30)
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)      # it writes literals in two parts: 40 ms each
        if user:
            client.login(user, self.password)
        return client

    def smtp(self):
        """smtplib on the MX port."""
        return smtplib.SMTP("127.0.0.1", self.port("SMTP"), local_hostname="client.test", timeout=60)

    def submission(self, user):
        client = smtplib.SMTP("localhost", self.port("SUBMISSION"), local_hostname="client.test", timeout=60)
        client.starttls(context=self.tls())
        client.login(user, self.password)
        return client

    def deliver(self, to, text, sender="sender@far.test"):
        """One message through the MX port; `text` is header and body with any line ends."""
        with self.smtp() as client:
            client.sendmail(sender, to, re.sub(r"\r?\n", "\r\n", text).encode())

    def api(self, method, path, body=None, token=None):
        """(status, json) of the REST API."""
        import json
        request = urllib.request.Request(
            f"https://localhost:{self.port('ADMIN')}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, context=self.tls(), timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text else None


def end_process(process):
    """For programs that a test started beside the suite."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
