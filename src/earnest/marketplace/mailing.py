"""Writing to people about what they hold: whether that is done at all, to whom, and who wants none of it.

What is to be written leaves by the outbox like webhooks do, and waits for an endpoint of its own (`ids.MAIL`). That one
is made when there is anybody who could be written to, so a marketplace without people has nothing to write down; what
happened before is not told. Its secret signs the links by which somebody ends their mail without signing in.
"""

import base64
import hashlib
import hmac
import secrets
from typing import ClassVar

import msgspec

from earnest.ledger import outbox, reads
from earnest.ledger.act import Act, Batch
from earnest.ledger.ids import ACCOUNT, MAIL, PERSON, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import unpack_member
from earnest.ledger.rows import EndpointRow
from earnest.ledger.store import Needs
from earnest.marketplace.people import PersonShown, people_of, person
from earnest.rules.outcome import Refusal, Refused

URL = "mail:"
SECRET_BYTES = 32

_UNKNOWN = Refused(Refusal.UNKNOWN_PERSON)
_NOTHING = "[]"
_EVERYTHING = msgspec.json.encode(outbox.MAILED).decode()
_STATE = (
    "select (select kinds from endpoint where endpoint_id = id(:mail)),"
    " exists (select 1 from seat where kind in ('account', 'member'))"
)
_SECRET = "select secret from endpoint where endpoint_id = id(:mail)"  # noqa: S105
_DROP_WAITING = "delete from delivery where endpoint_id = id(:mail) and status = 'waiting'"
_CHOOSE = "update person set mail_off = :off where person_id = id(:person)"


class KeepMail(Act[None], frozen=True):
    """Have people's events written down for e-mail from now on, or no more."""

    answers: ClassVar[type] = type(None)

    wanted: bool
    secret: str

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.endpoints.add(MAIL)

    def decide(self, batch: Batch) -> None:
        """Make the endpoint, or change what it asks for; the secret of links that are out stays."""
        row = batch.endpoint(MAIL)
        kinds = _EVERYTHING if self.wanted else _NOTHING
        if row is None and self.wanted:
            batch.put(EndpointRow(MAIL, URL, batch.at, self.secret, kinds))
        elif row is not None and row.kinds != kinds:
            batch.put(msgspec.structs.replace(row, kinds=kinds, failing_since=None), new=False)
            if not self.wanted:
                # Much later, it would be no news.
                batch.execute(_DROP_WAITING, {"mail": MAIL})


async def keep_mail(ledger: Ledger, *, wanted: bool) -> bool:
    """See to it that people are written to, once there are any, or that nobody is; say whether that is settled.

    It is settled when nobody needs to look again, as long as the same is wanted.
    """
    [(kinds, has_people)] = await ledger.fetch(_STATE, {"mail": MAIL})
    if wanted and kinds is None and not has_people:
        return False
    if kinds != (_EVERYTHING if wanted else _NOTHING) and (wanted or kinds is not None):
        secret = base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        await ledger.do(KeepMail(wanted, secret))
    return True


async def to_be_written(ledger: Ledger, account_id: str) -> list[PersonShown]:
    """Show who is written to about an account: its holder; of an agency owners and admins; who wants no mail is not."""
    known = plain(account_id, ACCOUNT)
    if known is None:
        return []
    members = map(unpack_member, await reads.members(ledger, known, 0, reads.ALL))
    told = {account_id, *(each.id for each in members if each.leads)}
    people = await people_of(ledger, account_id)
    return [each for each in people if each.gets_mail and any(seat.target in told for seat in each.seats)]


async def choose_mail(ledger: Ledger, person_id: str, *, gets_mail: bool) -> PersonShown | Refused:
    """Have a person written to about what they hold, or not. Refused as `unknown_person`."""
    known = plain(person_id, PERSON)
    if known is None:
        return _UNKNOWN
    await ledger.store.change(_CHOOSE, {"off": not gets_mail, "person": known})
    return await person(ledger, person_id)


async def unsubscribe_code(ledger: Ledger, person_id: str) -> str | None:
    """Return what a link has to bear to end a person's mail, None while nobody has been written to."""
    row = await ledger.fetch_one(_SECRET, {"mail": MAIL})
    return None if row is None else _signed(str(row[0]), person_id)


async def person_to_unsubscribe(ledger: Ledger, code: str) -> PersonShown | None:
    """Show whose mail a link ends, None where it isn't one of ours, or they are gone. It never gets too old."""
    person_id, _, _ = code.rpartition(".")
    row = await ledger.fetch_one(_SECRET, {"mail": MAIL})
    if row is None or not code.isascii() or not hmac.compare_digest(_signed(str(row[0]), person_id), code):
        return None
    found = await person(ledger, person_id)
    return None if isinstance(found, Refused) else found


def _signed(secret: str, person_id: str) -> str:
    made = hmac.new(secret.encode(), f"unsubscribe:{person_id}".encode(), hashlib.sha256).digest()
    return f"{person_id}.{base64.urlsafe_b64encode(made[:24]).decode()}"
