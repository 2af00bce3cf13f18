"""What the pages say, collected for translators."""

from babel.messages.pofile import read_po

from tools import messages


def test_the_template_for_translators_is_up_to_date() -> None:
    kept = messages.TEMPLATE.read_text(encoding="utf-8")
    assert messages.written(messages.collected()) == kept, "run `make messages`"


def test_every_text_names_what_is_put_into_it_and_nothing_else_has_a_percent_sign() -> None:
    with messages.TEMPLATE.open("rb") as template:
        ids = [message.id for message in read_po(template) if message.id]
    texts = [text for id_ in ids for text in ([id_] if isinstance(id_, str) else id_)]
    assert len(texts) > 500
    for text in texts:
        assert text % _Anything() is not None
        assert "'" not in text, f"a typewriter's apostrophe: {text}"


class _Anything(dict[str, str]):
    """Whatever a text asks for; one that asks by place and not by name isn't given anything."""

    def __missing__(self, name: str) -> str:
        return name
