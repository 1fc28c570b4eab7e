"""Rounds of kill -9 under load (P1): a random daemon, or a service that the stack stands on, dies and is started again.

A death comes only after every kind of client has been served since the last one, and with something under way in the
victim. Nobody else may die of it.
"""

import collections
import concurrent.futures
import random
import time

from load import Load

# those that answer for mail die more often, those that take long to start less
WEIGHTS = {"smtpd": 6, "imapd": 6, "mta": 4, "admin": 2, "mongo": 6, "seaweedfs": 1, "rabbitmq": 1}
SERVES = {"smtpd": ("smtp", "out"), "imapd": ("append",), "mongo": ("smtp", "append", "out")}
SLOW = ("seaweedfs", "rabbitmq")    # they come back while others die already
REPORT_EVERY = 25
SETTINGS = {"LOG_LEVEL": "info", "MTA_POLL": "1s", "MTA_LEASE": "5s", "MTA_RETRY": "1s"}    # nobody wants to wait longer


class Crashes:
    def __init__(self, suite, load, services, seed):
        self.suite = suite
        self.load = load
        self.chance = random.Random(seed)
        self.victims = {**suite.daemons, **{name: suite.services[name] for name in services if name in suite.services}}
        self.deaths = collections.Counter()
        self.busy = collections.Counter()   # deaths with something under way
        self.longest = collections.Counter()    # seconds from the death until everybody is served again
        self.last = None                    # (who, when)
        self.pool = concurrent.futures.ThreadPoolExecutor()
        self.starting = {}

    def round(self):
        self.recover()
        time.sleep(self.chance.uniform(0, 0.3))
        self.join_started()
        names = sorted(self.victims.keys() - self.starting.keys())
        name = self.chance.choices(names, [WEIGHTS[name] for name in names])[0]
        for daemon in self.suite.daemons.values():
            assert daemon.running(), f"{daemon.name} died by itself ({daemon.process.returncode}): {daemon.tail()}"
        self.wait_for_work(name)
        self.busy[name] += self.is_at_work(name)
        self.victims[name].kill9()
        self.deaths[name] += 1
        self.last = name, time.monotonic()
        time.sleep(self.chance.uniform(0, 0.2))
        if name in SLOW:
            self.starting[name] = self.pool.submit(self.victims[name].start)
        else:
            self.victims[name].start()

    def join_started(self, wait=False):
        for name, start in list(self.starting.items()):
            if wait or start.done():
                start.result()      # or what went wrong
                del self.starting[name]

    def recover(self):
        self.load.wait_for_progress()
        if self.last:
            name, when = self.last
            self.longest[name] = max(self.longest[name], time.monotonic() - when)

    def is_at_work(self, name):
        return (self.load.to_go_out() if name == "mta" else self.load.under_way(SERVES.get(name, self.load.kinds))) > 0

    def wait_for_work(self, name):
        """At a moment within it that nobody chose; what is not at work in a second is killed idle."""
        end = time.monotonic() + 1
        if not self.is_at_work(name):
            while not self.is_at_work(name) and time.monotonic() < end:
                time.sleep(0.001)
            time.sleep(self.chance.uniform(0, 0.01))

    def summary(self):
        """Deaths, how many of them in the middle of something, and the longest until all were served again."""
        return ", ".join(f"{name} {n} ({self.busy[name]} at work, {self.longest[name]:.1f} s)"
                         for name, n in sorted(self.deaths.items()))


def crash_rounds(suite, users, rounds, seed=None, services=("mongo",), sink=None, report=print):
    """Returns how many messages were acknowledged; raises when one of them is lost, double or damaged."""
    seed = seed if seed is not None else random.randrange(1 << 32)
    start = time.monotonic()
    report(f"{rounds} rounds on the {suite.stack} stack, seed {seed}")
    load = Load(suite, users, sink=sink).start()
    crashes = Crashes(suite, load, services, seed)
    try:
        for number in range(1, rounds + 1):
            crashes.round()
            if number % REPORT_EVERY == 0:
                report(f"round {number}, {time.monotonic() - start:.0f} s: {sum(load.acks.values())} acknowledged of "
                       f"{len(load.attempts)}; deaths: {crashes.summary()}")
        crashes.join_started(wait=True)
        crashes.recover()
    finally:
        load.stop()
    acked = load.check()
    report(f"{rounds} rounds (seed {seed}) in {time.monotonic() - start:.0f} s, deaths: {crashes.summary()}")
    report(f"{acked} messages acknowledged of {len(load.attempts)} attempts, {dict(load.acks)}: each there once"
           + (f"; sent to the other host again: {load.sent_again}" if sink else "")
           + f"; in both mailboxes, for a while, after a MOVE without an answer: {load.in_both}")
    report(f"failures that clients saw: {dict(load.errors)}")
    problems = suite.fsck()
    report(f"fsck: {problems}")
    assert " 0 problems" in problems
    assert sum(crashes.busy.values()) >= rounds * 0.8, "the load was too little for the deaths to matter"
    return acked
