#!/usr/bin/env python3
"""A MongoDB for a C test (mongo_fixture.h).

    mongo_server.py DIR [standalone]

Prints its URI, then does what comes on standard input, a word a line, and says "done" after each: kill (with -9),
start (again, on the same port and data). Ends the server when its input ends, so also when the test dies.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "services"))
import services  # noqa: E402


class Standalone(services.Mongo):
    """No replica set, as a mongod without --replSet."""

    def command(self):
        return [*super().command(), "--standalone"]


def main(directory, kind=services.Mongo):
    with kind(directory) as mongo:
        print(mongo.env()["MONGO_URI"], flush=True)
        words = {"kill": mongo.kill9, "start": mongo.start}
        for line in sys.stdin:
            words[line.strip()]()
            print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Standalone if sys.argv[2:] == ["standalone"] else services.Mongo)
