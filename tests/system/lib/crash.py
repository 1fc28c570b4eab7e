"""Rounds of kill -9 under load (P1): a random daemon, or the store's own service, dies and is started again."""

import random
import time

from load import Load


WEIGHTS = {"smtpd": 3, "imapd": 3, "mta": 2, "admin": 1, "mongo": 3}  # those that answer for mail die more often


def pick_victim(suite, chance):
    """A running daemon or, where there is one, the store's service."""
    found = {**suite.daemons, **{name: suite.services[name] for name in ("mongo",) if name in suite.services}}
    names = sorted(found)
    return found[chance.choices(names, [WEIGHTS[name] for name in names])[0]]


def crash_rounds(suite, users, rounds, seed=None, report=print):
    """Returns how many messages were acknowledged; raises when one of them is lost, double or damaged."""
    seed = seed if seed is not None else random.randrange(1 << 32)
    chance = random.Random(seed)
    load = Load(suite, users).start()
    deaths = {}
    try:
        for number in range(rounds):
            time.sleep(chance.uniform(0.1, 0.8))
            victim = pick_victim(suite, chance)
            victim.kill9()
            deaths[victim.name] = deaths.get(victim.name, 0) + 1
            time.sleep(chance.uniform(0, 0.3))
            victim.start()
            if number % 25 == 24:
                report(f"round {number + 1}: {len(load.acked)} acknowledged of {len(load.attempts)}, deaths {deaths}")
        time.sleep(0.5)
    finally:
        load.stop()
    acked = load.check()
    report(f"{rounds} rounds (seed {seed}), deaths {deaths}: {acked} messages acknowledged of {len(load.attempts)} "
           f"attempts, each there once; failures that clients saw: {dict(load.errors)}")
    summary = suite.fsck()
    report(summary)
    assert " 0 problems" in summary
    return acked
