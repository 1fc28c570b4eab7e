"""DKIM signatures, judged by another implementation against the records that a suite's DNS serves.

    suite.set_zone(zone + suite.cli("domain", "show", "example.test"))
    assert algorithms(data) == BOTH and all(verifies(suite, data, index) for index in range(2))
"""

import re

import dkim
import dns.resolver

BOTH = {b"rsa-sha256", b"ed25519-sha256"}


def algorithms(data):
    """Of all signatures of a message."""
    return set(re.findall(rb"a=([a-z0-9-]+);", data.partition(b"\r\n\r\n")[0]))


def verifies(suite, data, index):
    """Whether a message's signature number `index` holds."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], suite.dns.port

    def txt(name, timeout=5):
        return b"".join(resolver.resolve(name.decode(), "TXT")[0].strings)

    try:
        return dkim.DKIM(data).verify(idx=index, dnsfunc=txt)
    except dkim.ValidationError:
        return False
