"""An issuer of bearer tokens on loopback: JSON Web Tokens, its keys, and introspection.

    with Issuer() as issuer:
        issuer.token("alice@example.test")              # RS256; alg="ES256", claims={...}, header={...}
        issuer.opaque["abc"] = {"active": True, ...}    # what introspection says of a token
"""

import base64
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Keys:
    """One key of each kind; `name` distinguishes their ids."""

    def __init__(self, name):
        self.name = name
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.ed = ed25519.Ed25519PrivateKey.generate()

    def public(self):
        r, e = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        raw = self.ed.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return [{"kty": "RSA", "kid": f"{self.name}-RS256", "use": "sig", "n": number(r.n), "e": number(r.e)},
                {"kty": "EC", "kid": f"{self.name}-ES256", "crv": "P-256", "x": number(e.x, 32), "y": number(e.y, 32)},
                {"kty": "OKP", "kid": f"{self.name}-EdDSA", "crv": "Ed25519", "x": b64(raw)}]

    def sign(self, alg, text):
        if alg == "EdDSA":
            return self.ed.sign(text)
        if alg == "ES256":
            r, s = decode_dss_signature(self.ec.sign(text, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self.rsa.sign(text, padding.PKCS1v15(), hashes.SHA256())


class Issuer:
    name, audience, scope = "https://id.example.test", "mail.example.test", "mail"
    client = "posthouse:s3cret/+&"

    def __init__(self):
        self.keys = Keys("first")
        self.opaque = {}
        self.asked = {"/jwks": 0, "/introspect": 0}
        self.away = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def handler(issuer):
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, body, status=200):
                issuer.asked[self.path] += 1
                text = json.dumps(body).encode()
                self.send_response(503 if issuer.away else status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                self.answer({"keys": issuer.keys.public()})

            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                basic = "Basic " + base64.b64encode(issuer.client.encode()).decode()
                if self.headers.get("Authorization") != basic:
                    self.answer({"error": "invalid_client"}, 401)
                else:
                    self.answer(issuer.opaque.get(form["token"][0], {"active": False}))

        return Handler

    def claims(self, login, **more):
        made = {"iss": self.name, "aud": [self.audience], "scope": f"openid {self.scope}", "email": login,
                "exp": int(time.time()) + 300, "iat": int(time.time()), **more}
        return {name: value for name, value in made.items() if value is not None}

    def token(self, login, alg="RS256", keys=None, header=None, **more):
        keys = keys or self.keys
        header = {"alg": alg, "kid": f"{keys.name}-{alg}", "typ": "JWT", **(header or {})}
        text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(self.claims(login, **more)).encode())
        return text + "." + b64(keys.sign(alg, text.encode()))
