"""What can be set: one environment variable each, all beginning with `EARNEST_`; an unknown one is refused.

docs/settings.md lists them; a test compares.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from earnest.wanted import RATE_LIMIT, SENDER, wanted

PREFIX = "EARNEST_"

NOT_OURS = frozenset({"EARNEST_CHROMIUM", "EARNEST_POSTGRES_BIN", "EARNEST_SHARED", "EARNEST_TEST_EFFORT"})
"""What tests and benches read; whoever develops Earnest may have them set where a server is started."""


class SettingError(Exception):
    """A setting that is unknown, or has a value it can't have."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a server. A field `a_b` is set by `EARNEST_A_B`."""

    database: Annotated[str, Meta(description="The database: sqlite:///FILE or postgresql://USER@HOST/NAME.")] = (
        "sqlite:///earnest.db"
    )
    pack: Annotated[str, Meta(description="The rule pack: a built-in one's name or a file.")] = "article"
    host: Annotated[str, Meta(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="The port to listen on; 0 for a free one.")] = 8000
    workers: Annotated[
        int, Meta(ge=1, le=64, description="Processes that answer; one on SQLite and for a sandbox.")
    ] = 1
    sandbox: Annotated[bool, Meta(description="Whether this is a sandbox, whose clock can be moved.")] = False
    sandbox_now: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="Where a new sandbox's clock stands at first; without it, at the present."),
    ] = None
    demo: Annotated[
        bool,
        Meta(
            description="Whether anyone may sign in as each of the demo's people and move the clock, with one click; "
            "for a sandbox only."
        ),
    ] = False
    public_url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^/?#\s]+$")] | None,
        Meta(
            description="Where the pages are found from outside, as in https://connects.example.com: for the links in "
            "e-mails, and with https for cookies that travel no other way. Without it, http://HOST:PORT."
        ),
    ] = None
    proxies: Annotated[
        int,
        Meta(
            ge=0,
            le=10,
            description="How many proxies stand in front, each of which adds whom it heard from to X-Forwarded-For: by "
            "that address tries to sign in are counted.",
        ),
    ] = 0
    mail: Annotated[
        Literal["console", "smtp", "off"],
        Meta(description="How e-mail leaves: `console` writes it to standard error, `smtp` sends it, `off` does not."),
    ] = "console"
    mail_from: Annotated[
        Annotated[str, Meta(pattern=SENDER)] | None,
        Meta(description="Whom e-mail comes from, as in `Earnest <connects@example.com>`; `smtp` needs it."),
    ] = None
    smtp_host: Annotated[str | None, Meta(description="The server that takes e-mail; `smtp` needs it.")] = None
    smtp_port: Annotated[int, Meta(ge=1, le=65535, description="Its port.")] = 587
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(
            description="How what is told to it is kept from others: `starttls` and `tls` need a good certificate, "
            "`none` is for a server on the same machine."
        ),
    ] = "starttls"
    smtp_user: Annotated[str | None, Meta(description="Who signs in there; without it, nobody does.")] = None
    smtp_password: Annotated[str | None, Meta(description="With what password.")] = None
    payments: Annotated[
        Literal["manual", "sandbox"] | None,
        Meta(
            description="Who takes payments: `manual` leaves it to an operator to confirm them; `sandbox`, for a "
            "sandbox only, takes no money. Without it, `sandbox` in a sandbox, else `manual`."
        ),
    ] = None
    rate_limit: Annotated[
        Annotated[str, Meta(pattern=RATE_LIMIT)] | None,
        Meta(description="What each key may ask that has no limit of its own, as in 600/minute; without it, anything."),
    ] = None
    body_bytes: Annotated[int, Meta(ge=1_000, le=1_000_000_000, description="The largest body of a request.")] = (
        1_000_000
    )
    batch_body_bytes: Annotated[
        int, Meta(ge=1_000, le=1_000_000_000, description="The largest body of a request to proposals:batch.")
    ] = 16_000_000
    request_seconds: Annotated[
        float,
        Meta(gt=0, le=3600, description="How long a request may take to arrive, from its first byte to its last."),
    ] = 30.0
    idle_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="How long a connection is kept that asks nothing more.")
    ] = 75
    connections: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Connections a worker takes; further ones are closed at once.")
    ] = 10_000
    stop_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="How long whoever is being answered is waited for when the server stops.")
    ] = 30
    sweep_seconds: Annotated[
        int,
        Meta(ge=1, le=3600, description="How often idle accounts are written up and finished things let go of."),
    ] = 600
    expiry_notice_days: Annotated[
        int, Meta(ge=1, le=28, description="How many days before connects expire webhooks tell of it.")
    ] = 3
    webhook_private_addresses: Annotated[
        bool, Meta(description="Whether webhooks may go to private and loopback addresses, and over plain http.")
    ] = False
    webhook_pause_days: Annotated[
        int, Meta(ge=1, le=30, description="After how many days of nothing but failures an endpoint is paused.")
    ] = 3
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="From which level on the log is written.")
    ] = "info"
    access_log: Annotated[bool, Meta(description="Whether each request is a line of the log.")] = True


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Return the settings that an environment makes; raises SettingError, naming the variable at fault."""
    given = {name: value for name, value in environment.items() if name.startswith(PREFIX) and name not in NOT_OURS}
    fields = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    unknown = sorted(given.keys() - fields.keys())
    if unknown:
        raise SettingError(f"{unknown[0]}: there is no such setting; docs/settings.md lists them")
    try:
        # One after the other, so that the complaint names the variable.
        for name, value in given.items():
            msgspec.convert({fields[name]: value}, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingError(f"{name}: expected {wanted(Settings, fields[name])}, got {value!r}") from error
    return _agreeing(msgspec.convert({fields[name]: value for name, value in given.items()}, Settings, strict=False))


def _agreeing(settings: Settings) -> Settings:
    """Return settings that go together; raises SettingError, naming one that doesn't."""
    if settings.workers > 1 and settings.sandbox:
        raise SettingError(f"{PREFIX}WORKERS: expected 1 for a sandbox, got {settings.workers}")
    if settings.workers > 1 and settings.database.startswith("sqlite:"):
        raise SettingError(f"{PREFIX}WORKERS: expected 1 on SQLite, got {settings.workers}; PostgreSQL takes more")
    if settings.sandbox_now is not None and not settings.sandbox:
        raise SettingError(f"{PREFIX}SANDBOX_NOW: expected only for a sandbox, whose clock it sets")
    if settings.demo and not settings.sandbox:
        raise SettingError(f"{PREFIX}DEMO: expected only for a sandbox, where nothing is real")
    if settings.mail == "smtp":
        for name in ("smtp_host", "mail_from"):
            if getattr(settings, name) is None:
                raise SettingError(f"{PREFIX}{name.upper()}: expected one, as e-mail is to leave by SMTP")
    if (settings.smtp_user is None) != (settings.smtp_password is None):
        raise SettingError(f"{PREFIX}SMTP_USER: expected together with {PREFIX}SMTP_PASSWORD, or neither")
    if settings.smtp_user is not None and settings.smtp_security == "none":
        raise SettingError(f"{PREFIX}SMTP_SECURITY: expected starttls or tls, so that nobody reads the password")
    if settings.payments == "sandbox" and not settings.sandbox:
        raise SettingError(f"{PREFIX}PAYMENTS: expected manual where this is no sandbox, got 'sandbox'")
    return settings


def to_environment(settings: Settings) -> dict[str, str]:
    """Return the environment that makes these settings: for worker processes, which are given nothing else."""
    known = msgspec.to_builtins(settings)
    return {
        PREFIX + name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in known.items()
        if value is not None
    }
