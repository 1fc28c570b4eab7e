"""Libraries that other mail programs are made of: libcurl by its command, IMAPClient by its own live tests."""

import email
import os
import re
import subprocess
import sys

MESSAGE = "From: <{user}>\r\nTo: <{user}>\r\nSubject: {subject}\r\n\r\ntext of {subject}\r\n"

# Of IMAPClient 4.1's live tests, those that cannot pass
NOT_OURS = {
    "test_fetch",                               # asks for the length of an Envelope, which has none
    "test_getacl",                              # subscripts its settings, which cannot be subscripted
    "test_move",                                # without UID: imaplib of Python 3.11 knows no MOVE
    "test_small_connection_timeout_fail",       # wants more than a millisecond to connect,
    "test_small_read_timeout_fail",             # and more than ten microseconds for an answer
}


def curl(suite, user, url, *options):
    got = subprocess.run(["curl", "-sS", "--max-time", "60", "--cacert", suite.ca_file, "--ssl-reqd",
                          "--user", f"{user}:{suite.password}", url, *options],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert got.returncode == 0, f"{url} {options}: {got.returncode} {got.stderr}"
    return got.stdout


def test_curl_reads_and_writes_mail(suite, tmp_path):
    user, file = suite.user("curl"), tmp_path / "message"
    imap = f"imaps://localhost:{suite.port('IMAPS')}"
    for number in range(3):
        file.write_bytes(MESSAGE.format(user=user, subject=f"curl {number}").encode())
        curl(suite, user, f"{imap}/INBOX", "--upload-file", file)
        assert curl(suite, user, f"{imap}/INBOX;MAILINDEX={number + 1}") == file.read_text()
    assert '"/" INBOX' in curl(suite, user, imap)
    assert curl(suite, user, f"{imap}/INBOX?SUBJECT%20%22curl%201%22").split() == ["*", "SEARCH", "2"]
    assert curl(suite, user, f"{imap}/INBOX;UID=3;SECTION=HEADER.FIELDS%20(SUBJECT)").strip() == "Subject: curl 2"
    assert "\\Flagged" in curl(suite, user, f"{imap}/INBOX", "--request", "STORE 1 +FLAGS (\\Flagged)")
    curl(suite, user, imap, "--request", "CREATE Kept")
    curl(suite, user, f"{imap}/INBOX", "--request", "MOVE 1:2 Kept")
    assert "(MESSAGES 2)" in curl(suite, user, imap, "--request", "STATUS Kept (MESSAGES)")


def test_curl_submits_by_either_way_of_tls(suite, tmp_path):
    user, file = suite.user("curl-out"), tmp_path / "message"
    for scheme, port in (("smtp", "SUBMISSION"), ("smtps", "SUBMISSIONS")):
        file.write_bytes(MESSAGE.format(user=user, subject=f"curl by {scheme}").encode())
        curl(suite, user, f"{scheme}://localhost:{suite.port(port)}/client.test", "--mail-from", user, "--mail-rcpt", suite.bob,
             "--upload-file", file)
    with suite.imap(suite.bob) as imap:
        imap.select(readonly=True)
        found = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        subjects = [email.message_from_bytes(part[1])["Subject"] for part in found if isinstance(part, tuple)]
    assert {"curl by smtp", "curl by smtps"} <= set(subjects)


def test_imapclients_own_live_tests(suite, tmp_path):
    user = suite.user("live")
    conf = tmp_path / "live.ini"
    conf.write_text(f"[DEFAULT]\nhost = localhost\nport = {suite.port('IMAPS')}\nusername = {user}\n"
                    f"password = {suite.password}\nssl_ca_file = {suite.ca_file}\n")
    got = subprocess.run([sys.executable, "-m", "imapclient.livetest", str(conf)], capture_output=True, text=True, timeout=900,
                         cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)})
    ran = int(re.search(r"^Ran (\d+) tests", got.stderr, re.M)[1])
    skipped = int(re.search(r"skipped=(\d+)", got.stderr)[1])
    failed = set(re.findall(r"^(?:FAIL|ERROR): (\w+)", got.stderr, re.M))
    assert failed <= NOT_OURS, got.stderr[-6000:]
    assert ran - skipped > 40
