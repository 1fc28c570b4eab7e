#!/usr/bin/env python3
"""The formats of shared/crypt written a second time, from their descriptions and without libsodium.

Prints vectors.h: `python3 vectors.py > vectors.h` (needs the `cryptography` package). What it prints must
never change: stored mail has these formats.
"""
import base64
import hashlib
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.poly1305 import Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def run(start, n):
    return bytes((start + i) & 255 for i in range(n))


def words(data):
    return list(struct.unpack("<%dI" % (len(data) // 4), data))


def rotate(x, n):
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


SIGMA = words(b"expand 32-byte k")


def hchacha20(key, nonce):
    x = SIGMA + words(key) + words(nonce)

    def quarter(a, b, c, d):
        for p, q, r, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[p] = (x[p] + x[q]) & 0xFFFFFFFF
            x[r] = rotate(x[r] ^ x[p], n)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *(x[0:4] + x[12:16]))


def xchacha(key, nonce, plain, aad=b""):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], plain, aad)


def salsa_rounds(x):
    for _ in range(10):
        for base in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),
                     (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
            a, b, c, d = base
            for to, p, q, n in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
                x[to] ^= rotate((x[p] + x[q]) & 0xFFFFFFFF, n)
    return x


def salsa_state(key, middle):
    k = words(key)
    return [SIGMA[0]] + k[:4] + [SIGMA[1]] + words(middle) + [SIGMA[2]] + k[4:] + [SIGMA[3]]


def hsalsa20(key, nonce):
    x = salsa_rounds(salsa_state(key, nonce))
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def salsa20(key, nonce, length):
    out = b""
    for block in range((length + 63) // 64):
        state = salsa_state(key, nonce + struct.pack("<Q", block))
        x = salsa_rounds(list(state))
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(x, state)))
    return out[:length]


def public_of(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sealed_box(ephemeral, public, plain):
    own = public_of(ephemeral)
    shared = X25519PrivateKey.from_private_bytes(ephemeral).exchange(X25519PublicKey.from_public_bytes(public))
    nonce = hashlib.blake2b(own + public, digest_size=24).digest()
    key = hsalsa20(hsalsa20(shared, bytes(16)), nonce[:16])
    stream = salsa20(key, nonce[16:], 32 + len(plain))
    cipher = bytes(a ^ b for a, b in zip(plain, stream[32:]))
    return own + Poly1305.generate_tag(stream[:32], cipher) + cipher


def kdf(key, context, number=1):
    return hashlib.blake2b(key=key, digest_size=32, salt=struct.pack("<Q", number), person=context).digest()


def keyed(key, data, size=32):
    return hashlib.blake2b(data, key=key, digest_size=size).digest()


def c_string(name, value):
    print("#define %s \\" % name)
    rows = [value[i:i + 100] for i in range(0, len(value), 100)] or [""]
    print(" \\\n".join('\t"%s"' % row for row in rows))


def main():
    print("/* Made by vectors.py: known answers for the formats of shared/crypt, as hex where not said otherwise. */")
    id_a = run(0xA0, 16)

    kek, secret = run(0x00, 32), run(0x20, 32)
    nonce = run(0x40, 24)
    header = b"\x01" + struct.pack("<I", 7)
    c_string("VECTOR_RING", "7 active %s\\n" % base64.b64encode(kek).decode())  # text
    c_string("VECTOR_WRAPPED", (header + nonce + xchacha(kek, nonce, secret, header + b"\x07account" + id_a)).hex())

    content_key = run(0x60, 32)
    print()
    c_string("VECTOR_PUBLIC", public_of(secret).hex())
    c_string("VECTOR_BOX", sealed_box(run(0x80, 32), public_of(secret), content_key).hex())
    c_string("VECTOR_SYMMETRIC", xchacha(kdf(secret, b"phakwrap"), id_a + bytes(8), content_key).hex())
    own = keyed(kdf(secret, b"phakseal"), b"mailbox-name")
    c_string("VECTOR_SEALED_NAME", (nonce + xchacha(own, nonce, "Entwürfe".encode(), id_a)).hex())
    c_string("VECTOR_NAME_HASH", keyed(kdf(secret, b"phakname"), id_a + "Entwürfe".encode(), 16).hex())

    salt = run(0x10, 16)
    header = bytes([1, 3, 2]) + struct.pack("<I", 8) + salt
    key = Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=8 * 1024).derive(b"correct horse")
    c_string("VECTOR_PASSWORD", (header + nonce + xchacha(key, nonce, secret, header + id_a)).hex())

    print()
    body_key, small_key = kdf(content_key, b"phpieces", 1), kdf(content_key, b"phsmalls", 2)
    print("#define VECTOR_BODY_TEXT \"Subject: hi\\r\\n\\r\\nHello\\r\\n\"")
    body = b"Subject: hi\r\n\r\nHello\r\n"
    last = struct.pack("<QB", 0, 1) + bytes(15)
    c_string("VECTOR_BODY", xchacha(body_key, last, b"\x00" + body).hex())
    c_string("VECTOR_EMPTY_BODY", xchacha(body_key, last, b"\x00").hex())
    c_string("VECTOR_SMALL", (nonce + xchacha(small_key, nonce, b"\x00" + body)).hex())
    # a zstd frame written by hand: single segment, 200 bytes, one run-length block of 'a'
    frame = bytes.fromhex("28b52ffd20c8") + (1 | 1 << 1 | 200 << 3).to_bytes(3, "little") + b"a"
    c_string("VECTOR_SQUEEZED_BODY", xchacha(body_key, last, b"\x01" + frame).hex())

    # noise does not compress: 65,541 bytes are two pieces, and the sealed bytes are known whole
    noise = b"".join(hashlib.sha256(struct.pack("<I", i)).digest() for i in range(2049))[:65541]
    first = struct.pack("<QB", 0, 0) + bytes(15)
    second = struct.pack("<QB", 1, 1) + bytes(15)
    sealed = xchacha(body_key, first, b"\x00" + noise[:65536]) + xchacha(body_key, second, b"\x00" + noise[65536:])
    c_string("VECTOR_NOISE_SEALED_SHA256", hashlib.sha256(sealed).hexdigest())


main()
