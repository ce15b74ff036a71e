"""What is known of the models of a server: little, and so nothing is assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagegen.capabilities import FreeSize, ModelInfo, Range, Rule, SizeRule
from imagegen.providers.compatible_profiles import Profile
from imagegen.settings import CompatibleSettings, ImageSettings
from imagegen.settings_values import SENDABLE
from imagegen.shapes import SHAPE
from imagegen.types import PARAMETERS, Operation

MAX_PROMPT_CHARS = 32_000
# What a size may look like at all; the server knows which of them it makes.
_SIZES = SizeRule(("auto",), FreeSize(max_side=16_384, max_area=16_384**2, max_ratio=64))
_ALWAYS = ("n", "size")


@dataclass(frozen=True, slots=True)
class AsSaid:
    """Any word or number: it is sent as it was said, and the server decides."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str | int | float)

    def describe(self) -> str:
        return "anything; the server decides"


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing, because nobody said that the server takes it; `setting` is where that is said."""

    setting: str
    parameter: str

    def accepts(self, value: Any) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def describe(self) -> str:
        return f"nothing unless {self.setting} has {self.parameter}"


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing: there is no way to send it to a server of this kind."""

    def accepts(self, value: Any) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def describe(self) -> str:
        return "nothing: it is not sent to this kind of server"


def rules_for(name: str, section: CompatibleSettings, profile: Profile) -> dict[str, Rule]:
    """A rule for each parameter that there is: those that are sent, and why the others are not."""
    setting = f"providers.compatible.{name}.send".replace(".", "__").upper()
    sent = {*section.send, *profile.send}
    rules: dict[str, Rule] = {"n": Range(1, profile.max_n), "size": _SIZES}
    # Where the server takes neither of them, they become a size, and need no rule of their own.
    reworded = () if sent.intersection(SHAPE) else SHAPE
    for parameter in sorted(PARAMETERS.difference(_ALWAYS, reworded)):
        if parameter in sent:
            rules[parameter] = AsSaid()
        elif parameter in SENDABLE:
            rules[parameter] = NotSent(setting, parameter)
        else:
            rules[parameter] = Nothing()
    return rules


def unchosen(images: ImageSettings) -> frozenset[str]:
    """The parameters whose default nobody chose: our own defaults are made for other models than these."""
    chosen = {key.removeprefix("default_") for key in images.model_fields_set}
    return frozenset(name for name in PARAMETERS if not {name, name.removeprefix("output_")} & chosen)


def build_template(
    name: str, section: CompatibleSettings, profile: Profile, images: ImageSettings
) -> ModelInfo:
    """The row from which every model of the server is made."""
    return ModelInfo(
        id="",
        provider=name,
        title="",
        operations=frozenset(Operation),
        parameters=rules_for(name, section, profile),
        max_prompt_chars=MAX_PROMPT_CHARS,
        max_input_images=profile.max_images,
        takes_mask=bool(profile.mask),
        input_formats=profile.input_formats,
        generate_only=SHAPE if "size" in profile.edits_ignore else (),
        unwished=unchosen(images),
        takes_anything=True,
    )
