"""A request in the words of one kind of server, for sending it and for showing it: one source for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from imagegen.errors import InputImageError, UnsupportedParameter, UsageError
from imagegen.providers.compatible_mask import white_mask
from imagegen.providers.compatible_profiles import Profile
from imagegen.providers.openai_wire import described, upload
from imagegen.types import EditRequest, GenerateRequest, JSONObject, asked_parameters

UNNAMED_MODEL = "default"
"""The model of a server that runs one: its name is not sent."""

Upload = tuple[str, bytes, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How a server is spoken to; `response_format`: it shall be asked for bytes in place of links."""

    profile: Profile
    response_format: bool

    def path(self, request: GenerateRequest) -> str:
        """The path behind the base URL."""
        model = quote(request.model or "", safe="")
        prefix = self.profile.model_in_path.format(model=model)
        return prefix + self.profile.path(request.operation)

    def fields(self, request: GenerateRequest) -> tuple[JSONObject, tuple[str, ...]]:
        """The fields that are no files, and notes on what became of the request.

        Raises UnsupportedParameter for what this operation does not take here.
        """
        said, notes = self._taken(request)
        named: JSONObject = {} if request.model == UNNAMED_MODEL else {"model": request.model}
        b64 = {"response_format": "b64_json"} if self.response_format else {}
        fixed = self.profile.fixed_fields(request.operation)
        return {**named, "prompt": request.prompt, **said, **b64, **fixed}, notes

    def shown(self, request: GenerateRequest) -> tuple[JSONObject, tuple[str, ...]]:
        """The fields and the files as they are shown, with the notes. Raises what `fields` and `files` do."""
        fields, notes = self.fields(request)
        if not isinstance(request, EditRequest):
            return fields, notes
        self._check_inputs(request)
        images = [described(image) for image in request.images]
        inputs: JSONObject = {"image": images[0]} if len(images) == 1 else {"image[]": images}
        if request.mask is None:
            return {**fields, **inputs}, notes
        if self.profile.mask == "white":
            notes = (*notes, "the mask is sent as white where it is transparent, as this server reads it")
        return {**fields, **inputs, self.profile.mask_field: described(request.mask)}, notes

    def files(self, request: EditRequest) -> list[tuple[str, Upload]]:
        """The files of an edit under their names. Raises UsageError; converting a mask takes a while."""
        self._check_inputs(request)
        field = "image" if len(request.images) == 1 else "image[]"
        files = [(field, upload(f"image-{n}", image)) for n, image in enumerate(request.images, start=1)]
        if request.mask is None:
            return files
        name, data, media_type = upload("mask", request.mask)
        data = white_mask(request.mask) if self.profile.mask == "white" else data
        return [*files, (self.profile.mask_field, (name, data, media_type))]

    def _taken(self, request: GenerateRequest) -> tuple[JSONObject, tuple[str, ...]]:
        """What was said, without what this operation does not take."""
        said = asked_parameters(request)
        # Servers read "auto" as a size of 0, or refuse it; leaving it out is how they are let to choose.
        if said.get("size") == "auto":
            del said["size"]
        ignored = self.profile.edits_ignore if isinstance(request, EditRequest) else ()
        notes = []
        for name in [name for name in ignored if name in said]:
            if name == "n" or not request.lenient:
                raise _not_for_edits(name, said[name], self.profile)
            notes.append(f"dropped {name}={said.pop(name)}: edits of {self.profile.title} take none")
        return said, tuple(notes)

    def _check_inputs(self, request: EditRequest) -> None:
        """What the model's own row cannot say. Raises InputImageError, UsageError."""
        title = self.profile.title
        if self.profile.edits_need_model and request.model == UNNAMED_MODEL:
            raise UsageError(
                f"Edits of {title} want a model named.", hint="Name it with -m.", parameter="model"
            )
        if request.markup is not None:
            raise InputImageError(
                f"A markup is not sent to {title}.", hint="Leave it out.", parameter="markup"
            )
        if request.mask is not None and not self.profile.mask:
            raise InputImageError(f"{title} takes no mask.", hint="Leave it out.", parameter="mask")
        if request.mask is None and self.profile.needs_mask:
            raise InputImageError(
                f"{title} edits only what a mask marks.",
                hint="Give one with --mask: a PNG of the image's size, transparent where it is to change"
                " (everywhere, to change it all).",
                parameter="mask",
            )


def form_fields(fields: Mapping[str, Any]) -> dict[str, str]:
    """The fields as the text of a form."""
    return {name: str(value) for name, value in fields.items()}


def _not_for_edits(name: str, value: object, profile: Profile) -> UnsupportedParameter:
    instead = "Ask for one image at a time." if name == "n" else "Leave it out, or use --lenient."
    return UnsupportedParameter(
        f"{'-n' if name == 'n' else name} {value} is not possible: edits of {profile.title} take none.",
        hint=instead,
        parameter=name,
        value=value,
    )
