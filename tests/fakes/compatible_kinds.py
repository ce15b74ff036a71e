"""What each kind of server takes, as its own documentation and source say; not read from our profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BASIC = frozenset({"model", "prompt", "n", "size"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of server. `edits` None: it has none; `mask` is "alpha", "white" or "" for no mask."""

    base: str = "/v1"
    fields: frozenset[str] = BASIC
    edit_fields: frozenset[str] = BASIC
    required: frozenset[str] = frozenset({"prompt"})
    edit_required: frozenset[str] = frozenset({"prompt"})
    edits: str | None = "/images/edits"
    images: int = 16
    mask: str = "alpha"
    mask_field: str = "mask"
    needs_mask: bool = False
    response_format: str = "optional"  # or "required": anything but b64_json is refused, or "none"
    links: str = ""  # what an answer without b64_json links to: "absolute" or "relative"
    edits_link: bool = False
    key_header: str = "authorization"
    query: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] | None = None


KINDS: Mapping[str, Kind] = {
    "generic": Kind(response_format="none"),
    "sd-cpp": Kind(
        fields=BASIC | {"output_format", "output_compression"},
        edit_fields=BASIC | {"output_format", "output_compression"},
        response_format="none",
        mask="white",
        models=("sd-cpp-local",),
    ),
    "localai": Kind(
        fields=BASIC | {"response_format"},
        edit_fields=frozenset({"model", "prompt"}),
        edit_required=frozenset({"model", "prompt"}),
        edits="/images/inpainting",
        images=1,
        mask="white",
        needs_mask=True,
        links="absolute",
        edits_link=True,
        models=("flux.1-dev-ggml", "llama-3"),
    ),
    "sglang": Kind(
        fields=BASIC | {"response_format", "seed", "output_format", "output_compression", "background"},
        edit_fields=BASIC | {"response_format", "seed", "output_format", "output_compression", "background"},
        mask="",
        links="relative",
    ),
    "vllm-omni": Kind(
        fields=BASIC | {"response_format", "seed", "output_format"},
        edit_fields=BASIC | {"response_format", "seed", "output_format"},
        response_format="required",
        mask="white",
        mask_field="mask_image",
        models=("Qwen/Qwen-Image",),
    ),
    "lemonade": Kind(
        fields=BASIC | {"response_format", "seed"},
        edit_fields=BASIC | {"response_format", "seed"},
        required=frozenset({"model", "prompt"}),
        edit_required=frozenset({"model", "prompt"}),
        response_format="required",
        images=1,
        mask="white",
    ),
    "azure": Kind(
        base="/openai",
        fields=BASIC | {"quality", "background", "output_format", "output_compression"},
        edit_fields=BASIC
        | {"quality", "background", "output_format", "output_compression", "input_fidelity"},
        response_format="none",
        key_header="api-key",
        query={"api-version": "2025-04-01-preview"},
    ),
    "azure-v1": Kind(
        base="/openai/v1",
        fields=BASIC | {"quality", "background", "output_format", "output_compression"},
        edit_fields=BASIC | {"quality", "background", "output_format", "output_compression"},
        required=frozenset({"model", "prompt"}),
        edit_required=frozenset({"model", "prompt"}),
        response_format="none",
        key_header="api-key",
    ),
}
