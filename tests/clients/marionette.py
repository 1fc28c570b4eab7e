"""As much of Marionette, Mozilla's remote protocol, as is needed to run scripts inside of a program.

A message is its length, a colon, and JSON: [0, id, command, parameters] there, [1, id, error, result] back.
"""

import json
import socket


class ScriptError(Exception):
    """What a script threw, with its stack."""


class Marionette:
    def __init__(self, port, timeout=120):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.reader = self.sock.makefile("rb")
        self.count = 0
        self.receive()          # its greeting
        self.command("WebDriver:NewSession", {"strictFileInteractability": True})
        self.command("Marionette:SetContext", {"value": "chrome"})
        self.command("WebDriver:SetTimeouts", {"script": int(timeout * 900)})       # it gives up before we do

    def receive(self):
        digits = b""
        while not digits.endswith(b":"):
            byte = self.reader.read(1)
            if not byte:
                raise ConnectionError("the program has closed the connection")
            digits += byte
        return json.loads(self.reader.read(int(digits[:-1])))

    def command(self, name, parameters):
        self.count += 1
        text = json.dumps([0, self.count, name, parameters]).encode()
        self.sock.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self.receive()
        if error:
            raise ScriptError(f"{error['error']}: {error['message']}\n{error['stacktrace']}")
        return result

    def run(self, script, *arguments):
        """An async function's body with the program's own rights; `args` are the arguments. What it returns."""
        body = f"""
            const [done, args] = [arguments[arguments.length - 1], Array.from(arguments).slice(0, -1)];
            (async () => {{ {script} }})().then(
                value => done({{ value }}),
                error => done({{ error: String(error) + "\\n" + (error?.stack ?? "") }}));
        """
        got = self.command("WebDriver:ExecuteAsyncScript", {
            "script": body, "args": list(arguments), "sandbox": "system", "newSandbox": False})
        if "error" in got["value"]:
            raise ScriptError(got["value"]["error"])
        return got["value"].get("value")

    def close(self):
        self.reader.close()
        self.sock.close()
