"""Files of a DuckLake in a store: how the environment becomes a secret, and what refusals say."""

from collections.abc import Mapping

import pytest

from cbr_warehouse.storage.store_url import StoreUrl
from cbr_warehouse.warehouse.lake.file_store import explain_store, reach_store

URL = StoreUrl("backups", "lake")
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "it's secret"}


class Statements:
    """An engine that keeps what it is to execute."""

    def __init__(self) -> None:
        self.executed: list[str] = []

    def execute(self, statement: str) -> None:
        self.executed.append(statement)


def statements(environ: Mapping[str, str]) -> list[str]:
    engine = Statements()
    reach_store(engine, URL, environ)  # type: ignore[arg-type]
    return engine.executed


def secret(environ: Mapping[str, str]) -> str:
    return statements(environ)[-1]


def test_an_authority_of_ones_own() -> None:
    assert "SET ca_cert_file = '/etc/own.pem'" in statements(KEYS | {"SSL_CERT_FILE": "/etc/own.pem"})
    assert "ca_cert_file" not in str(statements(KEYS))


@pytest.mark.parametrize(
    ("environ", "place", "keys"),
    [
        ({}, "REGION 'us-east-1', URL_STYLE 'path'", ""),
        (
            {"AWS_REGION": "eu-de", "AWS_ENDPOINT_URL": "https://obs.example.com/", "AWS_SESSION_TOKEN": "T"},
            "REGION 'eu-de', URL_STYLE 'path', ENDPOINT 'obs.example.com', USE_SSL true",
            ", SESSION_TOKEN 'T'",
        ),
        (
            {
                "AWS_DEFAULT_REGION": "x",
                "AWS_ENDPOINT_URL": "https://other.example.com",
                "AWS_ENDPOINT_URL_S3": "http://backups.obs.example.com:8080",
                "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
            },
            "REGION 'x', URL_STYLE 'vhost', ENDPOINT 'obs.example.com:8080', USE_SSL false",
            "",
        ),
    ],
)
def test_the_environment_becomes_a_secret(environ: dict[str, str], place: str, keys: str) -> None:
    assert secret(KEYS | environ) == (
        f"CREATE OR REPLACE SECRET file_store (TYPE s3, SCOPE 's3://backups/lake/', {place}, "
        f"KEY_ID 'AK', SECRET 'it''s secret'{keys})"
    )


def test_a_role_instead_of_keys() -> None:
    assert secret({"AWS_WEB_IDENTITY_TOKEN_FILE": "/run/token"}).endswith(
        "PROVIDER credential_chain, REFRESH auto)"
    )


PUT = "HTTP Error: Unable to connect to URL s3://b/x: Forbidden (HTTP code 403)\n\n"
DELETE = "IO Error: Failed to remove files: HTTP 403 (Forbidden)\n"
GET = "HTTP Error: HTTP GET error reading 's3://b/x' in region 'r' (HTTP 40{})"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            f"{PUT}AccessDenied: No.",
            "the store does not give access to its files (AccessDenied: No; s3://b/x). Check the credentials",
        ),
        (
            f"{DELETE}<Error><Code>AccessDenied</Code><Message>No.</Message></Error>",
            "the store does not give access to its files (AccessDenied: No). Check the credentials",
        ),
        (
            f"{GET.format(0)}\n\nExpiredToken: Old.\n\nBad Request - this can be caused by the region",
            "the credentials of its files have expired (ExpiredToken: Old; s3://b/x). Renew them",
        ),
        (
            f"{GET.format(3)}\n\nRequestTimeTooSkewed: Late.",
            "the clock of this machine is wrong (RequestTimeTooSkewed: Late; s3://b/x). Set it",
        ),
        (
            f"{GET.format(4)}\n\nNoSuchBucket: None.",
            "there is no such bucket for its files (NoSuchBucket: None; s3://b/x). Check the endpoint",
        ),
        (
            GET.format(4),
            "one of its files is missing in the store (HTTP GET error reading 's3://b/x' in region 'r' ",
        ),
        (
            "HTTP Error: Request returned HTTP 503 for HTTP PUT to 'http://h/b/x'",
            "the store with its files cannot be used (Request returned HTTP 503 for HTTP PUT to 'http://h/b/x')",
        ),
        (
            "IO Error: Could not resolve hostname error for HTTP GET to 'http://h/b/x'",
            "the store with its files cannot be used (Could not resolve hostname error for HTTP GET to ",
        ),
    ],
)
def test_refusals(said: str, expected: str) -> None:
    explained = explain_store(said)
    assert explained is not None
    assert explained.startswith(expected)


def test_what_is_not_of_the_store() -> None:
    assert explain_store("IO Error: Cannot open file '/x': No such file or directory") is None
