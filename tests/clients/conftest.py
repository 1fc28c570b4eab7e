"""The suite of the system tests (tests/system/lib), met by heavy clients."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system" / "lib"))

from fixtures import *  # noqa: E402,F401,F403
