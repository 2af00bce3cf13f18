"""Collects what the pages say into the catalogue for translators: `make messages`; a test compares.

`python -m tools.messages LANGUAGE` makes, or brings up to date, a language's own catalogue.
"""

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

WEB = Path(__file__).parents[1] / "src" / "earnest" / "web"
TEMPLATE = WEB / "locale" / "earnest.pot"
PLACES = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {"**/templates/**.html": {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}


def collected() -> Catalog:
    """Return every text that is translated, with the files it stands in."""
    catalog = Catalog(project="Earnest", fuzzy=False, header_comment="# What Earnest's pages say, for translators.")
    # Without a time and without lines: the same texts make the same file.
    catalog.mime_headers = [("MIME-Version", "1.0"), ("Content-Type", "text/plain; charset=utf-8")]
    found = extract_from_dir(str(WEB), PLACES, OPTIONS, KEYWORDS, comment_tags=["Translators:"])
    for name, _line, message, comments, context in sorted(found, key=lambda each: (each[0], each[1])):
        catalog.add(message, locations=[(name, None)], auto_comments=comments, context=context)
    return catalog


def written(catalog: Catalog) -> str:
    """Return a catalogue's file."""
    into = BytesIO()
    write_po(into, catalog, width=120, omit_header=True, sort_by_file=True, include_lineno=False)
    return into.getvalue().decode()


def main() -> int:
    """Write the template, or a language's catalogue."""
    catalog = collected()
    if len(sys.argv) == 1:
        TEMPLATE.write_text(written(catalog), encoding="utf-8")
        return 0
    language = sys.argv[1]
    path = TEMPLATE.with_name(f"{language}.po")
    own = Catalog(locale=language, fuzzy=False)
    if path.is_file():
        with path.open("rb") as kept:
            own = read_po(kept, locale=language)
    own.update(catalog, no_fuzzy_matching=True)
    with path.open("wb") as into:
        write_po(into, own, width=120, include_lineno=False, ignore_obsolete=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
