#!/usr/bin/env python3
"""A DNS server for tests: answers from a zone text, on loopback, UDP and TCP.

    with FakeDns("example.test. A 192.0.2.1") as dns:
        start_a_daemon(dns_servers=dns.address)          # "127.0.0.1@40123"
        assert ("example.test", "A") in dns.asked

or from a shell:  fakedns.py PORT ZONEFILE [--log FILE] [--delay-ms N] [--anchor FILE]

The zone text is that of zone files, with absolute names; names end without a dot
where one likes. Pragmas are lines of their own:

    ;!SERVFAIL name        every question for this name fails
    ;!TIMEOUT name         ... is not answered
    ;!REFUSED name         ... is refused
    ;!SIGN zone            the zone is signed; `anchor` is what a validator trusts
    ;!BOGUS name           its signatures are damaged (below a signed zone)

A parent of a name exists, as in the real DNS; what is nowhere is NXDOMAIN.
"""
import argparse
import contextlib
import datetime
import socket
import struct
import sys
import threading
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

UDP_MAX = 1232
TTL = 300
NEGATIVE_TTL = 1


def lower(name):
    return str(name).rstrip(".").lower()


class Zone:
    """What the server knows. Never changed: a new text makes a new Zone."""

    def __init__(self, text):
        self.rrsets = {}        # (name, type) -> RRset
        self.names = set()      # all that exist
        self.ways = {}          # name -> "SERVFAIL", "TIMEOUT", "REFUSED"
        self.signed = []        # origins, as dns.name
        self.anchor = ""        # DS records of what is signed
        bogus = set()
        records = []
        for line in text.splitlines():
            line = line.strip()
            if line.startswith(";!"):
                what, name = line[2:].split()
                if what == "SIGN":
                    self.signed.append(dns.name.from_text(name))
                elif what == "BOGUS":
                    bogus.add(lower(name))
                elif what in ("SERVFAIL", "TIMEOUT", "REFUSED"):
                    self.ways[lower(name)] = what
                else:
                    raise ValueError(f"unknown pragma: {line}")
            elif line and not line.startswith(";"):
                records.append(self.parse(line))
        for name, ttl, rdata in records:
            self.add(name, ttl, rdata)
        for origin in self.signed:
            self.sign(origin, bogus)
        for name, _ in list(self.rrsets):
            while name:
                self.names.add(name)
                name = name.partition(".")[2]

    @staticmethod
    def parse(line):
        """name [ttl] [IN] type rdata"""
        words = line.split(None, 1)
        name, rest, ttl = dns.name.from_text(words[0]), words[1], TTL
        while True:
            word, rest = rest.split(None, 1)
            if word.isdigit():
                ttl = int(word)
            elif word.upper() != "IN":
                return name, ttl, dns.rdata.from_text("IN", word, rest, dns.name.root, relativize=False)

    def add(self, name, ttl, rdata):
        covers = rdata.covers() if rdata.rdtype == dns.rdatatype.RRSIG else dns.rdatatype.NONE
        key = (lower(name), rdata.rdtype if not covers else ("RRSIG", covers))
        if key not in self.rrsets:
            self.rrsets[key] = dns.rrset.RRset(name, rdata.rdclass, rdata.rdtype, covers)
        self.rrsets[key].add(rdata, ttl)

    def sign(self, origin, bogus):
        """Signs all that is at and below `origin`; its SOA and NS are made up if they are not there."""
        zone = dns.zone.Zone(origin, relativize=False)
        for what in ("SOA", f"NS ns.{origin}"):
            kind = dns.rdatatype.from_text(what.split()[0])
            if (lower(origin), kind) not in self.rrsets:
                rdata = what if kind == dns.rdatatype.NS else f"SOA ns.{origin} root.{origin} 1 3600 600 86400 {TTL}"
                self.add(origin, TTL, dns.rdata.from_text("IN", kind, rdata.split(None, 1)[1]))
        for rrset in self.rrsets.values():
            if rrset.name.is_subdomain(origin):
                zone.replace_rdataset(rrset.name, rrset.to_rdataset())
        key = ec.generate_private_key(ec.SECP256R1())
        dnskey = dns.dnssec.make_dnskey(key.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=257)
        inception = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        with zone.writer() as txn:
            dns.dnssec.sign_zone(zone=zone, txn=txn, keys=[(key, dnskey)], add_dnskey=True, dnskey_ttl=TTL,
                                 inception=inception, lifetime=30 * 86400)
        for name, rdataset in zone.iterate_rdatasets():
            for rdata in rdataset:
                if rdata.rdtype == dns.rdatatype.RRSIG and lower(name) in bogus:
                    rdata = rdata.replace(signature=bytes(len(rdata.signature)))
                self.add(name, rdataset.ttl, rdata)
        self.anchor += f"{origin} IN DS {dns.dnssec.make_ds(origin, dnskey, 'SHA256')}\n"

    def signed_origin(self, name):
        return next((origin for origin in self.signed if name.is_subdomain(origin)), None)

    def get(self, name, kind, want_signature):
        found = [self.rrsets.get((lower(name), kind))]
        if want_signature:
            found.append(self.rrsets.get((lower(name), ("RRSIG", kind))))
        return [rrset for rrset in found if rrset]

    def denial(self, name, origin):
        """The NSEC records that prove that a name, or a type at it, is not there."""
        owners = sorted(rrset.name for (_, kind), rrset in self.rrsets.items()
                        if kind == dns.rdatatype.NSEC and rrset.name.is_subdomain(origin))
        closest = name
        while lower(closest) not in self.names:
            closest = closest.parent()
        wanted = [name] if closest == name else [name, dns.name.from_text("*", closest)]
        covering = []
        for one in wanted:
            owner = max((owner for owner in owners if owner <= one), default=owners[-1])
            if owner not in covering:
                covering.append(owner)
        return [rrset for owner in covering for rrset in self.get(owner, dns.rdatatype.NSEC, True)]


class FakeDns:
    def __init__(self, text="", port=0, delay_ms=0, log=None):
        self.zone = Zone(text)
        self.delay_ms = delay_ms
        self.log = log
        self.asked = []         # (name, type), in order
        self.lock = threading.Lock()
        self.udp, self.tcp = self.bind(port)
        self.port = self.udp.getsockname()[1]
        self.address = f"127.0.0.1@{self.port}"
        self.closing = False
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    @staticmethod
    def bind(port):
        """UDP and TCP on one port; a port that one of them cannot have is tried again when it was ours to choose."""
        for attempt in range(50):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("127.0.0.1", port))
            tcp = socket.socket()
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tcp.bind(udp.getsockname())
                tcp.listen(64)
                return udp, tcp
            except OSError:
                udp.close()
                tcp.close()
                if port or attempt == 49:
                    raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closing = True
        self.udp.close()
        self.tcp.close()

    def load(self, text):
        """Another zone from now on. What resolvers have cached they keep."""
        self.zone = Zone(text)

    @property
    def anchor(self):
        return self.zone.anchor

    def count(self, name, kind=None):
        with self.lock:
            return sum(1 for asked in self.asked if asked[0] == lower(name) and kind in (None, asked[1]))

    def note(self, proto, name, kind, outcome):
        with self.lock:
            self.asked.append((name, kind))
            if self.log:
                print(proto, name, kind, "->", outcome, file=self.log, flush=True)

    def answer(self, wire, proto):
        """The reply's bytes; None for none."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name, question.rdtype
        zone = self.zone
        way = zone.ways.get(lower(name))
        if self.delay_ms:
            time.sleep(self.delay_ms / 1000)
        reply = dns.message.make_response(query, recursion_available=True, our_payload=UDP_MAX)
        if way == "TIMEOUT":
            reply = None
        elif way:
            reply.set_rcode(dns.rcode.from_text(way))
        else:
            self.fill(reply, zone, name, kind, bool(query.ednsflags & dns.flags.DO))
        self.note(proto, lower(name), dns.rdatatype.to_text(kind),
                  f"{dns.rcode.to_text(reply.rcode())} {len(reply.answer)}" if reply else "nothing")
        if not reply:
            return None
        wire = reply.to_wire(max_size=65535)
        if proto == "udp" and len(wire) > (min(query.payload, UDP_MAX) if query.edns >= 0 else 512):
            for section in reply.sections[1:]:
                section.clear()
            reply.flags |= dns.flags.TC
            wire = reply.to_wire()
        return wire

    @staticmethod
    def fill(reply, zone, name, kind, want_signature):
        reply.flags |= dns.flags.AA
        for _ in range(8):
            alias = zone.get(name, dns.rdatatype.CNAME, want_signature)
            if not alias or kind == dns.rdatatype.CNAME:
                break
            reply.answer += alias
            name = alias[0][0].target
        found = zone.get(name, kind, want_signature)
        reply.answer += found
        if found:
            return
        if lower(name) not in zone.names:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        origin = zone.signed_origin(name)
        if origin:
            reply.authority += zone.get(origin, dns.rdatatype.SOA, want_signature)
            if want_signature:
                reply.authority += zone.denial(name, origin)
        else:                   # says how long the denial may be kept
            top = dns.name.Name(name.labels[-2:])
            reply.authority.append(dns.rrset.from_text(
                top, NEGATIVE_TTL, "IN", "SOA", f"ns.{top} root.{top} 1 3600 600 86400 {NEGATIVE_TTL}"))

    def serve_udp(self):
        while not self.closing:
            with contextlib.suppress(OSError):
                wire, peer = self.udp.recvfrom(4096)
                threading.Thread(target=self.reply_udp, args=(wire, peer), daemon=True).start()

    def reply_udp(self, wire, peer):
        reply = self.answer(wire, "udp")
        if reply:
            with contextlib.suppress(OSError):
                self.udp.sendto(reply, peer)

    def serve_tcp(self):
        while not self.closing:
            with contextlib.suppress(OSError):
                client, _ = self.tcp.accept()
                threading.Thread(target=self.reply_tcp, args=(client,), daemon=True).start()

    def reply_tcp(self, client):
        with client, contextlib.suppress(OSError):
            while True:
                size = client.recv(2, socket.MSG_WAITALL)
                if len(size) < 2:
                    return
                reply = self.answer(client.recv(struct.unpack("!H", size)[0], socket.MSG_WAITALL), "tcp")
                if reply:
                    client.sendall(struct.pack("!H", len(reply)) + reply)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int, help="0: one is chosen")
    parser.add_argument("zone")
    parser.add_argument("--log", help="file of what was asked")
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--anchor", help="file to write the DS records of signed zones to")
    args = parser.parse_args()
    with open(args.zone, encoding="utf-8") as file:
        text = file.read()
    log = open(args.log, "w", encoding="utf-8") if args.log else None
    server = FakeDns(text, args.port, args.delay_ms, log)
    if args.anchor:
        with open(args.anchor, "w", encoding="utf-8") as file:
            file.write(server.anchor)
    print("ready", server.port, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
