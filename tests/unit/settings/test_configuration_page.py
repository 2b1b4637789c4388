"""The page that users read says of every key what the code does."""

import re
from datetime import time, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from cbr_warehouse.settings.accounts import AccountSettings
from cbr_warehouse.settings.alerts import Alerts
from cbr_warehouse.settings.analytics import THRESHOLDS
from cbr_warehouse.settings.control_exceptions import ControlException
from cbr_warehouse.settings.locate import CONFIG_VARIABLE, DATA_DIR_VARIABLE, KEYS
from cbr_warehouse.settings.model import Settings, SourceSettings
from cbr_warehouse.settings.read import (
    VENDOR_SECURITY_TOKEN,
    VENDOR_VARIABLES,
    read_settings,
)
from cbr_warehouse.settings.schedules import Schedule
from cbr_warehouse.settings.thresholds import Thresholds

PAGE = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")
SECTIONS = {
    title: re.findall(r"^\| `(\w+)` \| (.+?) \|", text, re.MULTILINE)
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
TABLES: list[tuple[str, type[BaseModel]]] = [
    ("Keys at the top", Settings),
    ("`[alerts]`", Alerts),
    ("`[thresholds]`", Thresholds),
    ("`[[schedules]]`", Schedule),
    ("`[[exceptions]]`", ControlException),
    ("`[[sources]]`", SourceSettings),
    ("`[[accounts]]`", AccountSettings),
]


def default_of(model: type[BaseModel], key: str) -> object:
    """A default as a user would write it; a word if there is none."""
    field = model.model_fields[key]
    if field.is_required():
        return "required"
    match field.default:
        case None:
            return "none"
        case tuple() as listed:
            quoted = ", ".join(f'"{one}"' for one in listed)
            return f"`[{quoted}]`"
        case timedelta() as span:
            hours, rest = divmod(span, timedelta(hours=1))
            printed = f"{span.days}d" if span.days > 2 else f"{hours}h" if hours else f"{rest.seconds // 60}m"
            return f'`"{printed}"`'
        case time() as moment:
            return f'`"{moment:%H:%M}"`'
        case bool() as choice:
            return f"`{str(choice).lower()}`"
        case int() | float() as number:
            return f"`{number}`"
        case other:
            return f'`"{other}"`'


@pytest.mark.parametrize(("title", "model"), TABLES)
def test_every_key_is_on_the_page_with_its_default(title: str, model: type[BaseModel]) -> None:
    keys = [
        key
        for key in model.model_fields
        if key not in {"alerts", "thresholds", "schedules", "exceptions", "sources", "accounts"}
    ]
    assert SECTIONS[title] == [(key, default_of(model, key)) for key in keys]


def test_every_variable_is_on_the_page() -> None:
    for variable in (CONFIG_VARIABLE, DATA_DIR_VARIABLE, VENDOR_SECURITY_TOKEN, *VENDOR_VARIABLES.values()):
        assert f"`{variable}`" in PAGE


def test_the_example_is_a_configuration(write) -> None:
    example, of_account = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (account,) = read_settings(write(of_account), None, {}).accounts
    assert account.takes("eu-de_team", "eu-de")
    assert not account.takes("eu-de_sandbox", "eu-de")
    settings = read_settings(write(example), None, {})
    assert [source.name for source in settings.sources] == ["prod-eu", "prod-cn"]
    assert settings.timezone == "Europe/Berlin"


def test_every_key_has_a_word_on_what_is_allowed() -> None:
    for _, model in TABLES:
        assert [key for key, field in model.model_fields.items() if not field.description] == []


def test_every_threshold_means_on_the_page_what_its_definition_says() -> None:
    for name, threshold in THRESHOLDS.items():
        row = rf"^\| `{name}` \| [^|]+ \| {re.escape(threshold.meaning)} \|$"
        assert re.search(row, PAGE, re.MULTILINE), name


def test_every_threshold_is_a_key_and_a_column() -> None:
    assert list(THRESHOLDS) == list(Thresholds.model_fields)


def test_the_keys_that_are_known_without_pydantic_are_those_of_the_model() -> None:
    assert Settings.model_fields.keys() == KEYS
