"""A program is killed again and again, in the middle of everything; what it acknowledged is there, once."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import msgspec
import pytest

from earnest import Marketplace
from tests.ledger.faults.acknowledged import Acknowledged, differences, finish, settle_unanswered
from tests.ledger.faults.living import Round
from tests.stores import START, StandingClock

LONG = os.environ.get("EARNEST_TEST_EFFORT") == "long"
KILLS = 150 if LONG else 6
AGAIN = 25
OVERDUE_SECONDS = 120


def live_and_be_killed(given: Round, said: Acknowledged, answers: int, chance: random.Random) -> None:
    """Run a round, and kill it a moment after it has accepted so many requests that nobody had asked before."""
    command = [sys.executable, "-m", "tests.ledger.faults.living"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:  # noqa: S603 - ourselves
        assert program.stdin is not None
        assert program.stdout is not None
        overdue = threading.Timer(OVERDUE_SECONDS, program.kill)
        overdue.start()
        program.stdin.write(msgspec.json.encode(given))
        program.stdin.close()
        lines: list[bytes] = []
        heard = 0
        while heard < answers:
            line = program.stdout.readline()
            assert line, f"the program ended by itself with {program.wait()}"
            heard += all(part in line for part in (b'"type":"Answered"', b'"replayed":false', b'"refused":null'))
            lines.append(line)
        # Anywhere between a commit and the next one.
        time.sleep(chance.random() * 0.02)
        overdue.cancel()
        program.send_signal(signal.SIGKILL)
        lines += program.stdout.readlines()
    assert program.returncode == -signal.SIGKILL
    for line in lines:
        if line.endswith(b"\n"):
            said.hear(line)


@pytest.mark.parametrize("seed", range(3) if LONG else [1])
def test_what_was_acknowledged_before_a_kill_is_there_once(database: str, seed: int) -> None:
    chance = random.Random(seed)
    said = Acknowledged()
    now = START
    with Marketplace.open(database, clock=StandingClock()) as market:
        client = market.create_client(name="Dan").id
    resolved = 0
    for number in range(KILLS):
        accepted = list(said.accepted.values())
        again = said.unanswered + chance.sample(accepted, min(AGAIN, len(accepted)))
        resolved += len(said.unanswered)
        given = Round(database, number, chance.randrange(2**32), now, client, said.known, again)
        live_and_be_killed(given, said, chance.randrange(100, 500), chance)
        now = max(asked.at for asked in said.asked.values()) + timedelta(days=1)
        with Marketplace.open(database, clock=StandingClock(now)) as market:
            finish(market)
            if number == KILLS - 1:
                resolved += len(said.unanswered)
                settle_unanswered(market, said)
                finish(market)
            assert not differences(market, said)
    # The life was one, and the kills did hit.
    counted = said.count()
    assert {"submit", "withdraw", "close_job", "buy", "confirm_purchase", "grant", "hire"} <= set(counted)
    assert counted["submit"] > 50 * KILLS / 2
    assert resolved > KILLS
    assert not said.unanswered
