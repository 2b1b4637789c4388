"""Our signature and that of the vendor's own signer, on whatever may be asked."""

from types import SimpleNamespace

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given
from hypothesis import strategies as st

from cbr_warehouse.source.http_messages import ApiRequest, encode_query
from cbr_warehouse.source.signing import Signable, authorization

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
# The vendor's signer takes a path that is percent-encoded already; "%" itself it decodes once more.
segments = st.lists(
    st.text("abcXYZ019-._~ üß%:+&=", min_size=1, max_size=6).filter(lambda s: "%" not in s), max_size=3
)


@given(
    st.sampled_from(["GET", "POST"]),
    segments,
    st.dictionaries(words, words, max_size=5),
    st.binary(max_size=50),
    keys,
    keys,
    st.none() | keys,
)
def test_the_vendor_signs_the_same(method, path, query, body, access_key, secret_key, security_token) -> None:
    asked = ApiRequest(method, "https://cbr.example.com:8443", ("v3", *path), tuple(query.items()), body)
    headers = {"Host": asked.host, "X-Project-Id": "p", "X-Sdk-Date": "20260102T030405Z"}
    if security_token:
        headers["X-Security-Token"] = security_token
    ours = authorization(Signable(method, asked.path, asked.query, headers, body), access_key, secret_key)

    request = SdkRequest(
        method=method,
        schema="https",
        host=asked.host,
        resource_path=asked.url.partition(asked.host)[2].partition("?")[0],
        query_params=list(query.items()),
        header_params=dict(headers),
        body=body or "",
    )
    signed = Signer(SimpleNamespace(ak=access_key, sk=secret_key)).sign(request)
    assert ours == signed.header_params["Authorization"]
    # What is sent is spelled as it is signed.
    assert asked.url.partition("?")[2] == signed.uri.partition("?")[2] == encode_query(query.items())
