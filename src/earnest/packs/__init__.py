"""The rule packs that come with Earnest, and how a pack is read from one of them or from a file."""

from importlib.resources import files
from os import PathLike, fspath
from typing import BinaryIO, cast

from earnest.rules.pack import Pack, PackError, decode_pack

MOST_BYTES = 100_000
"""The longest pack that is read: far beyond any meant one, and it ends the reading of a device or a wrong file."""


def built_in() -> list[str]:
    """Return the names of the packs that come with Earnest, sorted."""
    return sorted(each.name.removesuffix(".toml") for each in files(__name__).iterdir() if each.name.endswith(".toml"))


def load(name_or_path: str | PathLike[str]) -> Pack:
    """Return the built-in pack of a name, or the pack in the file at a path.

    A built-in name comes first; `./article` means the file of that name. Raises PackError for anything wrong, each of
    its lines beginning with the name or path: a file that isn't there or can't be read, no TOML, no pack.
    """
    name = fspath(name_or_path)
    try:
        return decode_pack(_read(name))
    except OSError as error:
        raise PackError(f"{name}: expected a file that can be read, got: {error.strerror or error}") from error
    except PackError as error:
        raise PackError("\n".join(f"{name}: {line}" for line in str(error).splitlines())) from error


def _read(name: str) -> bytes:
    """Return the bytes of a built-in pack or of a file."""
    if name in built_in():
        return files(__name__).joinpath(f"{name}.toml").read_bytes()
    try:
        with open(name, "rb") as file:
            text = cast(BinaryIO, file).read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        names = ", ".join(built_in())
        raise PackError(f"expected a file or the name of a built-in pack ({names}), got neither") from error
    if len(text) > MOST_BYTES:
        raise PackError(f"expected a pack of at most {MOST_BYTES:,} bytes, got more")
    return text
