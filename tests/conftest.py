"""What all tests share: how hard hypothesis looks, set by EARNEST_TEST_EFFORT, and a PostgreSQL."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.left_out", "tests.postgres_server", "tests.stores"]

settings.register_profile("usual", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", parent=settings.get_profile("usual"), max_examples=3000)
# Mutants are many: the same few examples for each.
settings.register_profile("mutants", parent=settings.get_profile("usual"), max_examples=15, derandomize=True)
settings.load_profile(os.environ.get("EARNEST_TEST_EFFORT", "usual"))
