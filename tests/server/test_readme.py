"""The README's section on running the service, as it stands but for where it listens."""

import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.running import PATIENCE, plain_environment

ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("curl")
def test_the_service_runs_as_the_readme_says(tmp_path: Path) -> None:
    [block] = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.M)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = block.replace("/tmp/", f"{tmp_path}/")  # noqa: S108
    script = script.replace(".venv/bin/earnest", f"{shlex.quote(sys.executable)} -m earnest")
    script = script.replace("127.0.0.1:8000", f"127.0.0.1:{port}") + "wait $!\n"
    ended = subprocess.run(  # noqa: S603
        ["bash", "-euc", script],  # noqa: S607
        cwd=ROOT,
        env=plain_environment(EARNEST_PORT=str(port)),
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr + (tmp_path / "service.log").read_text()
    assert '{"status":"ok"}' in ended.stdout
    assert '"external_id":"user-17"' in ended.stdout
    assert '"available":60' in ended.stdout
