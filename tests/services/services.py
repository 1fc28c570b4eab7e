#!/usr/bin/env python3
"""Starts real services for tests: in a directory of their own, on free loopback ports.

    services.py mongo|rabbitmq|seaweedfs --dir DIR     prints one line of shell assignments, runs until SIGTERM
    services.py run NAME... [--dir DIR] -- COMMAND...   runs COMMAND with those assignments in its environment

Everything that is started here is a direct child of this process (RabbitMQ's epmd too) and is ended by its
process id. A service that was stopped or killed starts again on the same ports and the same data.
"""

import argparse
import http.client
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


class ServiceError(Exception):
    """A service did not start; the text ends with the last lines of its log."""


def free_ports(count):
    """`count` loopback ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def beside_python(program):
    """A program that a wheel installed beside this interpreter."""
    path = pathlib.Path(sys.executable).parent / program
    if not path.exists():
        raise ServiceError(f"{path} is missing: run this with the interpreter of the test venv")
    return str(path)


class Service:
    """One service with its own directory. start(), stop(), kill9(), restart(), env()."""

    name = ""
    ports_wanted = 1
    start_timeout = 60.0
    stop_timeout = 20.0

    def __init__(self, directory):
        self.dir = pathlib.Path(directory).resolve()
        self.dir.mkdir(parents=True, exist_ok=True)
        self.ports = free_ports(self.ports_wanted)
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    # What each service says of itself.

    def command(self):
        """The argument vector."""
        raise NotImplementedError

    def environment(self):
        """Variables on top of a bare environment."""
        return {}

    def is_up(self):
        """True once it answers; an exception counts as not yet."""
        raise NotImplementedError

    def env(self):
        """What tests need to reach it, by variable name."""
        raise NotImplementedError

    # The life of the process.

    @property
    def pid(self):
        return self.process.pid if self.process else None

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def log_path(self):
        return self.dir / f"{self.name}.log"

    def spawn(self, command, log):
        bare = {key: os.environ[key] for key in ("PATH", "LANG", "TZ") if key in os.environ}
        with open(log, "ab") as out:
            # a session of its own, so that Ctrl-C at the terminal does not end it before its tests
            return subprocess.Popen(
                command,
                cwd=self.dir,
                env={**bare, "HOME": str(self.dir), "TMPDIR": str(self.dir), **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self):
        """Starts it and returns when it answers."""
        if self.running:
            return
        self.process = self.spawn(self.command(), self.log_path())
        try:
            self.wait_up()
        except BaseException:
            self.close()
            raise

    def wait_up(self):
        deadline = time.monotonic() + self.start_timeout
        while time.monotonic() < deadline:
            if not self.running:
                raise ServiceError(f"{self.name} ended with {self.process.returncode}\n{self.log_tail()}")
            try:
                if self.is_up():
                    return
            except Exception:  # whatever a half-started service makes its client say
                pass
            time.sleep(0.1)
        raise ServiceError(f"{self.name} is not up after {self.start_timeout:.0f} s\n{self.log_tail()}")

    def log_tail(self):
        try:
            return "\n".join(self.log_path().read_text(errors="replace").splitlines()[-20:])
        except OSError:
            return ""

    def stop(self):
        """SIGTERM, and SIGKILL if that does not end it in time."""
        if not self.running:
            return
        self.process.terminate()
        try:
            self.process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.kill9()

    def kill9(self):
        """What a power cut does to it, short of the disk."""
        if self.running:
            self.process.kill()
            self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        """Ends everything that this object started."""
        self.stop()


class Mongo(Service):
    """SecantusDB: MongoDB's wire protocol, a replica set of one."""

    name = "mongo"

    def __init__(self, directory):
        super().__init__(directory)
        self.set_name = None

    def command(self):
        return [
            beside_python("secantusd-py"),
            "--host", "127.0.0.1",
            "--port", str(self.ports[0]),
            "--storage-path", str(self.dir / "data"),
            "--sync-on-commit",
        ]  # fmt: skip

    def is_up(self):
        from pymongo import MongoClient

        address = f"mongodb://127.0.0.1:{self.ports[0]}/?directConnection=true"
        with MongoClient(address, serverSelectionTimeoutMS=1000) as client:
            hello = client.admin.command("hello")
        self.set_name = hello.get("setName")
        return bool(hello.get("isWritablePrimary"))

    def env(self):
        options = f"?replicaSet={self.set_name}" if self.set_name else ""
        return {"MONGO_URI": f"mongodb://127.0.0.1:{self.ports[0]}/{options}"}


class RabbitMQ(Service):
    """RabbitMQ with its own epmd, cookie, TLS certificate and rabbitmqctl."""

    name = "rabbitmq"
    ports_wanted = 4
    bin = pathlib.Path("/usr/lib/rabbitmq/bin")

    def __init__(self, directory):
        super().__init__(directory)
        self.port, self.tls_port, self.dist_port, self.epmd_port = self.ports
        self.epmd = None

    def environment(self):
        return {
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.dir / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.dir / "log"),
            "RABBITMQ_PID_FILE": str(self.dir / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.dir / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.dir / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
            # makes the script exec the broker instead of running it as a child: the pid we hold is the broker's
            "RUNNING_UNDER_SYSTEMD": "1",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def command(self):
        return [str(self.bin / "rabbitmq-server")]

    def write_files(self):
        (self.dir / "enabled_plugins").write_text("[].\n")
        self.write_certificate()
        (self.dir / "rabbitmq.conf").write_text(
            f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
            f"ssl_options.cacertfile = {self.dir}/cert.pem\n"
            f"ssl_options.certfile = {self.dir}/cert.pem\n"
            f"ssl_options.keyfile = {self.dir}/key.pem\n"
            "ssl_options.verify = verify_none\n"
            "ssl_options.versions.1 = tlsv1.2\n"
            "ssl_options.versions.2 = tlsv1.3\n"
            "log.console.level = warning\n"
        )
        ctl = self.dir / "rabbitmqctl"
        words = [f"{key}={shlex.quote(value)}" for key, value in self.environment().items()]
        ctl.write_text(f'#!/bin/sh\nHOME={shlex.quote(str(self.dir))} {" ".join(words)} '
                       f'exec {self.bin}/rabbitmqctl "$@"\n')  # fmt: skip
        ctl.chmod(0o755)

    def write_certificate(self):
        if (self.dir / "key.pem").exists():
            return
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", str(self.dir / "key.pem"), "-out", str(self.dir / "cert.pem")],
            check=True, capture_output=True,
        )  # fmt: skip

    def start(self):
        self.write_files()
        if self.epmd is None or self.epmd.poll() is not None:
            # in the foreground, so that it is our child; the broker finds it and starts none
            epmd = shutil.which("epmd") or "/usr/bin/epmd"
            command = [epmd, "-port", str(self.epmd_port), "-address", "127.0.0.1"]
            self.epmd = self.spawn(command, self.dir / "epmd.log")
            self.wait_epmd()
        super().start()

    def wait_epmd(self):
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.epmd_port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.close()
        raise ServiceError("epmd does not start")

    def is_up(self):
        # a login's first step: the broker answers the protocol header with Connection.Start
        with socket.create_connection(("127.0.0.1", self.port), 1) as sock:
            sock.settimeout(2)
            sock.sendall(b"AMQP\x00\x00\x09\x01")
            return sock.recv(1) == b"\x01"

    def ctl(self, *words):
        """rabbitmqctl against this broker."""
        return subprocess.run([str(self.dir / "rabbitmqctl"), *words], check=True, capture_output=True, text=True)

    def close(self):
        super().close()
        if self.epmd and self.epmd.poll() is None:
            self.epmd.terminate()
            try:
                self.epmd.wait(5)
            except subprocess.TimeoutExpired:
                self.epmd.kill()
                self.epmd.wait()

    def env(self):
        return {
            "AMQP_URI": f"amqp://guest:guest@127.0.0.1:{self.port}/%2f",
            "AMQPS_URI": f"amqps://guest:guest@localhost:{self.tls_port}/%2f",
            "AMQP_CA_FILE": str(self.dir / "cert.pem"),
            "AMQP_CTL": str(self.dir / "rabbitmqctl"),
        }


class SeaweedFS(Service):
    """SeaweedFS: master, volume, filer and S3 gateway in one process."""

    name = "seaweedfs"
    ports_wanted = 10
    stop_timeout = 4.0  # its volumes are closed after one second; the filer would take ten more
    access_key = "testaccess"
    secret_key = "testsecret/with+signs="

    def command(self):
        port = iter(self.ports)
        listeners = ["-" + name for name in (
            "s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
            "filer.port", "filer.port.grpc", "s3.port.iceberg", "s3.port.lance",
        )]  # fmt: skip
        return [
            beside_python("weed"), "-logtostderr=true", "server",
            "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.dir / 'data'}",
            "-filer", "-s3", f"-s3.config={self.dir / 's3.json'}", f"-s3.localSocket={self.dir / 's3.sock'}",
            f"-filer.localSocket={self.dir / 'filer.sock'}",
            "-volume.max=200", "-volume.preStopSeconds=1", "-master.electionTimeout=1s", "-master.volumeSizeLimitMB=100", "-master.telemetry=false",
            *(f"{listener}={next(port)}" for listener in listeners),
        ]  # fmt: skip

    def start(self):
        (self.dir / "data").mkdir(exist_ok=True)
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        identity = {"name": "t", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
        (self.dir / "s3.json").write_text(json.dumps({"identities": [identity]}))
        super().start()

    def is_up(self):
        # the gateway answers before the filer behind it does: /status is the filer's own word for it
        for port, path in ((self.ports[0], "/"), (self.ports[6], "/")):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", path)
            if connection.getresponse().status >= 500:
                return False
            connection.close()
        return self.volume_ready()

    def volume_ready(self):
        """True once the master would hand out a place for a new object."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[2], timeout=2)
        connection.request("GET", "/dir/assign")
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return "fid" in answer

    def close(self):
        super().close()
        for part, port in (("s3", 1), ("master", 3), ("volume", 5), ("filer", 7)):
            # weed puts these beside any directory it is told of
            pathlib.Path(f"/tmp/seaweedfs-{part}-grpc-{self.ports[port]}.sock").unlink(missing_ok=True)

    def env(self):
        return {
            "S3_ENDPOINT": f"http://127.0.0.1:{self.ports[0]}",
            "S3_ACCESS_KEY": self.access_key,
            "S3_SECRET_KEY": self.secret_key,
        }


SERVICES = {service.name: service for service in (Mongo, RabbitMQ, SeaweedFS)}


class Stopped(Exception):
    """SIGTERM or SIGINT came."""


def on_signal(_number, _frame):
    raise Stopped


def serve(name, directory):
    """One service until a signal."""
    service = SERVICES[name](directory)
    try:
        service.start()
        words = [f"{key}={shlex.quote(value)}" for key, value in service.env().items()]
        print(*words, f"PID={service.pid}", flush=True)
        while service.running:
            time.sleep(0.2)
        print(f"{name} ended by itself\n{service.log_tail()}", file=sys.stderr)
        return 1
    except Stopped:
        return 0
    finally:
        close_all([service])


def run_around(names, directory, command):
    """COMMAND with all of `names` up; gives its exit code."""
    services = []
    environment = dict(os.environ)
    try:
        for name in names:
            services.append(SERVICES[name](directory / name))
            services[-1].start()
            environment.update(services[-1].env())
        return subprocess.run(command, env=environment, check=False).returncode
    except Stopped:
        return 130
    finally:
        close_all(services)


def close_all(services):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for service in services:
        service.close()


def parse_arguments(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=[*SERVICES, "run"], metavar="NAME")
    parser.add_argument("--dir", type=pathlib.Path)
    command = []
    if "--" in words:
        at = words.index("--")
        words, command = words[:at], words[at + 1 :]
    arguments = parser.parse_args(words)
    around = arguments.names[0] == "run"
    if "run" in arguments.names[1:] or (not around and len(arguments.names) > 1):
        parser.error("one service, or: run NAME... -- COMMAND...")
    if around != bool(command):
        parser.error("run needs a command after --, and only run takes one")
    if not around and not arguments.dir:
        parser.error("--dir is needed")
    return arguments.names, arguments.dir, command


def main(words):
    names, directory, command = parse_arguments(words)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        if names[0] != "run":
            return serve(names[0], directory)
        with tempfile.TemporaryDirectory(prefix="posthouse-services-") as own:
            return run_around(names[1:], directory or pathlib.Path(own), command)
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    except Stopped:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
