"""The servers that are measured, each with a configuration of its own in a folder of its own, on loopback ports.

All three are durable: Posthouse answers after its commit is on the disk, Postfix after its queue file is,
Dovecot (mail_fsync = optimized) after the message and its index are.
"""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system" / "lib"))
sys.path.insert(0, str(ROOT / "tests" / "services"))

from suite import DOMAIN, Suite, wait_for  # noqa: E402
from services import free_ports  # noqa: E402

USERS = 20


def listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Posthouse:
    """smtpd and imapd on the embedded stack, everything sealed; logs to files at `log_level`."""

    name = "Posthouse"

    def __init__(self, folder, binaries, log_level="info"):
        self.suite = Suite("embedded", binaries, folder, {
            "LOG_LEVEL": log_level, "IMAPD_PLAINTEXT_LOGIN": "yes", "IMAPD_SESSIONS_PER_IP": "5000",
            "IMAPD_SESSIONS_PER_ACCOUNT": "5000", "SMTPD_SESSIONS_PER_IP": "5000",
        })
        self.users = f"u%d@{DOMAIN}"
        self.password = self.suite.password

    def start(self):
        self.suite.__enter__()
        self.suite.start("smtpd", "imapd")
        for number in range(USERS):
            self.suite.user(f"u{number}")

    def stop(self):
        self.suite.__exit__(None, None, None)

    def recipients(self):
        return [f"u{number}@{DOMAIN}" for number in range(USERS)]

    def smtp_port(self):
        return self.suite.port("SMTP")

    def imap_port(self):
        return self.suite.port("IMAP")

    def imaps_port(self):
        return self.suite.port("IMAPS")

    def pids(self, kind):
        return [self.suite.daemons["smtpd" if kind == "smtp" else "imapd"].process.pid]

    def restart_imap(self):
        self.suite.daemons["imapd"].stop()
        self.suite.daemons["imapd"].start()

    def settle(self):
        """The rest of the work that an answered message makes: a checkpoint after a second of quiet."""
        time.sleep(1.5)


class Postfix:
    """Accepts into its queue (each file synced); what it accepted goes to the discard transport: nothing is delivered."""

    name = "Postfix"

    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        self.port = free_ports(1)[0]
        self.process = None

    def start(self):
        for name in ("etc", "spool", "data"):
            (self.dir / name).mkdir(parents=True)
        postfix = pwd.getpwnam("postfix")
        os.chown(self.dir / "data", postfix.pw_uid, postfix.pw_gid)
        etc = self.dir / "etc"
        (etc / "users").write_text("".join(f"{user} x\n" for user in self.recipients()))
        (etc / "main.cf").write_text(f"""\
compatibility_level = 3.6
queue_directory = {self.dir}/spool
data_directory = {self.dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = mail.example.test
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = hash:{etc}/users
virtual_transport = discard
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
maillog_file = {self.dir}/postfix.log
maillog_file_prefixes = {self.dir}
in_flow_delay = 0
default_process_limit = 200
discard_destination_concurrency_limit = 50
""")
        (etc / "master.cf").write_text(f"""\
127.0.0.1:{self.port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
""")
        subprocess.run(["postmap", "-c", str(etc), f"hash:{etc}/users"], check=True)
        subprocess.run(["postfix", "-c", str(etc), "check"], check=True, capture_output=True)
        self.process = subprocess.Popen(["postfix", "-c", str(etc), "start-fg"], start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=(self.dir / "stderr").open("wb"))
        wait_for("Postfix to listen", lambda: listening(self.port))

    def stop(self):
        if self.process:
            subprocess.run(["postfix", "-c", str(self.dir / "etc"), "stop"], check=False, capture_output=True)
            self.process.wait(20)

    def recipients(self):
        return [f"u{number}@{DOMAIN}" for number in range(USERS)]

    def smtp_port(self):
        return self.port

    def pids(self, _kind):
        return [self.process.pid]

    def settle(self):
        """Until the queue is empty: what was accepted is also worked off."""
        def empty():
            return not any(files for name in ("incoming", "active", "deferred")
                           for _, _, files in os.walk(self.dir / "spool" / name))
        wait_for("Postfix's queue to empty", empty, 300)
        time.sleep(0.5)


class Dovecot:
    """IMAP with the settings that make it fast: processes that stay, an auth cache, no name look-ups."""

    name = "Dovecot"

    def __init__(self, folder, mail_format="mdbox"):
        self.dir = pathlib.Path(folder)
        self.format = mail_format
        self.port, self.tls_port = free_ports(2)
        self.process = None
        self.users = "u%d"
        self.password = "secret"

    def start(self):
        for name in ("run", "state", "mail"):
            (self.dir / name).mkdir(parents=True)
        mail = pwd.getpwnam("mail")
        os.chown(self.dir / "mail", mail.pw_uid, mail.pw_gid)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "30", "-subj", "/CN=localhost", "-keyout", str(self.dir / "key.pem"),
                        "-out", str(self.dir / "cert.pem")], check=True, capture_output=True)
        (self.dir / "dovecot.conf").write_text(f"""\
base_dir = {self.dir}/run
state_dir = {self.dir}/state
log_path = {self.dir}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.dir}/cert.pem
ssl_key = <{self.dir}/key.pem
disable_plaintext_auth = no
auth_cache_size = 10 M
first_valid_uid = 1
mail_location = {self.format}:~/{self.format}
mail_fsync = optimized
mail_max_userip_connections = 10000
default_vsz_limit = 0
default_client_limit = 10000
default_process_limit = 3000
passdb {{
  driver = static
  args = password={self.password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={self.dir}/mail/%u
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 10000
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = {self.tls_port}
    ssl = yes
  }}
}}
service imap {{
  service_count = 1000
  process_min_avail = 2
  process_limit = 3000
}}
service anvil {{
  client_limit = 10000
}}
service auth {{
  client_limit = 10000
}}
""")
        self.run()

    def run(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", str(self.dir / "dovecot.conf")], start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=(self.dir / "stderr").open("wb"))
        wait_for("Dovecot to listen", lambda: listening(self.port))

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def restart_imap(self):
        self.stop()
        self.run()

    def imap_port(self):
        return self.port

    def imaps_port(self):
        return self.tls_port

    def pids(self, _kind):
        return [self.process.pid]

    def settle(self):
        time.sleep(1.5)


def have(program):
    return shutil.which(program) is not None or os.path.exists(f"/usr/sbin/{program}")
