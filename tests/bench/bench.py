"""What the benchmarks share: clients that are built, runs by turns, a table, and the numbers as JSON.

Each measurement is made by turns (Posthouse, the other, Posthouse, the other, ...) against servers that stay up the
whole time, so that what else the machine does hits both.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

import measure
import texts
from servers import ROOT

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = {"smtp_load": [], "imap_load": ["-lssl", "-lcrypto", "-lpthread"], "imap_mix": ["-lssl", "-lcrypto", "-lpthread", "-lm"]}


class Bench:
    """One comparison: `clients` are built, `ours` and `others` stay up while the parts run."""

    clients = ()
    parts = ()      # run_NAME() of each

    def __init__(self, args, folder):
        self.args = args
        self.dir = pathlib.Path(folder)
        self.scale = 10 if args.quick else 1
        self.ours, self.others = None, []
        self.results = []
        self.round = 0
        self.begun = time.monotonic()

    # ---- clients ----

    def build_clients(self):
        for name in self.clients:
            subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", str(HERE / f"{name}.c"), "-o", str(self.dir / name),
                            *CLIENTS[name]], check=True)

    def client(self, name, *words):
        got = subprocess.run([str(self.dir / name), *map(str, words)], capture_output=True, text=True)
        if got.returncode:
            raise SystemExit(f"{name} {' '.join(map(str, words))}: {got.stderr.strip()}")
        return json.loads(got.stdout)

    # ---- by turns ----

    def timed(self, server, kind, load, prepare=None):
        """One run: operations a second, and CPU for each, the server's work after the last answer included."""
        if prepare:
            prepare(server)
        before = measure.cpu_seconds(server.pids(kind))
        got = load(server)
        server.settle()
        cpu = measure.cpu_seconds(server.pids(kind)) - before
        return {"rate": got["operations"] / got["seconds"], "cpu_us": cpu / got["operations"] * 1e6,
                "client_share": got["client_cpu"] / got["seconds"], **got}

    def compare(self, name, other, kind, load, target, warm=True, prepare=None):
        """Runs `load` on ours and the other by turns, each behind prepare(server), which is not measured."""
        runs = {self.ours.name: [], other.name: []}
        for turn in range(self.args.runs + warm):
            for server in (self.ours, other):
                self.round += 1
                got = self.timed(server, kind, load, prepare)
                if turn >= warm:
                    runs[server.name].append(got)
                self.say(f"{name}: {server.name} {got['rate']:.4g}/s, {got['cpu_us']:.3g} us CPU each"
                         + (" (warm-up)" if turn < warm else ""))
        sums = {who: {key: measure.summary([run[key] for run in all_runs]) for key in ("rate", "cpu_us", "client_share")}
                for who, all_runs in runs.items()}
        ours, theirs = sums[self.ours.name], sums[other.name]
        self.results.append({
            "name": name, "other": other.name, "target": target, "runs": runs, "summary": sums,
            "ratio": ours["rate"]["median"] / theirs["rate"]["median"],
            "cpu_ratio": ours["cpu_us"]["median"] / theirs["cpu_us"]["median"] if theirs["cpu_us"]["median"] else None,
        })

    def say(self, text):
        print(f"{time.monotonic() - self.begun:6.0f} s  {text}", file=sys.stderr, flush=True)

    # ---- IMAP ----

    def seed(self, other, mailbox, messages, size):
        """`messages` in u0's `mailbox` on both: APPENDs from 8 connections at once, or MULTIAPPENDs of 500."""
        for server, way in ((self.ours, (8, messages, size, mailbox, 16)), (other, (1, messages, size, mailbox, 1, 500))):
            start = time.monotonic()
            self.client("imap_load", server.imap_port(), "append", first_user(server), server.password, *way)
            self.say(f"{server.name}: {messages} messages in {mailbox}, {time.monotonic() - start:.1f} s")

    def commands(self, count, repeat, *lines, responses=None, tls=False):
        """The lines, `repeat` times; those that begin with "=" are timed, and are `count` operations together."""
        def load(server):
            way = ["--tls", server.imaps_port()] if tls else [server.imap_port()]
            got = self.client("imap_load", *way, "commands", first_user(server), server.password, repeat, *lines)
            if responses is not None and got["responses"] != responses * repeat:
                raise SystemExit(f"{server.name}: {got['responses']} responses to {lines}, not {responses * repeat}")
            return {**got, "operations": count * repeat, "commands": got["operations"]}
        return load

    def append(self, connections, messages, size, tls=False):
        def load(server):
            way = ["--tls", server.imaps_port()] if tls else [server.imap_port()]
            return self.client("imap_load", *way, "append", server.users, server.password, connections,
                               max(messages // self.scale, connections), size, f"run{self.round}")
        return load

    def searches(self, other):
        """[(name, load by `tls`, target)] over a mailbox of texts, which is made."""
        n = 10000 // self.scale
        for server in (self.ours, other):
            texts.seed(server.imap_port(), first_user(server), server.password, "texts", n)
        return [(name, lambda tls, words=(repeat, "^SELECT texts", f"=SEARCH {keys}"): self.commands(1, *words, tls=tls), target)
                for name, keys, repeat, target in (
                    (f"SEARCH TEXT over {n:,}: a word in 1 of 200", f"TEXT {texts.RARE}", 20, ">= 100x"),
                    ("a word in none", f"TEXT {texts.NOWHERE}", 20, ">= 100x"),
                    ("a word in one of five", f"TEXT {texts.FIFTH}", 5, ">= 5x"),
                    ("the rare word, NOT and OR", f"NOT OR NOT TEXT {texts.RARE} BODY {texts.NOWHERE}", 20, ""),
                    ("two letters", "TEXT qj", 1, ""))]

    def idle(self, other, connections, tls=True):
        """Memory that sessions in IDLE add, each, to a server that has just started."""
        result = {"name": f"memory of an idle session ({connections}{', TLS' if tls else ''})", "bytes": {}, "other": other.name,
                  "target": "<= 24 KiB"}
        for server in (self.ours, other):
            server.restart_imap()
            before = measure.memory(server.pids("imap"))
            way = ["--tls", str(server.imaps_port())] if tls else [str(server.imap_port())]
            client = subprocess.Popen([str(self.dir / "imap_load"), *way, "idle", server.users, server.password, str(connections)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            if client.stdout.readline().strip() != "ready":
                raise SystemExit(f"{server.name}: the idle sessions did not come up")
            time.sleep(2)
            result["bytes"][server.name] = (measure.memory(server.pids("imap")) - before) / connections
            client.stdin.close()
            client.wait()
            time.sleep(1)
            self.say(f"idle: {server.name} {result['bytes'][server.name] / 1024:.1f} KiB a session")
        result["ratio"] = result["bytes"][self.ours.name] / result["bytes"][other.name]
        self.results.append(result)

    # ---- the whole ----

    def run(self):
        for part in self.args.only.split(",") if self.args.only else self.parts:
            getattr(self, f"run_{part}")()

    def table(self):
        lines = [f"{'':<46} {self.ours.name:>28} {'the other':>34} {'ratio':>7} {'CPU us each':>16} {'target':>10}"]
        for row in self.results:
            if "bytes" in row:
                ours, theirs = (row["bytes"][who] / 1024 for who in (self.ours.name, row["other"]))
                lines.append(f"{row['name']:<46} {ours:>24.1f} KiB {row['other']:>8} {theirs:>21.1f} KiB "
                             f"{row['ratio']:>6.2f}x {'':>16} {row['target']:>10}")
                continue
            ours, theirs = row["summary"][self.ours.name], row["summary"][row["other"]]

            def spread(values):
                return f"{values['median']:.4g} ({values['min']:.4g}-{values['max']:.4g})"
            cpu = " : ".join(f"{who['cpu_us']['median']:.3g}" for who in (ours, theirs))
            lines.append(f"{row['name']:<46} {spread(ours['rate']):>28} {row['other']:>8} {spread(theirs['rate']):>25} "
                         f"{row['ratio']:>6.2f}x {cpu:>16} {row['target']:>10}")
        return "\n".join(lines)

    def write(self):
        out = pathlib.Path(self.args.out)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps({
            "machine": {"cpus": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()},
            "dovecot_format": self.args.dovecot_format, "log_level": self.args.log_level, "results": self.results,
        }, indent=1) + "\n")


def first_user(server):
    return server.users.replace("%d", "0")


def arguments(text, parts, out):
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", default=str(ROOT / "build" / "release" / "bin"), help="where the daemons are")
    parser.add_argument("--runs", type=int, default=3, help="runs of each that count, after one that does not (%(default)s)")
    parser.add_argument("--only", help=f"of {', '.join(parts)}; comma-separated")
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages: to see that it works")
    parser.add_argument("--dovecot-format", choices=["mdbox", "maildir", "sdbox"], default="mdbox", help="(%(default)s)")
    parser.add_argument("--log-level", default="info", help="of Posthouse; the others log to files as they come (%(default)s)")
    parser.add_argument("--dir", help="folder for the servers' files; on the disk that is to be measured (a temporary one)")
    parser.add_argument("--nice", type=int, default=0, help="run servers and clients at this niceness: on a busy machine, -15")
    parser.add_argument("--out", default=str(ROOT / "build" / out), help="(%(default)s)")
    return parser


def main(parser, kind):
    """Servers up, the parts, servers down, the table. It is printed, as far as it came, also when a part fails."""
    args = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("needs root: Postfix and Dovecot start as root")
    os.nice(args.nice)
    folder = tempfile.mkdtemp(prefix="bench.", dir=args.dir)
    os.chmod(folder, 0o755)  # Postfix's and Dovecot's users go through it
    bench = kind(args, folder)
    started = []
    try:
        bench.build_clients()
        for server in (bench.ours, *bench.others):
            started.append(server)
            server.start()
        bench.run()
    finally:
        for server in started:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        print(bench.table())
        bench.write()
