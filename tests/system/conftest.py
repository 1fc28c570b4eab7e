"""The system tests' fixtures are in lib/fixtures.py: the fault tests have the same."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))

from fixtures import *  # noqa: E402,F401,F403
