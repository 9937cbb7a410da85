"""Clients of the servers that tests start, which speak HTTP without TLS."""

import ssl
from typing import Any

import httpx

# httpx reads the machine's certificates for each client otherwise, which takes as long as starting a server.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_of(url: httpx.URL | str, **options: Any) -> httpx.Client:
    """A client of a server on this machine."""
    return httpx.Client(**{"base_url": url, "timeout": 30, "verify": NO_CERTIFICATES, **options})
