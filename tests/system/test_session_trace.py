"""A trace of one account's sessions: turned on by API and CLI, for sessions under way too, and what is never in it."""

from suite import wait_for

MESSAGE = b"Subject: very private\r\n\r\nnobody's business\r\n"


def traced(suite, user):
    return suite.cli("user", "traced", user)


def turn_on(suite, user, minutes=60):
    status, account = suite.api("PATCH", f"/v1/accounts/{user}", {"trace_minutes": minutes})
    assert status == 200
    return account["trace_until"]


def test_nothing_by_itself(suite):
    with suite.imap(suite.bob) as client:
        client.noop()
    assert traced(suite, suite.bob) == "" and not (suite.dir / "trace").exists()


def test_sessions_new_and_under_way(suite):
    with suite.imap(suite.alice) as old:
        assert turn_on(suite, suite.alice)

        def heard():
            old.noop()
            return "NOOP" in traced(suite, suite.alice)
        wait_for("the session under way", heard, pause=0.5)
        with suite.imap(suite.alice) as new, suite.imap(suite.bob) as other:
            other.select("Sent")
            new.create('"Private Folder"')
            new.append('"Private Folder"', None, None, MESSAGE)
            new.select('"Private Folder"')
            assert new.fetch("1", "(BODY.PEEK[])")[1][0][1] == MESSAGE
            new.send(f'x1 LOGIN alice "{suite.password}"\r\n'.encode())
            assert new.readline().startswith(b"x1 BAD")
        text = wait_for("the new session", lambda: "BODY.PEEK" in traced(suite, suite.alice)
                        and "LOGOUT" in traced(suite, suite.alice).split("BODY.PEEK")[1] and traced(suite, suite.alice))
    assert "C: " in text and 'S: ' in text and "SELECT \"Private Folder\"" in text
    assert f"({len(MESSAGE)} bytes)" in text and "from 127.0.0.1" in text
    assert "private\r" not in text and "very private" not in text and "business" not in text
    assert suite.password not in text and "LOGIN (hidden)" in text
    assert traced(suite, suite.bob) == ""
    files = list((suite.dir / "trace").iterdir())
    assert len(files) >= 2 and all(file.stat().st_mode & 0o77 == 0 for file in files)
    assert not any(b"SELECT" in file.read_bytes() or b"Private" in file.read_bytes() for file in files)


def test_off_again(suite):
    suite.cli("user", "trace", suite.alice, "5")
    assert suite.api("GET", f"/v1/accounts/{suite.alice}")[1]["trace_until"]
    assert turn_on(suite, suite.alice, 0) is None
    details = [row["detail"] for row in suite.api("GET", "/v1/audit?limit=200")[1]["items"]]
    assert any("written down" in detail for detail in details)
    before = wait_for("what was said to be written", lambda: traced(suite, suite.alice))
    with suite.imap(suite.alice) as client:
        client.select("Archive")
    assert traced(suite, suite.alice) == before
    assert suite.api("PATCH", f"/v1/accounts/{suite.alice}", {"trace_minutes": 10081})[0] == 400
