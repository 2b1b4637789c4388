"""Which certificates a server may show, through which proxies it is reached, how long to wait for it."""

import ssl
from pathlib import Path

import httpx

from cbr_warehouse import __version__
from cbr_warehouse.errors import SettingsError
from cbr_warehouse.source.runtime import Timeouts


def make_http_client(
    name: str, ca_bundle: Path | None, patience: Timeouts, transport: httpx.BaseTransport | None
) -> httpx.Client:
    """Makes the client of the HTTP library. Proxies and certificates come from the environment.

    Args:
        name: Name of the source, for an error.
        ca_bundle: The certificates that are trusted, instead of the usual ones.
        patience: How long to wait for what.
        transport: Stands for the network in tests.

    Returns:
        The client.

    Raises:
        SettingsError: The certificates or the proxies that are configured are of no use.
    """
    verify = True if ca_bundle is None else _trust(name, ca_bundle)
    try:
        return httpx.Client(
            verify=verify,
            transport=transport,
            timeout=httpx.Timeout(
                connect=patience.connect_seconds,
                read=patience.read_seconds,
                write=patience.write_seconds,
                pool=patience.pool_seconds,
            ),
            # Never follow a redirect: it would carry the credentials to another server.
            follow_redirects=False,
            headers={"User-Agent": f"cbr-warehouse/{__version__}", "Accept": "application/json"},
        )
    except ImportError:
        wrong = "names a SOCKS proxy, which needs the package socksio"
    except (ValueError, httpx.InvalidURL):
        wrong = "is no address of a proxy"
    except OSError:
        raise SettingsError(
            f"Source {name}: the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read. "
            "Correct the variable, or unset it."
        ) from None
    raise SettingsError(
        f"Source {name}: HTTP_PROXY, HTTPS_PROXY or ALL_PROXY {wrong}. "
        "Allowed: an address such as http://proxy.example.com:3128."
    )


def _trust(name: str, ca_bundle: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_bundle))
    except OSError:  # ssl.SSLError is one
        raise SettingsError(
            f"Source {name}: ca_bundle {ca_bundle} holds no certificates that can be read. "
            "Allowed: a file with certificates in PEM form (-----BEGIN CERTIFICATE-----)."
        ) from None
