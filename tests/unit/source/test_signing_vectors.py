"""Signatures worked out by hand with openssl, so that the code and its peers cannot drift together."""

import pytest

from cbr_warehouse.source.signing import Signable, authorization, canonical_request

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SIGNABLE = Signable(
    "get",
    "/v3/04f1829c788037ac2fb8c01eb2b04b95/operation-logs",
    (("start_time", "2018-01-01T12:00:00Z"), ("limit", "10"), ("vault_name", "a b+c~/ü")),
    {
        "X-Sdk-Date": "20260301T120000Z",
        "Host": " cbr.example.com ",
        "X-Project-Id": "04f1829c788037ac2fb8c01eb2b04b95",
    },
)


def test_the_form_that_is_signed() -> None:
    assert canonical_request(SIGNABLE).split("\n") == [
        "GET",
        "/v3/04f1829c788037ac2fb8c01eb2b04b95/operation-logs/",
        "limit=10&start_time=2018-01-01T12%3A00%3A00Z&vault_name=a%20b%2Bc~%2F%C3%BC",
        "host:cbr.example.com",
        "x-project-id:04f1829c788037ac2fb8c01eb2b04b95",
        "x-sdk-date:20260301T120000Z",
        "",
        "host;x-project-id;x-sdk-date",
        EMPTY,
    ]


def test_the_signature() -> None:
    assert authorization(SIGNABLE, "DEMO-AK", "DEMO-SK") == (
        "SDK-HMAC-SHA256 Access=DEMO-AK, SignedHeaders=host;x-project-id;x-sdk-date, "
        "Signature=eb9c720c22d85bd6f56747a1c961996b052c7d900656bb0221e1e1084ec1127a"
    )


@pytest.mark.parametrize("path", ["/v3/p", "/v3/p/"])
def test_the_path_ends_in_a_slash(path: str) -> None:
    signable = Signable("GET", path, (), {"X-Sdk-Date": "20260301T120000Z"})
    assert canonical_request(signable).split("\n")[1] == "/v3/p/"


def test_the_body_is_signed() -> None:
    signable = Signable("POST", "/", (), {"X-Sdk-Date": "20260301T120000Z"}, b"{}")
    assert canonical_request(signable).endswith(
        "\n44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )
