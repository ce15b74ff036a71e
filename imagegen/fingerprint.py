"""The fingerprint of a request: equal for two requests exactly when they ask for the same picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from imagegen.types import EditRequest, GenerateRequest, InputImage, JSONObject

# Names the fields below and their meaning; a change to them is a new number, so that no old key matches.
ALGORITHM = "v1:sha256"

# How the answer travels and on whose behalf it is asked for: the picture does not depend on them.
NOT_SHAPING = frozenset({"stream", "partial_images", "safety_identifier", "user"})


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no spaces, ASCII. Raises TypeError, ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


def fingerprint_of(request: GenerateRequest, *, endpoint: str, parameters: Mapping[str, Any]) -> str:
    """The tagged hash, `v1:sha256:…`, of everything that shapes the picture.

    `request` has its provider and model resolved; `endpoint` and `parameters` are those of its WireCall.
    """
    text = canonical_json(
        {
            "operation": request.operation.value,
            "provider": request.provider,
            "endpoint": endpoint,
            "model": request.model,
            "prompt": request.prompt,
            "n": request.n,
            "seed": request.seed,
            "parameters": {name: value for name, value in parameters.items() if name not in NOT_SHAPING},
            **_inputs(request),
        }
    )
    return f"{ALGORITHM}:{hashlib.sha256(text.encode('ascii')).hexdigest()}"


def _inputs(request: GenerateRequest) -> JSONObject:
    if not isinstance(request, EditRequest):
        return {}
    return {
        "images": [image.sha256 for image in request.images],
        "mask": _sha256(request.mask),
        "markup": _sha256(request.markup),
    }


def _sha256(image: InputImage | None) -> str | None:
    return image.sha256 if image else None


def _plain(value: object) -> JSONObject:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
