"""The rule pack in force in a database: what has been in force never changes.

Each revision is kept as it was first used. One that is announced but not yet in force may still be changed or taken
back; one that would begin in the past may not be added, because months have been settled without it.
"""

from datetime import datetime

from earnest.ledger.errors import RevisionError
from earnest.ledger.packing import micros
from earnest.ledger.store import Store
from earnest.rules.pack import Pack, Revision, canonical_text, differences, fingerprint

_KEPT = "select number, effective_from, fingerprint, canonical from revision order by number"
_KEEP = (
    "insert into revision (number, effective_from, fingerprint, canonical, recorded_at)"
    " values (:number, :effective_from, :fingerprint, :canonical, :recorded_at)"
    " on conflict (number) do update set effective_from = excluded.effective_from,"
    " fingerprint = excluded.fingerprint, canonical = excluded.canonical, recorded_at = excluded.recorded_at"
)
_DROP = "delete from revision where number = :number"


async def check(store: Store, pack: Pack, now: datetime) -> None:
    """Raise RevisionError where a revision in force differs from what was kept of it, or isn't in the pack."""
    _check(await _kept(store), pack, now)


async def begin(store: Store, pack: Pack, now: datetime) -> None:
    """Keep the pack's revisions where none have been kept yet."""
    if not await _kept(store):
        await bring_into_force(store, pack, now)


async def bring_into_force(store: Store, pack: Pack, now: datetime) -> None:
    """Keep the pack's revisions; raises RevisionError where one in force differs from what was kept of it."""
    kept = await _kept(store)
    in_force = _check(kept, pack, now)
    given = {revision.number: revision for revision in pack.revisions}
    for number, revision in given.items():
        if number in in_force:
            continue
        if kept and _has_begun(_since(revision), pack, now):
            raise RevisionError(
                f"revision {number} would hold from {_since(revision) or 'the beginning'}, which has passed; "
                "a new revision holds from a coming month"
            )
        text = canonical_text(pack, revision)
        if number not in kept or kept[number][1] != fingerprint(text):
            await store.change(
                _KEEP,
                {
                    "number": number,
                    "effective_from": _since(revision),
                    "fingerprint": fingerprint(text),
                    "canonical": text,
                    "recorded_at": micros(now),
                },
            )
    for number in kept.keys() - given.keys():
        await store.change(_DROP, {"number": number})


_Kept = dict[int, tuple[str, str, str]]


async def _kept(store: Store) -> _Kept:
    """Return what was kept of each revision: since when it holds, its fingerprint, its text."""
    return {number: (since, mark, text) for number, since, mark, text in await store.fetch(_KEPT)}


def _check(kept: _Kept, pack: Pack, now: datetime) -> set[int]:
    """Return the revisions in force; raises RevisionError where the pack's differ."""
    given = {revision.number: revision for revision in pack.revisions}
    in_force = {number for number, (since, _, _) in kept.items() if _has_begun(since, pack, now)}
    for number in sorted(in_force):
        revision = given.get(number)
        if revision is None:
            raise RevisionError(f"revision {number} is in force in this database, and pack {pack.file.name} lacks it")
        text = canonical_text(pack, revision)
        if fingerprint(text) != kept[number][1]:
            changed = "; ".join(differences(kept[number][2], text))
            raise RevisionError(
                f"revision {number} is in force in this database and cannot change any more: {changed}; "
                "add a revision that holds from a coming month instead"
            )
    return in_force


def _since(revision: Revision) -> str:
    return "" if revision.effective_from is None else revision.effective_from.isoformat()


def _has_begun(since: str, pack: Pack, now: datetime) -> bool:
    return since == "" or pack.calendar.day_start(datetime.fromisoformat(since).toordinal()) <= now
