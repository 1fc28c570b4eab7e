"""The same suite as the system tests have (tests/system/lib), with a log that stays small over hours."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system" / "lib"))

from fixtures import *  # noqa: E402,F401,F403


@pytest.fixture(scope="module")
def settings():
    return {"LOG_LEVEL": "info"}
