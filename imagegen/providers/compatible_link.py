"""The HTTP connection to one server: its address, its key, and the images that it links to.

Not the official SDK: that one reads keys, headers and organizations meant for OpenAI from the environment,
insists on a key, and takes a second to import.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagegen.arrivals import its_turn
from imagegen.downloads import MAX_BYTES, download, shown_url
from imagegen.errors import BadResponse, InputImageError
from imagegen.providers.openai_endpoint import Endpoint, no_address
from imagegen.providers.openai_errors import Call, disconnected, refusal, timed_out, translated_setup

if TYPE_CHECKING:
    import httpx2

MAX_REDIRECTS = 5
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of status 200 or so."""

    content: bytes
    headers: Mapping[str, str]


class Link:
    """A connection that is opened by its first call; one that was closed opens again."""

    def __init__(
        self, endpoint: Endpoint, *, headers: Mapping[str, str], query: Mapping[str, str], setting: str
    ) -> None:
        self._endpoint = endpoint
        self._headers = dict(headers)
        self._query = dict(query)
        self._setting = setting
        self._client: httpx2.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def post(
        self,
        path: str,
        fields: Mapping[str, Any],
        files: Sequence[tuple[str, tuple[str, bytes, str]]],
        call: Call,
    ) -> Answer:
        """Send fields as JSON, or with `files` as a form. Raises what the failure stands for."""
        body: dict[str, Any] = {"data": fields, "files": list(files)} if files else {"json": fields}
        return await self._ask("POST", path, call, **body)

    async def get(self, path: str, call: Call) -> Answer:
        """Ask for a document. Raises what the failure stands for."""
        return await self._ask("GET", path, call)

    async def fetch(self, link: str, call: Call) -> bytes:
        """The bytes behind a link in an answer, which may be relative to the server.

        Only the server's own host may be a private one. Raises BadResponse where there are no bytes, or too
        many of them.
        """
        import httpx2

        with translated_link(call, self._setting), _unusable_link(call):
            async with asyncio.timeout(call.timeout_seconds):
                url = httpx2.URL(f"{self._endpoint.base_url.rstrip('/')}/").join(link)
                for _ in range(MAX_REDIRECTS + 1):
                    found = await self._follow(url, call)
                    if isinstance(found, bytes):
                        return found
                    url = found
        raise _no_image("a link that redirects too often", call)

    async def _follow(self, url: httpx2.URL, call: Call) -> bytes | httpx2.URL:
        """The bytes of one URL, or where it redirects to."""
        import httpx2

        base = httpx2.URL(self._endpoint.base_url)
        if url.scheme not in ("http", "https"):
            raise _no_image(f"a link that is no http or https URL ({shown_url(str(url))})", call)
        if url.host != base.host:
            return await download(str(url), max_bytes=MAX_BYTES, timeout_seconds=call.timeout_seconds)
        own = (url.scheme, url.port) == (base.scheme, base.port)
        headers, timeout = self._headers if own else None, _timeouts(call.timeout_seconds)
        client = await self._open()
        async with client.stream("GET", url, headers=headers, timeout=timeout) as response:
            if response.has_redirect_location:
                return url.join(response.headers["location"])
            await its_turn()
            return await _bounded_body(response, call)

    async def aclose(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _ask(self, method: str, path: str, call: Call, **body: Any) -> Answer:
        client = await self._open()
        url = f"{self._endpoint.base_url.rstrip('/')}{path}"
        with translated_link(call, self._setting):
            async with (
                asyncio.timeout(call.timeout_seconds),
                client.stream(
                    method,
                    url,
                    params=self._query or None,
                    headers=self._headers,
                    timeout=_timeouts(call.timeout_seconds),
                    **body,
                ) as response,
            ):
                await its_turn()
                await response.aread()
        headers = {**response.headers}
        if response.status_code >= 300:
            raise refusal(_document(response), call, status=response.status_code, headers=headers)
        return Answer(response.content, headers)

    async def _open(self) -> httpx2.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._build)
            return self._client

    def _build(self) -> httpx2.AsyncClient:
        import httpx2

        with translated_setup(self._setting.rpartition(".")[0]):
            return httpx2.AsyncClient(
                # A proxy for the web does not know this machine's own servers.
                trust_env=not _is_loopback(self._endpoint.host),
                headers={"User-Agent": "imagegen", "Accept": "application/json, image/*;q=0.9"},
            )


@contextmanager
def translated_link(call: Call, setting: str) -> Iterator[None]:
    """Turn what the HTTP library and asyncio's time-out raise into our errors."""
    import httpx2

    try:
        yield
    except (TimeoutError, httpx2.TimeoutException) as exc:
        raise timed_out(exc, call) from exc
    except httpx2.InvalidURL as exc:
        raise no_address(setting) from exc
    except httpx2.HTTPError as exc:
        raise disconnected(exc, call) from exc


@contextmanager
def _unusable_link(call: Call) -> Iterator[None]:
    """The downloader speaks of inputs; here the server is to blame."""
    import httpx2

    try:
        yield
    except InputImageError as exc:
        raise _no_image(
            f"a link that cannot be used: {call.clean(exc.message, 300).rstrip('.')}", call
        ) from exc
    except (httpx2.InvalidURL, ValueError) as exc:
        raise _no_image("a link that is no URL", call) from exc


async def _bounded_body(response: httpx2.Response, call: Call) -> bytes:
    if response.status_code != 200:
        raise _no_image(f"a link that answers {response.status_code} ({shown_url(str(response.url))})", call)
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise _no_image(f"a link to more than {MAX_BYTES:,} bytes", call)
    if not body:
        raise _no_image("a link to nothing", call)
    return bytes(body)


def _no_image(what: str, call: Call) -> BadResponse:
    return BadResponse(
        f"{call.server} sent {what}.", may_be_billed=True, provider=call.provider, model=call.model
    )


def _document(response: httpx2.Response) -> object:
    """An error's body: JSON, or else its text."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return response.text


def _timeouts(seconds: float) -> httpx2.Timeout:
    import httpx2

    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _is_loopback(place: str) -> bool:
    host = place.removeprefix("[").partition("]")[0] if place.startswith("[") else place.partition(":")[0]
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
