"""Settings: read from an environment, told where they are wrong, and written down."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from earnest.settings import PREFIX, SettingError, Settings, from_environment, to_environment

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_written_down_with_its_default() -> None:
    lines = re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? *\| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    defaults = to_environment(Settings())
    names = [PREFIX + name.upper() for name in Settings.__struct_fields__]
    assert [(name, default) for name, default, _ in lines] == [(name, defaults.get(name, "")) for name in names]


def test_an_environment_makes_settings_and_they_make_it_again() -> None:
    environment = {
        "EARNEST_PORT": "0",
        "EARNEST_SANDBOX": "true",
        "EARNEST_SANDBOX_NOW": "2016-01-05T00:00:00Z",
        "EARNEST_RATE_LIMIT": "600/minute",
        "EARNEST_REQUEST_SECONDS": "0.5",
        "PATH": "/bin",
    }
    settings = from_environment(environment)
    assert (settings.port, settings.sandbox, settings.rate_limit) == (0, True, "600/minute")
    assert (settings.request_seconds, settings.sandbox_now) == (0.5, datetime(2016, 1, 5, tzinfo=UTC))
    assert from_environment(to_environment(settings)) == settings
    assert from_environment({}) == Settings()


def test_what_only_tests_and_benches_read_is_no_mistake_and_no_setting() -> None:
    named = {
        "EARNEST_CHROMIUM": "/bin/x",
        "EARNEST_POSTGRES_BIN": "/bin",
        "EARNEST_SHARED": "..",
        "EARNEST_TEST_EFFORT": "1",
    }
    assert from_environment(named) == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("EARNEST_PROT", "1", "there is no such setting"),
        ("EARNEST_port", "1", "there is no such setting"),
        ("EARNEST_PORT", "x", "expected a whole number from 0 to 65,535"),
        ("EARNEST_PORT", "65536", "expected a whole number from 0 to 65,535"),
        ("EARNEST_WORKERS", "0", "expected a whole number from 1 to 64"),
        ("EARNEST_WORKERS", "2", "expected 1 on SQLite"),
        ("EARNEST_LOG_LEVEL", "loud", "expected one of debug, error, info, warning"),
        ("EARNEST_RATE_LIMIT", "lots", "expected a number and a span, as in 600/minute"),
        ("EARNEST_SANDBOX", "perhaps", "expected true or false"),
        ("EARNEST_SANDBOX_NOW", "2016-01-05T00:00:00", "expected a time with its zone"),
        ("EARNEST_SANDBOX_NOW", "2016-01-05T00:00:00Z", "expected only for a sandbox"),
        ("EARNEST_PAYMENTS", "sandbox", "expected manual"),
        ("EARNEST_MAIL_FROM", "Earnest", "expected an address as in Earnest <connects@example.com>"),
        ("EARNEST_MAIL_FROM", "a@b.example\nBcc: e@f.example", "expected an address"),
        ("EARNEST_SMTP_SECURITY", "tsl", "expected one of none, starttls, tls"),
        ("EARNEST_SMTP_USER", "me", "expected together with EARNEST_SMTP_PASSWORD"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_told_by_its_variable(variable: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingError) as told:
        from_environment({variable: value})
    assert str(told.value).startswith(f"{variable}: ")
    assert complaint in str(told.value)


def test_a_password_in_the_database_is_not_told() -> None:
    with pytest.raises(SettingError) as told:
        from_environment({"EARNEST_DATABASE": "sqlite://me:hidden@here", "EARNEST_WORKERS": "2"})
    assert "hidden" not in str(told.value)


BY_SMTP = {
    "EARNEST_MAIL": "smtp",
    "EARNEST_SMTP_HOST": "mail.example",
    "EARNEST_MAIL_FROM": "Earnest <connects@example.com>",
}


@pytest.mark.parametrize("missing", ["EARNEST_SMTP_HOST", "EARNEST_MAIL_FROM"])
def test_e_mail_by_smtp_needs_a_server_and_a_sender(missing: str) -> None:
    assert from_environment(BY_SMTP).smtp_port == 587
    with pytest.raises(SettingError, match=missing):
        from_environment({name: value for name, value in BY_SMTP.items() if name != missing})


def test_a_password_for_e_mail_is_told_to_nobody_without_tls() -> None:
    user = {"EARNEST_SMTP_USER": "me", "EARNEST_SMTP_PASSWORD": "hidden"}
    assert from_environment(BY_SMTP | user).smtp_user == "me"
    with pytest.raises(SettingError, match="EARNEST_SMTP_SECURITY") as told:
        from_environment(BY_SMTP | user | {"EARNEST_SMTP_SECURITY": "none"})
    assert "hidden" not in str(told.value)
