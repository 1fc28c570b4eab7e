"""The REST API: what it does, who may, and that it is what its description says."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_needs_a_token(suite):
    assert suite.api("GET", "/v1/domains", token="ph_" + "x" * 43)[0] == 401
    assert suite.api("GET", "/openapi.json", token="nonsense")[0] == 200


def test_serves_the_description_in_the_tree(suite):
    status, served = suite.api("GET", "/openapi.json")
    assert status == 200
    assert served == json.loads((ROOT / "schemas" / "http" / "openapi.json").read_text())


def test_health(suite):
    status, health = suite.api("GET", "/v1/health")
    assert status == 200
    assert (health["status"], health["store"], health["blobs"], health["bus"]) == ("good", "up", "up", "up")


def test_domains(suite):
    status, domain = suite.api("POST", "/v1/domains", {"name": "Ünïcode.test"})
    assert status == 201 and domain["name"].startswith("xn--")
    assert {key["algorithm"] for key in domain["dkim"]} == {"rsa-sha256", "ed25519-sha256"}
    assert suite.api("POST", "/v1/domains", {"name": "Ünïcode.test"})[0] == 409
    assert suite.api("POST", "/v1/domains", {"name": "no dots"})[0] == 400
    path = f"/v1/domains/{domain['name']}"
    assert suite.api("POST", f"{path}/dkim", {"selector": "next", "algorithm": "ed25519-sha256"})[0] == 201
    assert len(suite.api("GET", path)[1]["dkim"]) == 3
    assert suite.api("PATCH", path, {"catch_all": suite.alice})[1]["catch_all"] == suite.alice
    assert suite.api("PATCH", path, {"catch_all": "nobody@example.test"})[0] == 400
    assert suite.api("DELETE", path)[0] == 204
    assert suite.api("GET", path)[0] == 404


def test_accounts(suite):
    new = {"address": "dora@example.test", "password": suite.password, "name": "Dora", "quota": 1000000}
    status, account = suite.api("POST", "/v1/accounts", new)
    assert status == 201 and account["state"] == "active" and "password" not in account
    assert suite.api("POST", "/v1/accounts", new)[0] == 409
    assert suite.api("POST", "/v1/accounts", {**new, "address": "e@nowhere.test"})[0] == 404
    assert suite.api("POST", "/v1/accounts", {**new, "address": "e@example.test", "password": "short"})[0] == 400
    with suite.imap("dora@example.test") as client:
        assert client.select()[0] == "OK"
    assert suite.api("PATCH", "/v1/accounts/dora@example.test", {"state": "suspended"})[1]["state"] == "suspended"
    with pytest.raises(Exception, match="suspended"):
        suite.imap("dora@example.test")
    assert suite.api("GET", "/v1/accounts/dora@example.test")[1]["messages"] == 0
    assert suite.api("DELETE", "/v1/accounts/dora@example.test")[0] == 204
    assert suite.api("GET", "/v1/accounts/dora@example.test")[0] == 404
    assert suite.api("DELETE", "/v1/domains/example.test")[0] == 409


def shares(suite, address):
    status, page = suite.api("GET", f"/v1/accounts/{address}/shares")
    assert status == 200 and page["next"] is None
    return {item["mailbox"]: {entry["who"]: entry["rights"] for entry in item["entries"]} for item in page["items"]}


def audited(suite, action):
    rows, after = [], ""
    while after is not None:
        page = suite.api("GET", f"/v1/audit?limit=200&after={after}")[1]
        rows += page["items"]
        after = page["next"]
    return [row for row in rows if row["action"] == action]


def test_shares_of_a_public_account(suite):
    new = {"address": "forum@example.test", "public": True}
    assert suite.api("POST", "/v1/accounts", {**new, "password": suite.password})[0] == 400
    assert suite.api("POST", "/v1/accounts", {"address": "forum@example.test"})[0] == 400
    status, account = suite.api("POST", "/v1/accounts", new)
    assert status == 201 and account["public"]
    assert not suite.api("GET", f"/v1/accounts/{suite.alice}")[1]["public"]
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        suite.imap("forum@example.test")
    path = "/v1/accounts/forum@example.test/shares"
    assert shares(suite, "forum@example.test") == {}
    cases = [
        ({"mailbox": "inbox", "who": "anyone", "rights": "lr"}, 204),
        ({"mailbox": "Sent", "who": suite.alice, "rights": "lrswitek"}, 204),
        ({"mailbox": "Sent", "who": suite.bob, "rights": "l"}, 204),
        ({"mailbox": "Sent", "who": suite.bob, "rights": ""}, 204),
        ({"mailbox": "Nothing", "who": suite.bob, "rights": "l"}, 404),
        ({"mailbox": "a//b", "who": suite.bob, "rights": "l"}, 400),
        ({"mailbox": "Sent", "who": "nobody@example.test", "rights": "l"}, 404),
        ({"mailbox": "Sent", "who": "no address", "rights": "l"}, 404),
        ({"mailbox": "Sent", "who": "forum@example.test", "rights": "l"}, 400),
        ({"mailbox": "Sent", "who": suite.bob, "rights": "lz"}, 400),
        ({"mailbox": "Sent", "who": suite.bob}, 400),
        ({"mailbox": "Sent", "who": suite.bob, "rights": "l", "more": 1}, 400),
    ]
    for body, status in cases:
        assert suite.api("PUT", path, body)[0] == status, body
    assert suite.api("PUT", "/v1/accounts/none@example.test/shares", cases[0][0])[0] == 404
    assert shares(suite, "forum@example.test") == {"INBOX": {"anyone": "lr"},
                                                   "Sent": {suite.alice: "lrswiktecd"}}
    with suite.imap(suite.alice) as alice:
        assert alice.create("Public/forum/Sent/Rules")[0] == "OK"
    with suite.imap(suite.bob) as bob:
        assert bob.select("Public/forum/INBOX", readonly=True)[0] == "OK"
        assert bob.select("Public/forum/Sent", readonly=True)[0] == "NO"
    assert shares(suite, "forum@example.test")["Sent/Rules"] == {suite.alice: "lrswiktecd"}
    rows = [row for row in audited(suite, "mailbox.share") if row["object"] == "forum@example.test"]
    assert len(rows) == 4 and not any("Sent" in row["detail"] for row in rows)
    assert sum(f"{suite.bob} none" in row["detail"] for row in rows) == 1


def test_shares_come_in_pages(suite):
    suite.api("POST", "/v1/accounts", {"address": "pages@example.test", "public": True})
    path, seen, after = "/v1/accounts/pages@example.test/shares", [], ""
    names = ["INBOX", "Sent", "Archive", "Trash", "Drafts"]
    for name in names:
        assert suite.api("PUT", path, {"mailbox": name, "who": "anyone", "rights": "lr"})[0] == 204
    while after is not None:
        page = suite.api("GET", f"{path}?limit=2&after={after}")[1]
        assert len(page["items"]) <= 2
        seen += [item["mailbox"] for item in page["items"]]
        after = page["next"]
    assert sorted(seen) == sorted(names)
    assert suite.api("GET", f"{path}?after=nonsense")[0] == 400


def test_password_change_counts_at_once(suite):
    suite.api("POST", "/v1/accounts", {"address": "eve@example.test", "password": suite.password})
    with suite.imap("eve@example.test"):
        pass
    assert suite.api("PUT", "/v1/accounts/eve@example.test/password", {"password": "another good one"})[0] == 204
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        suite.imap("eve@example.test")


def test_pages(suite):
    for number in range(5):
        suite.api("PUT", f"/v1/aliases/page{number}@example.test", {"targets": [suite.alice]})
    seen, after = [], ""
    while after is not None:
        page = suite.api("GET", f"/v1/aliases?domain=example.test&limit=2&after={after}")[1]
        seen += [alias["address"] for alias in page["items"]]
        after = page["next"]
    assert seen == sorted(seen) and len([a for a in seen if a.startswith("page")]) == 5
    assert suite.api("PUT", "/v1/aliases/page0@example.test", {"targets": [suite.bob]})[0] == 200
    for number in range(5):
        assert suite.api("DELETE", f"/v1/aliases/page{number}@example.test")[0] == 204


def token(suite, name, *roles):
    status, made = suite.api("POST", "/v1/tokens", {"name": name, "roles": list(roles)})
    assert status == 201
    return made["token"]


def test_roles_are_decided_from_the_table(suite):
    suite.api("POST", "/v1/domains", {"name": "other.test"})
    admin = token(suite, "admin-of-one", {"role": "domain-admin", "domain": "example.test"})
    reader = token(suite, "reader", {"role": "read-only"})
    cases = [  # token, method, path, body, status
        (admin, "GET", "/v1/domains/example.test", None, 200),
        (admin, "GET", "/v1/domains/other.test", None, 403),
        (admin, "GET", "/v1/accounts?domain=example.test", None, 200),
        (admin, "GET", "/v1/accounts", None, 403),
        (admin, "GET", "/v1/accounts/x@other.test", None, 403),
        (admin, "PUT", "/v1/aliases/a@example.test", {"targets": [suite.alice]}, 201),
        (admin, "PUT", "/v1/aliases/a@other.test", {"targets": [suite.alice]}, 403),
        (admin, "POST", "/v1/accounts", {"address": "x@other.test", "password": suite.password}, 403),
        (admin, "GET", f"/v1/accounts/{suite.alice}/shares", None, 200),
        (admin, "GET", "/v1/accounts/x@other.test/shares", None, 403),
        (admin, "PUT", f"/v1/accounts/{suite.alice}/shares", {"mailbox": "x", "who": suite.bob, "rights": ""}, 404),
        (admin, "PUT", "/v1/accounts/x@other.test/shares", {"mailbox": "x", "who": suite.bob, "rights": ""}, 403),
        (reader, "PUT", f"/v1/accounts/{suite.alice}/shares", {"mailbox": "x", "who": suite.bob, "rights": ""}, 403),
        (admin, "GET", "/v1/queue", None, 403),
        (admin, "POST", "/v1/tokens", {"name": "x", "roles": [{"role": "owner"}]}, 403),
        (admin, "DELETE", "/v1/domains/example.test", None, 403),
        (reader, "GET", "/v1/domains", None, 200),
        (reader, "GET", "/v1/queue", None, 200),
        (reader, "DELETE", "/v1/aliases/a@example.test", None, 403),
        (reader, "POST", "/v1/domains", {"name": "third.test"}, 403),
    ]
    for who, method, path, body, status in cases:
        assert suite.api(method, path, body, token=who)[0] == status, (method, path)
    assert suite.api("DELETE", "/v1/tokens/reader")[0] == 204
    assert suite.api("GET", "/v1/domains", token=reader)[0] == 401


def test_changes_leave_audit_rows(suite):
    suite.api("PUT", "/v1/aliases/audited@example.test", {"targets": [suite.alice]})
    mine = [row for row in audited(suite, "alias.create") if row["object"] == "audited@example.test"]
    assert [(row["principal"], row["ip"]) for row in mine] == [("tests", "127.0.0.1")]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"name":1}', b'{"name":"a.test","name":"b.test"}', b"\xff\xfe",
                                  b'{"name":"x.test","more":1}'])
def test_bad_bodies(suite, body):
    import urllib.error
    import urllib.request
    request = urllib.request.Request(f"https://localhost:{suite.port('ADMIN')}/v1/domains", data=body, method="POST",
                                     headers={"Authorization": f"Bearer {suite.token}"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, context=suite.tls(), timeout=20)
    assert error.value.code == 400
    assert error.value.headers["Content-Type"] == "application/problem+json"


def test_is_what_its_description_says(suite, tmp_path):
    """Schemathesis makes requests from the description, good and bad, and checks every answer against it."""
    got = subprocess.run(
        [str(pathlib.Path(sys.executable).parent / "schemathesis"), "run",
         str(ROOT / "schemas" / "http" / "openapi.json"), "--url", f"https://localhost:{suite.port('ADMIN')}",
         "--header", f"Authorization: Bearer {suite.token}", "--tls-verify", suite.ca_file, "--max-examples", "15",
         "--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-color",
         "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
         "--exclude-operation-id", "deleteToken"],
        capture_output=True, text=True, cwd=tmp_path, timeout=900)
    assert got.returncode == 0, got.stdout[-6000:] + got.stderr[-1000:]
