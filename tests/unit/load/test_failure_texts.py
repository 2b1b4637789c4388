"""An error becomes one line: ours as it is, any other with its type, redacted."""

from pydantic import SecretStr

from cbr_warehouse.errors import StorageError
from cbr_warehouse.load.describe_failure import describe_failure
from cbr_warehouse.settings.resolve_credentials import PasswordCredentials

SECRET = "correct horse battery staple of some length"  # not a real one
CREDENTIALS = PasswordCredentials("https://iam.example.com", "reader", SecretStr(SECRET), "acme")


def test_an_error_of_ours_is_its_own_sentence() -> None:
    assert describe_failure(StorageError("The disk is full."), CREDENTIALS) == "The disk is full."


def test_any_other_is_named_by_its_type_with_what_to_do() -> None:
    assert describe_failure(OverflowError("date value out of range"), CREDENTIALS) == (
        "An unexpected error: OverflowError: date value out of range. "
        "Run the command again with --debug before it and report what it prints."
    )
    assert describe_failure(KeyError(), CREDENTIALS).startswith("An unexpected error: KeyError. Run")


def test_no_secret_is_repeated_and_no_token() -> None:
    text = describe_failure(ValueError(f"password {SECRET} and MIIF{'a1B-' * 20}=="), CREDENTIALS)
    assert "ValueError: password [secret] and [secret]. Run" in text
    short = "MIIF" + "a" * 59
    assert short in describe_failure(ValueError(short), CREDENTIALS), "63 characters are no token"
    assert short not in describe_failure(ValueError(short + "a"), CREDENTIALS)
