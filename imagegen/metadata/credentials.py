"""Content credentials: what a C2PA manifest says of a file, and whether it can be believed.

Nothing is fetched: a manifest that lies elsewhere is named with its address, and certificates are not asked
about over the network.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from imagegen.imaging import MIME_TYPES
from imagegen.metadata.signatures import has_manifest, xmp_packet

INSTALL = 'pip install "imagegen[c2pa]"'
MAX_NAMES = 100
MAX_NAME_CHARS = 300

State = Literal["trusted", "valid", "invalid", "unread", "remote"]
_OFFLINE: Mapping[str, Any] = MappingProxyType(
    {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
)
_STATES: Mapping[str, State] = MappingProxyType({"Trusted": "trusted", "Valid": "valid"})
_PROVENANCE = re.compile(rb"""dcterms:provenance\s*(?:=\s*["']|>)\s*([^"'<\s]{1,2000})""")
_UNTRUSTED = "signingCredential.untrusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A manifest. `valid`: signature and content hashes match; `trusted`: the signer is on a trust list too.

    `unread` has the reason in `note`, `remote` the address of the manifest; both say nothing else.
    """

    state: State
    signer: str | None = None
    issuer: str | None = None
    signed_at: str | None = None
    generator: str | None = None
    actions: tuple[str, ...] = ()
    source_types: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    note: str | None = None

    @property
    def valid(self) -> bool | None:
        """Whether the file is as it was signed; None where nobody has looked."""
        return None if self.state in ("unread", "remote") else self.state != "invalid"


def read_credentials(data: bytes, image_format: str) -> Credentials | None:
    """The manifest that the file is signed with; None where it has none. Never raises, uses no network."""
    if not has_manifest(data, image_format):
        return _remote(data, image_format)
    try:
        import c2pa  # type: ignore[import-untyped] # it ships no types
    except ImportError:
        return Credentials(state="unread", note=f"To read the manifest: {INSTALL}")
    except (OSError, RuntimeError) as exc:  # its native library does not load on this machine
        return Credentials(state="unread", note=f"c2pa-python does not start ({exc}).")
    try:
        with (
            _translated(),
            c2pa.Context.from_dict(dict(_OFFLINE)) as context,
            c2pa.Reader(MIME_TYPES[image_format], io.BytesIO(data), None, context) as reader,
        ):
            return _credentials(json.loads(reader.json()))
    except UnreadableManifest as exc:
        return Credentials(state="invalid", problems=(str(exc)[:MAX_NAME_CHARS],))


class UnreadableManifest(ValueError):
    """A manifest that its library cannot make sense of."""


@contextmanager
def _translated() -> Iterator[None]:
    import c2pa

    try:
        yield
    except (c2pa.C2paError, ValueError, RecursionError) as exc:  # ValueError: what it returns is no JSON
        raise UnreadableManifest(f"the manifest cannot be read ({exc})") from exc


def _remote(data: bytes, image_format: str) -> Credentials | None:
    packet = xmp_packet(data, image_format)
    found = _PROVENANCE.search(packet) if packet else None
    if found is None:
        return None
    address = found[1].decode("utf-8", errors="replace")
    return Credentials(state="remote", note=f"The manifest lies at {address}; it was not fetched.")


def _credentials(store: Mapping[str, Any]) -> Credentials:
    """From the report of c2pa's reader, whose every value comes from the file and may be of any kind."""
    manifest = _table(_table(store.get("manifests")).get(str(store.get("active_manifest"))))
    signature = _table(manifest.get("signature_info"))
    actions = list(_actions(manifest))
    return Credentials(
        state=_state(store.get("validation_state")),
        signer=_text(signature.get("common_name")),
        issuer=_text(signature.get("issuer")),
        signed_at=_text(signature.get("time")),
        generator=_generator(manifest),
        actions=_names(action.get("action") for action in actions),
        source_types=_names(_last_word(action.get("digitalSourceType")) for action in actions),
        problems=_problems(store),
    )


def _state(reported: object) -> State:
    return _STATES.get(str(reported), "invalid")


def _generator(manifest: Mapping[str, Any]) -> str | None:
    named = [_table(one) for one in _list(manifest.get("claim_generator_info"))]
    if not named:
        return _text(manifest.get("claim_generator"))
    return _text(" ".join(str(named[0][key]) for key in ("name", "version") if named[0].get(key)))


def _actions(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for assertion in map(_table, _list(manifest.get("assertions"))):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            yield from map(_table, _list(_table(assertion.get("data")).get("actions")))


def _problems(store: Mapping[str, Any]) -> tuple[str, ...]:
    """What does not hold. That the signer is on no trust list is a state of its own, not a problem."""
    failures = [_table(one) for one in _list(store.get("validation_status"))]
    return _names(
        one.get("explanation") or one.get("code") for one in failures if one.get("code") != _UNTRUSTED
    )


def _last_word(address: object) -> str | None:
    return str(address).rstrip("/").rpartition("/")[2] if address else None


def _names(values: Iterator[object]) -> tuple[str, ...]:
    texts = (_text(value) for value in values)
    return tuple(dict.fromkeys(text for text in texts if text))[:MAX_NAMES]


def _text(value: object) -> str | None:
    return str(value)[:MAX_NAME_CHARS] if value not in (None, "") else None


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
