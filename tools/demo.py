"""Serves a sandbox for trying Earnest out, with an API key that may everything: `make demo`, or `python tools/demo.py`.

Everything is in a temporary folder, and gone when it ends.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

LISTENS = "Earnest listens on "
WELCOME = """\
A sandbox listens on {url}. Its clock stands at {now} until you move it.

  documentation   {url}/schema
  API key         {key}

Try, in another terminal:

  K='Authorization: Bearer {key}'
  curl -s -H "$K" {url}/v1/accounts -d '{{"kind": "individual", "plan": "plus", "name": "Ana", "external_id": "ana"}}'
  curl -s -H "$K" {url}/v1/accounts/ext:ana/balance
  curl -s -H "$K" -X PUT {url}/v1/sandbox/clock -d '{{"now": "2024-02-01T00:00:00Z"}}'
  curl -s -H "$K" -H 'Accept: text/csv' {url}/v1/accounts/ext:ana/entries

Ctrl-C ends it, and nothing of it stays.
"""
NOW = "2024-01-05T09:00:00Z"


def earnest(*arguments: str) -> list[str]:
    """Return a command of ours."""
    return [sys.executable, "-m", "earnest", *arguments]


def main() -> int:
    """Serve until interrupted, and return the server's exit code."""
    port = os.environ.get("PORT", "8000")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EARNEST_")}
    with tempfile.TemporaryDirectory(prefix="earnest-demo-") as folder:
        log = Path(folder, "log")
        environment["EARNEST_DATABASE"] = f"sqlite:///{folder}/demo.db"
        environment["EARNEST_WEBHOOK_PRIVATE_ADDRESSES"] = "true"
        with log.open("wb") as errors:
            server = subprocess.Popen(  # noqa: S603 - ourselves
                earnest("serve", "--sandbox", "--now", NOW, "--port", port),
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        try:
            assert server.stdout is not None  # noqa: S101
            line = server.stdout.readline()
            if not line.startswith(LISTENS):
                sys.stderr.write(log.read_text(encoding="utf-8"))
                return server.wait()
            made = subprocess.run(  # noqa: S603 - ourselves
                earnest("keys", "create", "--name", "demo", "--scope", "operate"),
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            url = line.removeprefix(LISTENS).strip()
            sys.stdout.write(WELCOME.format(url=url, key=made.stdout.strip(), now=NOW))
            sys.stdout.flush()
            return server.wait()
        except KeyboardInterrupt:
            # The server was interrupted too, and ends by itself.
            return server.wait()
        finally:
            if server.poll() is None:
                server.terminate()
                server.wait()


if __name__ == "__main__":
    sys.exit(main())
