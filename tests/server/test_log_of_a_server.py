"""The log of a server: nobody has to read it, and it names nobody."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.server.running import LISTENS, PATIENCE, Serve, command, plain_environment


def test_a_log_that_nobody_reads_holds_nobody_up(new_sqlite: Callable[[], str], tmp_path: Path) -> None:
    database = new_sqlite()
    reading, writing = os.pipe()
    process = subprocess.Popen(  # noqa: S603 - ourselves
        command("serve", "--database", database, "--port", "0"),
        stdout=subprocess.PIPE,
        stderr=writing,
        text=True,
        cwd=tmp_path,
        env=plain_environment(),
    )
    os.close(writing)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix(LISTENS).strip()
        with httpx.Client(base_url=url, timeout=PATIENCE) as client:
            # A pipe takes 64 kB, and then nothing.
            for _ in range(600):
                assert client.get("/v1/jobs").status_code == 401
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        # Waits, and closes what it was read by.
        with process:
            os.close(reading)


def test_an_external_id_is_no_part_of_a_line_whatever_stands_in_it(serve: Serve, new_sqlite: Callable[[], str]) -> None:
    server = serve(new_sqlite())
    server.made("/v1/accounts", kind="individual", plan="basic", name="Anna", external_id="anna/smith@example.com")
    assert server.get("/v1/accounts/ext:anna%2Fsmith@example.com/balance").status_code == 200
    for path in ("%00x", "%2Fx", "a" * 5_000, "../../__init__.py"):
        assert server.get(f"/schema/assets/{path}").status_code == 404, path
    assert server.get("/schema/%2F").status_code == 200
    server.stop()
    assert "smith" not in server.log()
    assert {line.get("path") for line in server.lines()} >= {"/v1/accounts/ext:…/balance"}
