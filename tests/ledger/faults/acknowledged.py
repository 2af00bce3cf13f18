"""What a marketplace has acknowledged, held against what its database holds.

Nothing here asks the engine: the journal is summed up by SQL, and every answer is compared with what is kept.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from earnest import Marketplace
from earnest.ledger.writer import Key
from earnest.rules.outcome import Refused
from tests.ledger.faults.living import Answered, Asked, Known

# What was answered is kept, but for what a person wrote.
KEPT_AS_ANSWERED = {"submit", "withdraw", "decline", "hire", "post_job", "buy", "confirm_purchase", "reverse_purchase"}


class Acknowledged:
    """What was asked and answered so far, over all rounds. `unanswered` may or may not have happened."""

    def __init__(self) -> None:
        self.asked: dict[str, Asked] = {}
        self.answers: dict[str, Answered] = {}
        self.known = Known()
        self.wrong: list[str] = []

    def hear(self, line: bytes) -> None:
        """Take a line that the living program said."""
        said = msgspec.json.decode(line, type=Asked | Answered)
        if isinstance(said, Asked):
            self.asked[said.key] = said
            return
        before = self.answers.get(said.key)
        asked = self.asked[said.key]
        if before is None:
            if said.refused is None:
                self.known.learn(asked.use_case, asked.arguments, msgspec.json.decode(said.answer))
        elif before.refused is None and (said.refused is not None or _differ(asked, before, said)):
            self.wrong.append(f"{asked} was answered {bytes(before.answer)!r} and then {bytes(said.answer)!r}")
        if before is None or before.refused is not None:
            self.answers[said.key] = said

    @property
    def unanswered(self) -> list[Asked]:
        return [asked for key, asked in self.asked.items() if key not in self.answers]

    @property
    def accepted(self) -> dict[str, Asked]:
        return {key: self.asked[key] for key, answer in self.answers.items() if answer.refused is None}

    def count(self) -> Counter[str]:
        """How many of each use case were accepted."""
        return Counter(asked.use_case for asked in self.accepted.values())

    def answer(self, key: str) -> Any:
        return msgspec.json.decode(self.answers[key].answer)


def _differ(asked: Asked, before: Answered, said: Answered) -> bool:
    one, other = msgspec.json.decode(before.answer), msgspec.json.decode(said.answer)
    if asked.use_case == "close_job" and one["returned"]["pending"]:
        # What is still being given back grows.
        return bool(one["job"] != other["job"])
    return bool(one != other)


def ask(market: Marketplace, said: Acknowledged, name: str, use_case: str, arguments: dict[str, Any]) -> None:
    """Ask as the living program does, under a key."""
    key = Key(name)
    said.asked.setdefault(name, Asked(name, use_case, arguments, market._inner.ledger.now))
    answer = getattr(market, use_case)(**arguments, key=key)
    refused = answer.code.value if isinstance(answer, Refused) else None
    told = Answered(name, key.replayed, refused, msgspec.Raw(msgspec.json.encode(answer)))
    said.hear(msgspec.json.encode(told))


def settle_unanswered(market: Marketplace, said: Acknowledged) -> None:
    """Ask once more, by the same keys, for all that may or may not have happened."""
    for asked in said.unanswered:
        ask(market, said, asked.key, asked.use_case, asked.arguments)


def _wordless(answer: dict[str, Any] | None) -> dict[str, Any] | None:
    return answer if answer is None else answer | {"cover_letter": None}


def fetch(market: Marketplace, sql: str) -> list[tuple[Any, ...]]:
    return market.wait(market._inner.ledger.fetch(sql))


def finish(market: Marketplace) -> None:
    """Wait until what was left unfinished has been gone on with, which opening a marketplace begins by itself."""

    async def wait() -> None:
        work = market._inner.ledger._under_way.get("returns left unfinished")
        if work is not None:
            await work

    market.wait(wait())


def differences_in_journal(market: Marketplace) -> list[str]:
    """What is half-written, doubled or lost within a database whose returns are finished; [] where all is well."""
    wrong = []
    for what, sql in (
        (
            "an account's balance is not the sum of its journal, or its numbers have gaps",
            "select a.account_id, a.balance, sum(e.connects), a.n, count(*), max(e.n) from account a"
            " join entry e on e.account_id = a.account_id group by a.account_id, a.balance, a.n"
            " having a.balance <> sum(e.connects) or a.n <> max(e.n) or count(*) <> max(e.n)",
        ),
        (
            "an account without a journal",
            "select account_id from account a where a.n > 0"
            " and not exists (select 1 from entry e where e.account_id = a.account_id)",
        ),
        (
            "a proposal was not paid once",
            "select p.account_id, p.n, p.connects_spent, e.spent from proposal p left join"
            " (select account_id, proposal, -sum(connects) as spent from entry where kind = 'spend'"
            " group by account_id, proposal) e on e.account_id = p.account_id and e.proposal = p.n"
            " where p.connects_spent <> coalesce(e.spent, 0)",
        ),
        (
            "a proposal was not returned once",
            "select p.account_id, p.n, p.connects_spent, p.returned_at, e.returned from proposal p left join"
            " (select account_id, proposal, sum(connects) as returned from entry where kind = 'return'"
            " group by account_id, proposal) e on e.account_id = p.account_id and e.proposal = p.n"
            " where case when p.returned_at is null then 0 else p.connects_spent end <> coalesce(e.returned, 0)",
        ),
        (
            "two live proposals of one account for one job",
            "select account_id, job_id, count(*) from proposal where status <> 'withdrawn'"
            " group by account_id, job_id having count(*) > 1",
        ),
        (
            "a job closed without a hire kept what was spent on it",
            "select p.account_id, p.n, p.job_id from proposal p join job j on j.job_id = p.job_id"
            " where j.closed_at is not null and j.hires = 0 and p.connects_spent > 0 and p.returned_at is null",
        ),
        ("a return is not finished", "select job_id from task where done_at is null"),
        (
            "hires miscounted",
            "select j.job_id, j.hires, count(*) from job j join proposal p on p.job_id = j.job_id"
            " where p.status = 'hired' group by j.job_id, j.hires having j.hires <> count(*)",
        ),
        (
            "a purchase did not arrive once",
            "select p.account_id, p.seq, p.status, p.connects, e.brought from purchase p left join"
            " (select account_id, purchase, sum(connects) as brought from entry where kind = 'purchase'"
            " group by account_id, purchase) e on e.account_id = p.account_id and e.purchase = p.seq"
            " where case when p.status in ('confirmed', 'reversed') then p.connects else 0 end"
            " <> coalesce(e.brought, 0)",
        ),
    ):
        wrong += [f"{what}: {row}" for row in fetch(market, sql)]
    return wrong


def differences(market: Marketplace, said: Acknowledged) -> list[str]:
    """What differs between what was acknowledged and what is kept, and within what is kept; [] where all is well.

    Everything there is must have been asked for, but what was made without a key.
    """
    wrong = list(said.wrong) + differences_in_journal(market)
    requests: dict[str, Any] = {}
    for key, outcome in fetch(market, "select key, outcome from request"):
        name = key.removeprefix(":")
        if name in requests:
            wrong.append(f"the key {name} was kept twice")
        if name not in said.asked:
            wrong.append(f"the key {name} was never asked for")
        requests[name] = msgspec.json.decode(outcome)
    for key, asked in said.accepted.items():
        if asked.use_case in KEPT_AS_ANSWERED and _wordless(requests.get(key)) != _wordless(said.answer(key)):
            wrong.append(f"{asked} was answered {said.answer(key)}, and kept is {requests.get(key)}")
        if key not in requests:
            wrong.append(f"{asked} was accepted, and its key is not kept")
    for use_case, sql, prefix in (
        ("open_account", "select account_id from account", "acc_"),
        ("post_job", "select job_id from job", "job_"),
        ("submit", "select account_id, n from proposal", "prp_"),
        ("buy", "select account_id, seq from purchase", "pur_"),
    ):
        there = sorted(prefix + "_".join(map(str, row)) for row in fetch(market, sql))
        # By their keys, so that what was done unacknowledged counts too.
        made = sorted(
            answer["id"]
            for key, answer in requests.items()
            if key in said.asked and said.asked[key].use_case == use_case
        )
        if there != made:
            odd = Counter(there) - Counter(made), Counter(made) - Counter(there)
            wrong.append(f"{use_case}: there is beside what was asked for {odd[0]}, and missing is {odd[1]}")
    moved = dict(fetch_moved(market))
    for key, asked in said.accepted.items():
        if (
            asked.use_case in ("withdraw", "decline", "hire")
            and moved.get(said.answer(key)["id"]) != (said.answer(key)["status"])
        ):
            wrong.append(f"{asked} was answered {said.answer(key)}, and it stands {moved.get(said.answer(key)['id'])}")
    return wrong + [str(each) for each in audited(market)]


def fetch_moved(market: Marketplace) -> list[tuple[str, str]]:
    rows = fetch(market, "select account_id, n, status from proposal")
    return [(f"prp_{account}_{n}", status) for account, n, status in rows]


def audited(market: Marketplace) -> Sequence[object]:
    """What the audit finds wrong."""
    return market.audit().differences
