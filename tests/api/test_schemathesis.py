"""The OpenAPI document against the server, by schemathesis: all its phases, the stateful one too, on both stores.

One check is left out: it takes every lawful refusal of a well-formed request, as of an account nobody has, for a
fault. One path has a run of its own, as schemathesis would find its own key in the list of keys, and revoke it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.running import Running, Serve

SEED = "20240103"
EXAMPLES = "60" if os.environ.get("EARNEST_TEST_EFFORT") == "long" else "4"
PATIENCE = 900.0 if EXAMPLES == "60" else 240.0

BY_ITSELF = "revoke_key"


def run(server: Running, folder: Path, *more: str) -> str:
    """Let schemathesis look for faults, and return what it says; fails where it finds any."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/schema/openapi.json"]
    command += ["--header", f"Authorization: Bearer {server.key}", "--exclude-checks", "positive_data_acceptance"]
    command += ["--seed", SEED, "--max-examples", EXAMPLES, "--continue-on-failure", "--no-color"]
    command += more
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603
    if done.returncode:
        pytest.fail(done.stdout + done.stderr)
    return done.stdout


def test_schemathesis_finds_nothing(serve: Serve, database: str, tmp_path: Path) -> None:
    server = serve(database)
    said = run(server, tmp_path, "--exclude-operation-id", BY_ITSELF)
    # That it was let in, and followed what it made from path to path.
    assert "Authentication failed" not in said
    assert "API Links:" in said
    assert "API Links:    0 covered" not in said
    run(server, tmp_path, "--include-operation-id", BY_ITSELF, "--phases", "examples,coverage,fuzzing")
