"""What the store of a suite holds, looked at behind its back.

    unsign(suite)              # takes the search signatures of all mail away
    assert lacking(suite) == 5 # so many messages have none
"""

import contextlib
import re
import sqlite3


@contextlib.contextmanager
def sqlite(suite):
    with contextlib.closing(sqlite3.connect(suite.dir / "store.sqlite", timeout=30, isolation_level=None)) as store:
        yield store


@contextlib.contextmanager
def database(suite):
    """Of the cluster stack."""
    from pymongo import MongoClient
    text = suite.conf.read_text()
    with MongoClient(re.search(r'mongo_uri = "(.*)"', text)[1]) as client:
        yield client[re.search(r'mongo_db = "(.*)"', text)[1]]


def unsign(suite):
    if suite.stack == "embedded":
        with sqlite(suite) as store:
            store.execute("DELETE FROM contents_signature")
        return
    with database(suite) as store:
        store.contents.update_many({}, {"$unset": {"signature": True}})


def lacking(suite):
    if suite.stack == "embedded":
        with sqlite(suite) as store:
            return store.execute("SELECT count(*) FROM contents WHERE n NOT IN (SELECT n FROM contents_signature)").fetchone()[0]
    with database(suite) as store:
        return store.contents.count_documents({"signature": {"$exists": False}})
