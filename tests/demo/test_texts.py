"""What the people of the demo write."""

import re
from random import Random

from earnest.demo import cast
from earnest.demo.episodes import COMPARED
from earnest.demo.texts import Posting, Texts


def postings(seed: int = 1) -> list[Posting]:
    texts, found = Texts(Random(seed)), []
    while (posting := texts.posting()) is not None:
        found.append(posting)
    return found


def test_no_two_postings_have_the_same_title_and_each_has_a_few_sentences() -> None:
    found = postings()
    assert len(found) > 200
    assert len({posting.title for posting in found}) == len(found)
    for posting in found:
        assert 3 <= len(re.findall(r"[.?!](?: |$)", posting.description)) <= 7, posting.description
        assert posting.skills
        assert (posting.budget is None) == (posting.duration is not None)


def test_no_part_is_left_out_of_a_text() -> None:
    texts = Texts(Random(1))
    written = [text for each in postings() for text in (each.title, each.description, each.work, *each.answers)]
    written += [texts.letter(each, "Ana", care) for each in postings() for care in ("careful", "plain", "lazy")]
    assert not [text for text in written if re.search(r"[{}]|  |\.\.", text)]


def test_a_careful_letter_is_about_its_job_a_lazy_one_is_not_and_a_copied_one_is_always_the_same() -> None:
    texts, jobs = Texts(Random(1)), [COMPARED, *postings()[:30]]
    careful = [texts.letter(job, "Ana", "careful") for job in jobs]
    for job, letter in zip(jobs, careful, strict=True):
        assert job.work in letter
        assert job.remark in letter
        assert letter.endswith("\nAna")
    assert max(len(texts.letter(job, "Ana", "lazy")) for job in jobs) < min(map(len, careful))
    assert len({texts.letter(job, "Cleo", "copied") for job in jobs}) == 1


def test_nobody_repeats_to_a_client_what_somebody_else_wrote_of_the_job() -> None:
    texts = Texts(Random(1))
    letters = [texts.letter(COMPARED, name, "careful") for name in ("Ana", "Ingrid", "Aiko", "Paloma", "Elif")]
    for said in (COMPARED.remark, *COMPARED.answers):
        assert sum(said in letter for letter in letters) <= 1
    openings = [letter.split("\n\n")[1].split(". ")[0] for letter in letters]
    assert len(set(openings)) == len(openings)


def test_the_same_chance_writes_the_same() -> None:
    assert postings(3) == postings(3)
    assert postings(3) != postings(4)


def test_everybody_has_a_name_of_their_own_and_a_trade_that_work_is_posted_in() -> None:
    known = cast.read()
    everybody = [*known.freelancers, *known.agencies]
    assert len({each.name for each in everybody}) == len(everybody) > 40
    trades = {posting.trade for posting in postings()}
    assert {trade for each in everybody for trade in each.trades} == trades
