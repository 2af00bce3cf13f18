"""Two programs on one database: what either is told is there once."""

import subprocess
import sys
import threading

import msgspec

from earnest import Marketplace
from earnest.marketplace.shown import ClientShown
from tests.ledger.faults.acknowledged import Acknowledged, ask, differences, fetch, finish, settle_unanswered
from tests.ledger.faults.conftest import wait_until
from tests.ledger.faults.living import Round
from tests.stores import START

ANSWERS = 400


def test_what_two_programs_were_told_is_there_once(database: str) -> None:
    """Both live at once, with the same accounts and jobs, and end in the middle."""
    said = Acknowledged()
    with Marketplace.open(database, clock=lambda: START) as market:
        client = market.create_client(name="Dan")
        assert isinstance(client, ClientShown)
        for number in range(40):
            ask(market, said, f"account {number}", "open_account", {"kind": "individual", "plan": "plus"})
        for number in range(12):
            job = {"client_id": client.id, "title": "A logo", "type": "fixed", "budget": 30_000}
            ask(market, said, f"job {number}", "post_job", job)
    command = [sys.executable, "-m", "tests.ledger.faults.living"]
    programs = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ourselves
        for _ in range(2)
    ]
    heard: list[list[bytes]] = [[], []]

    def listen(number: int) -> None:
        program = programs[number]
        life = Round(database, number, number, START, client.id, said.known, [])
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(msgspec.json.encode(life))
        program.stdin.close()
        with program.stdout:
            heard[number].extend(program.stdout)

    listeners = [threading.Thread(target=listen, args=(number,)) for number in range(2)]
    try:
        for listener in listeners:
            listener.start()
        wait_until(lambda: all(sum(b"Answered" in line for line in lines) >= ANSWERS for lines in heard))
    finally:
        for program in programs:
            program.kill()
        for listener in listeners:
            listener.join()
        for program in programs:
            program.wait()
    for line in [*heard[0], *heard[1]]:
        if line.endswith(b"\n"):
            said.hear(line)
    for number in range(2):
        assert sum(key.startswith(f"{number}-") for key in said.answers) >= ANSWERS
    now = max(asked.at for asked in said.asked.values())
    with Marketplace.open(database, clock=lambda: now) as market:
        finish(market)
        settle_unanswered(market, said)
        finish(market)
        assert not differences(market, said)
        # They did meet.
        met = fetch(
            market,
            "select count(*) from (select owner_id from request where key like ':0-%'"
            " intersect select owner_id from request where key like ':1-%') as both_",
        )
        assert met[0][0] > 10
