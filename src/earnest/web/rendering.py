"""Templates made into pages, for each locale with its own words."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from earnest.rules.pack import Pack
from earnest.settings import Settings
from earnest.web import assets, charts, places
from earnest.web.labels import Labels
from earnest.web.words import Words


class _Compiled(BytecodeCache):
    """Templates compiled once in a process, whatever the locale: what they say is looked up when they are rendered."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a template from here, if it is here."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template here."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()

_TURNING = re.compile("[\u202a\u202b\u202d\u202e\u2066-\u2068]")
"""What overrides how letters run: nobody needs it, and a name with one would turn the rest of its sentence around."""


class Renderer:
    """Makes pages. An environment for each locale is kept; there are few of them."""

    def __init__(self, settings: Settings) -> None:
        # Now, so that nobody waits for it when they first come to a page.
        _load_all(_templates())
        self._settings = settings
        self._made: dict[str, tuple[Words, Environment]] = {}

    def words(self, locale: str, pack: Pack) -> Words:
        """Return the words of a locale."""
        return self._of(locale, pack)[0]

    def render(self, template: str, words: Words, values: Mapping[str, Any]) -> str:
        """Return a page."""
        return _TURNING.sub("", self._made[words.tag][1].get_template(template).render(values))

    def _of(self, locale: str, pack: Pack) -> tuple[Words, Environment]:
        tag = locale.replace("_", "-")
        made = self._made.get(tag)
        if made is None:
            words = Words(locale, pack)
            made = self._made[tag] = words, environment(words, self._settings)
        return made


def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("earnest.web"),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        bytecode_cache=_COMPILED,
        cache_size=-1,
    )
    made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    made.filters["paragraphs"] = paragraphs
    return made


def _load_all(templates: Environment) -> None:
    for name in templates.list_templates():
        templates.get_template(name)


def environment(words: Words, settings: Settings) -> Environment:
    """Return the templates with the words of a locale."""
    made = _templates()
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        w=words,
        asset=assets.address,
        charts=charts,
        label=Labels(words),
        places=places.places,
        is_demo=settings.demo,
        is_sandbox=settings.sandbox,
        has_mail=settings.mail != "off",
    )
    _load_all(made)
    return made


@lru_cache(maxsize=512)
def paragraphs(text: str) -> Markup:
    """Return a text as somebody typed it, in paragraphs and lines; whatever it holds is shown and never followed."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    lines = (Markup("<br>").join(block.strip("\n").split("\n")) for block in blocks)
    return Markup("").join(Markup("<p>{}</p>").format(line) for line in lines)
