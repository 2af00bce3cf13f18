"""What all tests share: how hard hypothesis looks, set by EARNEST_TEST_EFFORT, a PostgreSQL, and where files go."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

MEMORY = Path("/dev/shm")  # noqa: S108
ROOM = 4 * 2**30
"""What has to be free for it, in bytes; a whole run takes half a gigabyte for a worker at most."""


def _use_memory() -> None:
    """Has the run's files in memory where there is room: a fresh database for each test is hundreds of small files.

    A TMPDIR that is set stays. What a kill leaves behind is the same in memory as on a disk; only a loss of power
    differs, and no test can have one.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    if shutil.disk_usage(MEMORY).free >= ROOM and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


_use_memory()

pytest_plugins = ["tests.left_out", "tests.postgres_server", "tests.stores"]

settings.register_profile("usual", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", parent=settings.get_profile("usual"), max_examples=3000)
# Mutants are many: the same few examples for each.
settings.register_profile("mutants", parent=settings.get_profile("usual"), max_examples=15, derandomize=True)
settings.load_profile(os.environ.get("EARNEST_TEST_EFFORT", "usual"))
