"""Setting passwords: by a link that whoever reads the person's mail can use once, or with the old one.

A person has one link at most: a newer one replaces it, but none that anybody may ask for replaces one that is fresh, or
strangers could keep somebody from setting a password. What is kept of it is the SHA-256 of its secret. Nobody but the
person ever knows a password: operators give links.

Times are the machine's, not those of a sandbox's clock.
"""

from datetime import timedelta
from typing import ClassVar

import msgspec

from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import BusyError, already_done
from earnest.ledger.ids import PERSON, plain
from earnest.ledger.ledger import Ledger, utc_now
from earnest.ledger.packing import micros
from earnest.ledger.rows import PersonRow
from earnest.ledger.sql import names
from earnest.ledger.store import Needs
from earnest.marketplace import hashing, tries
from earnest.marketplace.people import PersonShown, person, row_by_email
from earnest.marketplace.sessions import digest_of, new_secret
from earnest.rules.outcome import Refusal, Refused

FIRST_LINK_LASTS = timedelta(days=7)
"""How long somebody without a password has to set one."""

LINK_LASTS = timedelta(hours=1)
"""How long a link is good with which somebody replaces the password they have."""

LINK_FRESH = timedelta(minutes=30)
"""How long somebody is sent no other link: the letter they have is good for as long again at least."""

_UNKNOWN_LINK = Refused(Refusal.UNKNOWN_LINK)
_UNKNOWN_PERSON = Refused(Refusal.UNKNOWN_PERSON)
_WRONG = Refused(Refusal.WRONG_CREDENTIALS)

_PERSON = f"select {names(PersonRow)} from person where person_id = id(:person)"  # noqa: S608
_OF_LINK = f"select {names(PersonRow)} from person where link = :link and link_until > :now"  # noqa: S608
_OTHER_SESSIONS = "delete from session where person_id = id(:person) and digest <> :kept"
_DROP = "update person set link = null, link_until = null where link_until <= :now"


class GiveLink(Act[None], frozen=True):
    """Give a person a link with which to set a password, instead of any other, or of any but a fresh one."""

    answers: ClassVar[type] = type(None)

    person: str
    digest: str
    at: int
    leave_fresh: bool = False

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.people.add(self.person)

    def decide(self, batch: Batch) -> Refused | None:
        """Keep what tells it again."""
        row = batch.person(self.person)
        if row is None:
            return _UNKNOWN_PERSON
        lasts = FIRST_LINK_LASTS if row.password is None else LINK_LASTS
        until = self.at + lasts // timedelta(microseconds=1)
        if self.leave_fresh and until - (row.link_until or 0) < LINK_FRESH // timedelta(microseconds=1):
            return Refused(Refusal.TOO_MANY_TRIES)
        batch.put(msgspec.structs.replace(row, link=self.digest, link_until=until), new=False)
        return None


class SetPassword(Act[None], frozen=True):
    """Set a password, by a link or in place of the old one, and end the sessions but the kept one."""

    answers: ClassVar[type] = type(None)

    person: str
    password: str
    at: int
    link: str | None = None
    old: str | None = None
    kept: str = ""

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.people.add(self.person)

    def decide(self, batch: Batch) -> Refused | None:
        """Set it, unless the link has been used, or the old one changed, since they were looked at."""
        row = batch.person(self.person)
        if self.link is not None:
            if row is None or row.link != self.link or (row.link_until or 0) <= self.at:
                return _UNKNOWN_LINK
        elif row is None or row.password is None or row.password != self.old:
            return _WRONG
        batch.put(msgspec.structs.replace(row, password=self.password, link=None, link_until=None), new=False)
        batch.execute(_OTHER_SESSIONS, {"person": self.person, "kept": self.kept})
        return None


async def password_link(ledger: Ledger, email: str) -> tuple[PersonShown, str] | None:
    """Return who has an e-mail address, and the secret of a link with which they set a password, once.

    It is good for 7 days where they have no password yet, else for an hour, and until the next one is made. None where
    nobody has this address.
    """
    return await _give(ledger, email, leave_fresh=False)


async def _give(ledger: Ledger, email: str, *, leave_fresh: bool) -> tuple[PersonShown, str] | None:
    found = await row_by_email(ledger, email)
    if found is None:
        return None
    secret = new_secret()
    act = GiveLink(found[0].person_id, digest_of(secret), micros(utc_now()), leave_fresh)
    answer = await ledger.do(act)
    return None if isinstance(answer, Refused) else (found[1], secret)


async def forgot_password(ledger: Ledger, email: str, *, address: str) -> tuple[PersonShown, str] | Refused | None:
    """Return what `password_link` does, to somebody at an IP address who says that they are this person.

    What it returns is for the person's mailbox and nobody else: whoever asked is told the same in either case. None too
    where they were given a link within the last half an hour and haven't used it: that one stays good.
    Refused as `too_many_tries`.
    """
    tried = await tries.link_try(ledger, email, address)
    return tried if isinstance(tried, Refused) else await _give(ledger, email, leave_fresh=True)


async def person_of_link(ledger: Ledger, secret: str) -> PersonShown | None:
    """Return whose link it is, None where it is nobody's, was used, replaced, or has ended."""
    row = await _row_of_link(ledger, secret)
    found = None if row is None else await person(ledger, f"{PERSON}{row.person_id}")
    return None if isinstance(found, Refused) else found


async def set_password(ledger: Ledger, secret: str, password: str) -> PersonShown | Refused:
    """Set a password by a link, which is used by that. All sessions of the person end.

    Refused as `unknown_link`. Raises ValueError for a password that is no good, BusyError where too many are being
    looked at.
    """
    row = await _row_of_link(ledger, secret)
    if row is None:
        return _UNKNOWN_LINK
    made = await hashing.hashed(hashing.checked_password("password", password, row.email), row.person_id)
    return await _set(ledger, SetPassword(row.person_id, made, micros(utc_now()), link=digest_of(secret)), row.email)


async def change_password(
    ledger: Ledger, person_id: str, old: str, new: str, *, keep: str | None = None
) -> PersonShown | Refused:
    """Change a person's password, who knows the old one. All sessions end but the one with the secret `keep`.

    Refused as `unknown_person`, `too_many_tries` and `wrong_credentials`. Raises ValueError for a password that is no
    good, BusyError where too many are being looked at.
    """
    known = plain(person_id, PERSON)
    found = None if known is None else await ledger.fetch_one(_PERSON, {"person": known})
    if found is None:
        return _UNKNOWN_PERSON
    row = PersonRow(*found)
    chosen = hashing.checked_password("new", new, row.email)
    tried = await tries.change_try(ledger, row.email)
    if isinstance(tried, Refused):
        return tried
    try:
        matches = await hashing.verify(row.password, old, row.person_id)
        made = await hashing.hashed(chosen, row.person_id) if matches else ""
    except BusyError:
        await tried.take_back(ledger)
        raise
    if not matches:
        return _WRONG
    kept = "" if keep is None else digest_of(keep)
    return await _set(
        ledger, SetPassword(row.person_id, made, micros(utc_now()), old=row.password, kept=kept), row.email
    )


async def drop_links(ledger: Ledger) -> None:
    """Forget the links that have ended."""
    await ledger.store.change(_DROP, {"now": micros(utc_now())})


async def _row_of_link(ledger: Ledger, secret: str) -> PersonRow | None:
    found = await ledger.fetch_one(_OF_LINK, {"link": digest_of(secret), "now": micros(utc_now())})
    return None if found is None else PersonRow(*found)


async def _set(ledger: Ledger, act: SetPassword, email: str) -> PersonShown | Refused:
    answer = await ledger.do(act)
    if isinstance(answer, Refused):
        return answer
    with already_done():
        await tries.forgive_anywhere(ledger, email)
        return await person(ledger, f"{PERSON}{act.person}")
