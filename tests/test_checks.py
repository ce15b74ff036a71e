from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from imagegen.capabilities import Choice, ModelInfo, Range, SizeRule, Status
from imagegen.checks import MAX_MASK_BYTES, Settled, conflicts, settle, wishes_for
from imagegen.errors import ExitCode, InputImageError, ModelRetired, UnsupportedParameter, UsageError
from imagegen.inputs import input_from_bytes
from imagegen.prompt_words import with_style
from imagegen.providers.model_tables import load_model_table
from imagegen.types import EditRequest, GenerateRequest, InputImage, Operation, asked_parameters
from tests.pictures import encoded, input_image, noise

TODAY = date(2026, 11, 22)
TABLE = load_model_table("openai")
MODELS = {model.id: model for model in TABLE.models}
NEWEST, FAST, OLD = MODELS["gpt-image-2.6-flare"], MODELS["gpt-image-2.5-flare"], MODELS["gpt-image-1-mini"]
UNLISTED = TABLE.unlisted("tomorrow-1", "not in the table")
PLAIN = ModelInfo(
    id="plain",
    provider="example",
    title="Plain",
    operations=frozenset({Operation.GENERATE}),
    parameters={"size": SizeRule(("512x512",)), "seed": Range(0, 9)},
    max_prompt_chars=100,
)
WISHES: dict[str, Any] = {
    "output_format": "png",
    "size": "1536x1024",
    "quality": "auto",
    "style": "vivid",
    "background": "auto",
    "moderation": "auto",
    "output_compression": 100,
}

Build = Callable[..., GenerateRequest]


def wish(**said: Any) -> GenerateRequest:
    return GenerateRequest(**{"prompt": "a red fox", **said})


def edit(*images: InputImage, **said: Any) -> EditRequest:
    return EditRequest(**{"prompt": "make it snow", "images": images or (PHOTO,), **said})


def settled(
    request: GenerateRequest, model: ModelInfo = NEWEST, wishes: Mapping[str, Any] | None = None
) -> Settled:
    return settle(request, model, wishes or {}, TODAY)


def refusal(request: GenerateRequest, model: ModelInfo = NEWEST) -> UsageError:
    with pytest.raises(UsageError) as caught:
        settled(request, model)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


PHOTO = input_image("jpeg", source="photo.jpg")
MASK = input_image("png", mode="RGBA", source="mask.png")


# The prompt


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t", "\u200b", "\u200e \u2060", "\u3000"])
def test_a_prompt_that_says_nothing_is_refused(prompt: str) -> None:
    assert refusal(wish(prompt=prompt)).message == "The prompt is empty."


def test_a_prompt_of_forty_thousand_characters_is_refused_with_both_numbers() -> None:
    error = refusal(wish(prompt="x" * 40_000))
    assert error.message == "The prompt has 40,000 characters; the model takes 32,000."
    assert settled(wish(prompt="x" * 32_000)).request.prompt == "x" * 32_000
    assert settled(wish(prompt="😀" * 32_000)).request.prompt[0] == "😀"


@pytest.mark.parametrize(
    "character", ["\0", "\x07", "\x08", "\x0b", "\x0c", "\x1b", "\x7f", "\x80", "\x85", "\x9b"]
)
def test_a_control_character_in_a_prompt_is_refused_by_name_and_place(character: str) -> None:
    error = refusal(wish(prompt=f"a fox{character}"))
    assert error.message == f"The prompt has the control character U+{ord(character):04X} at position 6."
    assert error.details["parameter"] == "prompt"


@pytest.mark.parametrize("character", ["\ud800", "\udcff", "\udfff"])
def test_half_a_character_in_a_prompt_is_refused(character: str) -> None:
    assert f"U+{ord(character):04X}" in refusal(wish(prompt=f"a fox{character}")).message


@pytest.mark.parametrize(
    "prompt",
    [
        "a fox\nunder a tree\r\n\twith snow",
        "ثعلب أحمر \u202band back\u202c",
        "\u2067سلم\u2069 and \u202eback\u202c",
        "👩\u200d🚀 on the moon 🏴\U000e0067\U000e0062\U000e007f",
        "e\u0301 is written with a mark",
    ],
    ids=range(5),
)
def test_any_script_passes_as_it_is(prompt: str) -> None:
    assert settled(wish(prompt=prompt)).request.prompt == prompt


@settings(max_examples=200)
@given(st.text(st.characters(), max_size=40))
def test_a_prompt_that_passes_can_be_sent_and_shown(prompt: str) -> None:
    try:
        result = settled(wish(prompt=prompt))
    except UsageError:
        return
    assert result.request.prompt == prompt
    assert prompt.encode()
    assert not set(prompt) & {"\0", "\x1b", "\x7f", "\x9b"}


# One parameter


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("quality", "ultra", "xhigh"),
        ("background", "green", "transparent"),
        ("moderation", "none", "low"),
        ("output_format", "bmp", "webp"),
        ("output_format", "PNG", "webp"),
        ("output_compression", 101, "0 to 100"),
        ("output_compression", -1, "0 to 100"),
        ("n", 0, "1 to 10"),
        ("n", -1, "1 to 10"),
        ("n", 11, "1 to 10"),
        ("partial_images", 4, "0 to 3"),
        ("complexity", "extreme", "medium"),
        ("style", "vivid", "no style setting"),
        ("seed", 7, "no seed setting"),
        ("input_fidelity", "high", "no input fidelity setting"),
        ("safety_identifier", "x" * 513, "1 to 512"),
        ("quality", "", "empty"),
        ("quality", "high\n", "cannot be shown"),
        ("safety_identifier", "a\x1b[2J", "cannot be shown"),
    ],
)
def test_a_value_the_model_cannot_honour_is_refused_with_those_it_can(
    name: str, value: Any, says: str
) -> None:
    request = edit(**{name: value}) if name == "input_fidelity" else wish(**{name: value})
    error = refusal(request)
    assert isinstance(error, UnsupportedParameter)
    assert says in error.message
    assert error.message.isprintable()
    assert len(error.message) < 400
    assert error.details["parameter"] == name
    assert error.details["value"] == value


@pytest.mark.parametrize(
    ("size", "says"),
    [
        ("1000x1000", "divisible by 16"),
        ("16x16", "area"),
        ("3200x1024", "3:1"),
        ("1024x3088", "3:1"),
        ("99999x99999", "divisible"),
        ("96000x96000", "up to 3840"),
        ("3840x3840", "area"),
        ("3856x2160", "sides up to 3840"),
        ("0x1024", "WIDTHxHEIGHT"),
        ("01024x1024", "WIDTHxHEIGHT"),
        ("-1024x1024", "WIDTHxHEIGHT"),
        ("1024X1024", "WIDTHxHEIGHT"),
        ("1024\u00d71024", "WIDTHxHEIGHT"),
        ("1024x1024 ", "WIDTHxHEIGHT"),
        ("1024", "WIDTHxHEIGHT"),
        ("AUTO", "or auto"),
        ("1e3x1024", "WIDTHxHEIGHT"),
        (f"{'9' * 5000}x1", "WIDTHxHEIGHT"),
    ],
)
def test_an_impossible_size_is_refused_with_the_reason(size: str, says: str) -> None:
    error = refusal(wish(size=size))
    assert says in error.message
    assert error.details["allowed"]


@pytest.mark.parametrize("size", ["auto", "1024x1024", "3840x2160", "2160x3840", "3072x1024", "1808x1024"])
def test_a_possible_size_passes_unchanged(size: str) -> None:
    assert settled(wish(size=size)).request.size == size


def test_an_older_model_takes_its_fixed_sizes_only() -> None:
    assert "fixed sizes only" in refusal(wish(size="1808x1024"), OLD).message
    assert settled(wish(size="auto"), OLD).request.size == "auto"


def test_a_model_without_a_count_makes_one() -> None:
    assert settled(wish(), PLAIN).request.n == 1
    assert "no n setting" in refusal(wish(n=2), PLAIN).message


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_time_out_that_is_none_is_refused(seconds: float) -> None:
    assert "time-out" in refusal(wish(timeout_seconds=seconds)).message


# Parameters together


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"background": "transparent", "output_format": "jpeg"}, "background"),
        ({"background": "transparent", "output_format": "gif"}, "background"),
        ({"output_compression": 50}, "output_compression"),
        ({"output_compression": 50, "output_format": "png"}, "output_compression"),
        ({"frame_count": 4}, "frame_count"),
        ({"frame_duration_ms": 100, "output_format": "webp"}, "frame_duration_ms"),
        ({"svg_model": "gpt-5"}, "svg_model"),
        ({"svg_effort": "low"}, "svg_effort"),
        ({"svg_effort": "low", "output_format": "svg"}, "svg_effort"),
        ({"output_format": "svg", "n": 2}, "output_format"),
        ({"output_format": "svg", "partial_images": 1}, "partial_images"),
        ({"output_format": "gif", "partial_images": 0}, "partial_images"),
    ],
)
def test_parameters_that_stand_against_each_other_are_refused(said: dict[str, Any], name: str) -> None:
    error = refusal(wish(**said))
    assert isinstance(error, UnsupportedParameter)
    assert error.details["parameter"] == name
    lenient = settled(wish(**said, lenient=True))
    assert getattr(lenient.request, name) is None
    assert lenient.request.n == said.get("n", 1)
    assert any(note.startswith(f"dropped {name}=") for note in lenient.notes)


@pytest.mark.parametrize(
    "said",
    [
        {"background": "transparent", "output_format": "webp"},
        {"background": "transparent"},
        {"output_format": "jpeg", "output_compression": 0},
        {"output_format": "gif", "frame_count": 16, "frame_duration_ms": 200, "n": 2},
        {"output_format": "svg", "svg_model": "gpt-5", "svg_effort": "high"},
        {"partial_images": 0, "n": 3},
    ],
)
def test_parameters_that_belong_together_pass(said: dict[str, Any]) -> None:
    result = settled(wish(**said), wishes=WISHES)
    assert {name: getattr(result.request, name) for name in said} == said
    assert not result.notes


def test_dropping_one_parameter_takes_along_what_rested_on_it() -> None:
    result = settled(
        wish(output_format="svg", n=2, svg_model="gpt-5", svg_effort="low", lenient=True), wishes=WISHES
    )
    request = result.request
    assert (request.output_format, request.svg_model, request.svg_effort, request.n) == ("png", None, None, 2)
    assert len(result.notes) == 3


def test_a_gif_takes_no_mask() -> None:
    assert "gif" in refusal(edit(mask=MASK, output_format="gif")).message
    assert settled(edit(mask=MASK, output_format="gif", lenient=True)).request == edit(
        mask=MASK, lenient=True
    )


# A style that no setting takes


@pytest.mark.parametrize("build", [wish, edit])
def test_a_style_is_said_in_the_prompt_where_the_user_allows_it(build: Build) -> None:
    assert "no style setting" in refusal(build(style="vivid")).message
    result = settled(build(prompt="a red fox \n", style="vivid", lenient=True))
    assert (result.request.prompt, result.request.style) == ("a red fox\nStyle: vivid.", None)
    assert result.notes == (
        "dropped style=vivid: the model has no style setting, so it is said in the prompt",
    )


@pytest.mark.parametrize(
    ("said", "model"),
    [
        ({"style": "vivid"}, PLAIN),
        ({"style": "vi\nvid"}, NEWEST),
        ({"style": ""}, NEWEST),
        ({"style": "vivid", "prompt": "x" * 31_990}, NEWEST),
        ({"style": "vivid"}, replace(NEWEST, parameters={"style": Choice(("noir",))})),
    ],
)
def test_a_style_that_cannot_be_said_is_dropped(said: dict[str, Any], model: ModelInfo) -> None:
    result = settled(wish(**said, lenient=True), model)
    assert (result.request.prompt, result.request.style) == (said.get("prompt", "a red fox"), None)
    [note] = result.notes
    assert note.startswith("dropped style=")
    assert "prompt" not in note


def test_a_style_that_is_only_a_default_is_not_said_in_the_prompt() -> None:
    assert settled(wish(lenient=True), wishes=WISHES).request.prompt == "a red fox"


# Defaults


def test_wishes_fill_in_what_was_left_open_and_the_model_takes() -> None:
    request = settled(wish(quality="low"), wishes=WISHES).request
    assert (request.quality, request.size, request.output_format) == ("low", "1536x1024", "png")
    assert request.style is None
    assert request.output_compression is None


def test_a_wish_gives_way_to_what_was_said() -> None:
    jpeg = {**WISHES, "output_format": "jpeg"}
    request = settled(wish(background="transparent"), wishes=jpeg).request
    assert (request.background, request.output_format) == ("transparent", None)
    assert settled(wish(partial_images=1), wishes={"output_format": "gif"}).request.output_format is None
    assert settled(wish(n=3), wishes={"output_format": "svg"}).request.output_format is None


@pytest.mark.parametrize(
    ("default", "said"),
    [
        ("webp", {"output_compression": 50}),
        ("gif", {"frame_count": 4}),
        ("svg", {"svg_model": "gpt-5"}),
    ],
)
def test_what_was_said_may_rest_on_the_default_format(default: str, said: dict[str, Any]) -> None:
    request = settled(wish(**said), wishes={**WISHES, "output_format": default}).request
    assert request.output_format == default
    assert {name: getattr(request, name) for name in said} == said


def test_wishes_are_the_same_in_any_order() -> None:
    jpeg = {**WISHES, "output_format": "jpeg"}
    backwards = dict(reversed(jpeg.items()))
    assert settled(wish(), wishes=backwards) == settled(wish(), wishes=jpeg)
    lenient = wish(output_format="svg", n=2, lenient=True)
    assert settled(lenient, wishes=backwards).request.output_compression == 100


def test_an_edit_keeps_the_shape_of_its_input() -> None:
    assert "size" not in wishes_for(Operation.EDIT, WISHES)
    assert wishes_for(Operation.GENERATE, WISHES) == WISHES


def test_an_unlisted_model_gets_what_was_said_and_nothing_else() -> None:
    said = {"size": "7x9", "quality": "noir", "output_compression": 30, "complexity": "odd", "n": 10}
    result = settled(wish(**said), UNLISTED, WISHES)
    assert result.request == wish(**said)
    assert result.notes == ("not in the table",)


@pytest.mark.parametrize(
    "said",
    [{"n": 11}, {"n": 0}, {"style": "\x1b"}, {"background": "transparent", "output_format": "jpeg"}],
)
def test_what_nobody_can_honour_is_refused_even_for_an_unlisted_model(said: dict[str, Any]) -> None:
    assert refusal(wish(**said), UNLISTED).details["parameter"] in said


# Life cycle and operation


def test_a_retired_model_is_refused_with_its_date_and_replacement() -> None:
    with pytest.raises(ModelRetired) as caught:
        settled(wish(), MODELS["gpt-image-1"])
    assert "2026-10-23" in caught.value.message
    assert caught.value.details["replacement"] in (caught.value.hint or "")


def test_a_model_that_shuts_down_soon_warns_until_the_day_it_does() -> None:
    (note,) = settled(wish(), OLD).notes
    assert "2026-12-01" in note
    with pytest.raises(ModelRetired):
        settle(wish(), OLD, {}, date(2026, 12, 1))


def test_a_model_without_a_date_is_just_deprecated() -> None:
    old = replace(PLAIN, status=Status.DEPRECATED, replacement="newer")
    assert settled(wish(), old).notes == ("example/plain is deprecated. Use newer.",)


def test_a_model_that_cannot_edit_says_what_it_can() -> None:
    assert refusal(edit(), PLAIN).message == "example/plain cannot edit; it can generate."


# Inputs


def test_seventeen_images_are_refused_and_sixteen_are_not() -> None:
    error = refusal(edit(*[PHOTO] * 17))
    assert "takes 1 to 16 input images, not 17" in error.message
    assert isinstance(error, InputImageError)
    assert settled(edit(*[PHOTO] * 16)).request == edit(*[PHOTO] * 16)
    assert "not 17" in refusal(edit(*[PHOTO] * 17), UNLISTED).message


def test_no_image_is_refused() -> None:
    for model in (NEWEST, UNLISTED):
        assert refusal(replace(edit(), images=()), model).details["parameter"] == "images"


@pytest.mark.parametrize("image_format", ["gif", "svg"])
def test_an_input_of_a_format_the_model_does_not_take_is_refused(image_format: str) -> None:
    error = refusal(edit(PHOTO, input_image(image_format, source="a.bin")))
    assert f"a.bin is a {image_format} image" in error.message


@pytest.mark.parametrize("role", ["mask", "markup"])
@pytest.mark.parametrize(
    ("overlay", "says"),
    [
        (input_image("png", 25, 16, "RGBA", "m.png"), "25x16 pixels, the image photo.jpg 24x16"),
        (input_image("png", mode="RGB", source="m.png"), "png image without transparency"),
        (input_image("jpeg", source="m.jpg"), "jpeg image without transparency"),
        (input_image("svg", source="m.svg"), "svg image"),
    ],
    ids=["size", "alpha", "jpeg", "svg"],
)
def test_an_overlay_that_does_not_fit_is_refused(role: str, overlay: InputImage, says: str) -> None:
    for lenient in (False, True):
        error = refusal(edit(**{role: overlay, "lenient": lenient}))
        assert says in error.message
        assert error.details["parameter"] == role


def test_a_mask_over_four_megabytes_is_refused_and_a_markup_is_not() -> None:
    heavy = replace(MASK, data=MASK.data + bytes(MAX_MASK_BYTES))
    assert f"it may have {MAX_MASK_BYTES:,}" in refusal(edit(mask=heavy)).message
    assert settled(edit(markup=heavy)).request == edit(markup=heavy)
    light = replace(MASK, data=bytes(MAX_MASK_BYTES))
    assert settled(edit(mask=light)).request == edit(mask=light)


def test_a_mask_and_a_markup_together_are_refused() -> None:
    assert "together" in refusal(edit(mask=MASK, markup=MASK, lenient=True)).message


def test_an_overlay_that_the_model_does_not_take_is_refused() -> None:
    assert "takes no markup" in refusal(edit(markup=MASK), OLD).message
    blind = replace(NEWEST, takes_mask=False)
    assert "takes no mask" in refusal(edit(mask=MASK, lenient=True), blind).message


def test_a_palette_mask_with_a_transparent_colour_passes() -> None:
    palette = input_from_bytes(encoded(noise(mode="P"), "png", transparency=0), source="palette.png")
    assert settled(edit(mask=palette)).request == edit(mask=palette)


# Promises, for whatever is said

FORMATS = ["png", "jpeg", "webp", "gif", "svg", "bmp"]
SAID: dict[str, st.SearchStrategy[Any]] = {
    "n": st.integers(-1, 12),
    "size": st.sampled_from(["auto", "1024x1024", "1808x1024", "1000x1000", "16x16", "x"]),
    "quality": st.sampled_from(["auto", "low", "xhigh", "best", ""]),
    "style": st.sampled_from(["vivid", "noir"]),
    "background": st.sampled_from(["auto", "opaque", "transparent", "red"]),
    "moderation": st.sampled_from(["auto", "low", "off"]),
    "output_format": st.sampled_from(FORMATS),
    "output_compression": st.integers(-1, 101),
    "seed": st.integers(0, 5),
    "complexity": st.sampled_from(["low", "odd"]),
    "frame_count": st.integers(1, 17),
    "frame_duration_ms": st.integers(0, 300),
    "svg_model": st.sampled_from(["gpt-5", ""]),
    "svg_effort": st.sampled_from(["low", "odd"]),
    "partial_images": st.integers(-1, 4),
    "safety_identifier": st.text(max_size=4),
}
PARAMETERS = st.fixed_dictionaries({}, optional=SAID)
WISHED = st.fixed_dictionaries(
    {},
    optional={
        "output_format": st.sampled_from(FORMATS),
        "size": SAID["size"],
        "quality": SAID["quality"],
        "style": SAID["style"],
        "background": SAID["background"],
        "output_compression": SAID["output_compression"],
    },
)
ANY_MODEL = st.sampled_from(
    [NEWEST, FAST, MODELS["gpt-image-2"], OLD, MODELS["gpt-image-1.5"], PLAIN, UNLISTED]
)
BUILD = st.sampled_from([wish, lambda **said: edit(mask=MASK, **said), edit])
MANY = settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])


def attempt(
    build: Build, said: dict[str, Any], model: ModelInfo, wishes: Mapping[str, Any], *, lenient: bool
) -> tuple[GenerateRequest, Settled | None]:
    request = build(**said, lenient=lenient)
    try:
        return request, settled(request, model, wishes)
    except UsageError:
        return request, None


@MANY
@given(build=BUILD, said=PARAMETERS, model=ANY_MODEL, wishes=WISHED)
def test_what_is_said_is_sent_unchanged_or_refused(
    build: Build, said: dict[str, Any], model: ModelInfo, wishes: dict[str, Any]
) -> None:
    _, result = attempt(build, said, model, wishes, lenient=False)
    if result is not None:
        assert {name: getattr(result.request, name) for name in said} == said


@MANY
@given(build=BUILD, said=PARAMETERS, model=ANY_MODEL, wishes=WISHED)
def test_lenient_drops_nothing_without_a_note_and_never_the_count_or_an_input(
    build: Build, said: dict[str, Any], model: ModelInfo, wishes: dict[str, Any]
) -> None:
    request, result = attempt(build, said, model, wishes, lenient=True)
    assume(result is not None)
    assert result is not None
    for name, value in said.items():
        noted = any(note.startswith(f"dropped {name}=") for note in result.notes)
        sent = getattr(result.request, name)
        assert (sent in (None, wishes.get(name))) if noted else (sent == value)
    same = ("n", "images", "mask", "markup", "lenient", "template", "provider", "model")
    if any("so it is said in the prompt" in note for note in result.notes):
        assert result.request.prompt == with_style(request.prompt, said["style"])
    else:
        assert result.request.prompt == request.prompt
    for field in fields(request):
        if field.name in same:
            assert getattr(result.request, field.name) == getattr(request, field.name)


@MANY
@given(build=BUILD, said=PARAMETERS, model=ANY_MODEL, wishes=WISHED, lenient=st.booleans())
def test_what_is_sent_the_model_takes_and_it_stands_together(
    build: Build, said: dict[str, Any], model: ModelInfo, wishes: dict[str, Any], *, lenient: bool
) -> None:
    _, result = attempt(build, said, model, wishes, lenient=lenient)
    assume(result is not None)
    assert result is not None
    sent = asked_parameters(result.request)
    assert not conflicts(sent, result.request, model)
    if not model.takes_anything:
        assert all(model.parameters[name].accepts(value) for name, value in sent.items())


@MANY
@given(build=BUILD, said=PARAMETERS, model=ANY_MODEL, wishes=WISHED)
def test_nothing_is_invented(
    build: Build, said: dict[str, Any], model: ModelInfo, wishes: dict[str, Any]
) -> None:
    _, result = attempt(build, said, model, wishes, lenient=True)
    assume(result is not None)
    assert result is not None
    for name, value in asked_parameters(result.request).items():
        assert value in (said.get(name), wishes.get(name)) or (name, value) == ("n", 1)


@MANY
@given(build=BUILD, model=ANY_MODEL, wishes=WISHED)
def test_wishes_alone_never_stand_in_the_way(build: Build, model: ModelInfo, wishes: dict[str, Any]) -> None:
    request = build()
    assume(request.operation in model.operations)
    result = settled(request, model, wishes)
    assert not [note for note in result.notes if note.startswith("dropped")]


@MANY
@given(build=BUILD, said=PARAMETERS, model=ANY_MODEL, wishes=WISHED, lenient=st.booleans())
def test_settling_what_is_settled_changes_nothing(
    build: Build, said: dict[str, Any], model: ModelInfo, wishes: dict[str, Any], *, lenient: bool
) -> None:
    _, result = attempt(build, said, model, wishes, lenient=lenient)
    assume(result is not None)
    assert result is not None
    assert settled(result.request, model, wishes).request == result.request


def test_a_rule_of_a_plugins_own_is_asked_like_the_built_in_ones() -> None:
    own = replace(PLAIN, parameters={"style": Choice(("noir",))})
    assert settled(wish(style="noir"), own).request.style == "noir"
    assert "it takes noir" in refusal(wish(style="vivid"), own).message
