"""Fetching an image from a URL without becoming anybody's way into a private network.

A host's addresses are resolved once, each must be public, and the connection goes to an address that
was checked: a name that changes its mind in between (DNS rebinding) gains nothing. Redirects are
followed by hand, each checked like the first. Proxies from the environment are not used, because a
proxy would resolve the name again. Nothing is unpacked on the way, so no body grows beyond its bytes.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

from imagegen.errors import InputImageError

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 50_000_000  # as much as an input image may have
MAX_REDIRECTS = 5
TIMEOUT_SECONDS = 60.0
CONNECT_SECONDS = 10.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# No image is at these addresses, not even in a private network; some answer a cloud machine with its secrets.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        *(
            "0.0.0.0/8",
            "169.254.0.0/16",
            "192.0.0.0/24",
            "224.0.0.0/3",
            "100.100.100.200/32",
            "168.63.129.16/32",
        ),
        *("::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd00:c1::/32", "fd20:ce::/32"),
    )
)
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
_IPV4_AT_THE_END = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


async def download(
    url: str,
    *,
    allow_private: bool = False,
    max_bytes: int = MAX_BYTES,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> bytes:
    """The body of an http(s) URL; more than `max_bytes` or `timeout_seconds` raises InputImageError."""
    import httpx

    with _translate_errors(url):
        async with asyncio.timeout(timeout_seconds), _build_client(timeout_seconds) as client:
            target = httpx.URL(url)
            for _ in range(MAX_REDIRECTS + 1):
                response = await _send(client, target, allow_private=allow_private)
                async with aclosing(response):
                    if not response.has_redirect_location:
                        return await _read_body(response, target, max_bytes)
                    target = target.join(response.headers["location"])
    raise InputImageError(
        f"{shown_url(url)} redirects more than {MAX_REDIRECTS} times.", hint="Give the final URL."
    )


def _build_client(timeout_seconds: float) -> httpx.AsyncClient:
    import httpx

    return httpx.AsyncClient(
        trust_env=False,
        timeout=httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, CONNECT_SECONDS)),
        # A kept connection belongs to an address, not to the host name that TLS has verified on it.
        limits=httpx.Limits(max_keepalive_connections=0),
        headers={"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "imagegen"},
    )


async def _send(client: httpx.AsyncClient, url: httpx.URL, *, allow_private: bool) -> httpx.Response:
    """Ask the first of the host's addresses that can be reached."""
    import httpx

    host, port = _host_and_port(url)
    *others, last = await _checked_addresses(host, port, allow_private=allow_private)
    for address in others:
        try:
            return await client.send(_request_to(address, url, client), stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue
    return await client.send(_request_to(last, url, client), stream=True)


def _request_to(address: str, url: httpx.URL, client: httpx.AsyncClient) -> httpx.Request:
    """A request to the checked address that still names the host to the server and to TLS."""
    return client.build_request(
        "GET",
        url.copy_with(host=address),
        headers={"Host": url.netloc.decode("ascii")},
        extensions={"sni_hostname": url.raw_host.decode("ascii")},
    )


def _host_and_port(url: httpx.URL) -> tuple[str, int]:
    port = (443 if url.scheme == "https" else 80) if url.port is None else url.port
    if url.scheme not in ("http", "https") or not url.raw_host or not 1 <= port <= 65535:
        raise InputImageError(
            f"{shown_url(url)} is not an http or https URL.", hint="Give a path or an http(s) URL."
        )
    return url.raw_host.decode("ascii"), port


async def _checked_addresses(host: str, port: int, *, allow_private: bool) -> Sequence[str]:
    """The host's addresses, at least one. One of them that may not be fetched from spoils them all."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise InputImageError(f"The host {host} cannot be found.", hint="Check the URL's spelling.") from exc
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        _check_address(host, address, allow_private=allow_private)
    return addresses


def _check_address(host: str, address: str, *, allow_private: bool) -> None:
    parsed = _innermost(ipaddress.ip_address(address.partition("%")[0]))
    if any(parsed in network for network in _NEVER):
        raise InputImageError(
            f"{host} resolves to {address}, an address that is never fetched from.",
            hint="Download the image yourself and give its path.",
        )
    if not allow_private and not _is_public(parsed):
        raise InputImageError(
            f"{host} resolves to the private address {address}, which is not fetched from.",
            hint="Download the image yourself and give its path, or set IMAGES__ALLOW_PRIVATE_URLS=true.",
        )


def _innermost(address: Address) -> Address:
    """The IPv4 address that hides in an IPv6 one: ::ffff:127.0.0.1, 2002:7f00:1::, 64:ff9b::7f00:1."""
    if isinstance(address, ipaddress.IPv4Address) or int(address) < 2:  # `::` and `::1` are their own
        return address
    if any(address in network for network in _IPV4_AT_THE_END):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    return address.is_global and (address.version == 4 or address in _PUBLIC_IPV6)


async def _read_body(response: httpx.Response, url: httpx.URL, max_bytes: int) -> bytes:
    if response.status_code != 200:
        raise InputImageError(
            f"{shown_url(url)} answered {response.status_code}.", hint="Open it in a browser first."
        )
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise InputImageError(
            f"{shown_url(url)} answered with content packed as {encoding[:40]}, unasked.",
            hint="Download the image yourself and give its path.",
        )
    stated = response.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > max_bytes:
        raise _too_large(url, max_bytes)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(url, max_bytes)
    return bytes(body)


def _too_large(url: httpx.URL, max_bytes: int) -> InputImageError:
    return InputImageError(
        f"{shown_url(url)} holds more than {max_bytes:,} bytes.", hint="Scale the image down first."
    )


@contextmanager
def _translate_errors(url: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except (
        httpx.InvalidURL,
        ValueError,
    ) as exc:  # ValueError: from urljoin, and text that no bytes stand for
        # The reason is not repeated: it may quote a password that the URL holds in the wrong place.
        raise InputImageError(
            f"{shown_url(url)} is, or redirects to, something that is no URL.",
            hint="Give a path or an http(s) URL.",
        ) from exc
    except (httpx.TimeoutException, TimeoutError) as exc:
        raise InputImageError(
            f"{shown_url(url)} did not answer in time.", hint="Download it yourself and give its path."
        ) from exc
    except httpx.HTTPError as exc:
        reason = str(exc).rstrip(".") or type(exc).__name__
        raise InputImageError(
            f"{shown_url(url)} cannot be fetched: {reason}.", hint="Check the URL."
        ) from exc


def shown_url(url: httpx.URL | str) -> str:
    """A URL for a person: no credentials, no query or fragment (signed URLs carry secrets there)."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return f"{str(url).partition(':')[0][:20]}:…"
    path = parsed.raw_path.partition(b"?")[0]
    return f"{parsed.scheme}://{(parsed.netloc + path).decode('ascii')}"[:200]
