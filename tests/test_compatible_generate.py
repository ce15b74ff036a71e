"""Servers of the user's choice: what is sent to each kind, and what is refused before it is sent."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, get_args

import pytest
from PIL import Image

from imagegen.errors import UnsupportedParameter, UsageError
from imagegen.imaging import MAX_INPUT_BYTES
from imagegen.providers.compatible_profiles import load_profiles
from imagegen.settings import CompatibleSettings
from imagegen.types import GenerateRequest
from tests.fakes.compatible_calls import MODEL, ask, build, edit_wish, input_image, provider_at, settled, wish
from tests.fakes.compatible_kinds import KINDS
from tests.fakes.compatible_server import FakeServer, running_server

KEYED = dict.fromkeys(("azure", "azure-v1"), "azure-key-0123456789")
MASKED = [name for name, kind in KINDS.items() if kind.mask]


def at(server: FakeServer, kind: str, **section: Any) -> Any:
    return provider_at(server, profile=kind, **section)


def test_there_is_a_fake_for_every_profile_and_a_profile_for_every_setting() -> None:
    choices = get_args(CompatibleSettings.model_fields["profile"].annotation)
    assert set(KINDS) == set(load_profiles()) == set(choices)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_server_understands_all_that_it_is_sent(kind: str) -> None:
    with running_server(kind, api_key=KEYED.get(kind)) as server:
        result = ask(at(server, kind), wish(n=2, size="96x64"))
    assert len(result.images) == 2
    with Image.open(io.BytesIO(result.images[0].data)) as image:
        assert image.size == (96, 64)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_server_understands_every_parameter_of_its_profile(kind: str) -> None:
    values = {"output_format": "jpeg", "output_compression": 80, "seed": 7, "quality": "high"}
    values |= {"background": "opaque", "input_fidelity": "high"}
    sent = load_profiles()[kind].send
    generated = {name: values[name] for name in sent if name != "input_fidelity"}
    with running_server(kind, api_key=KEYED.get(kind)) as server:
        ask(at(server, kind), wish(**generated))
        assert set(generated) <= set(server.fields[0])


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_server_understands_an_edit(kind: str) -> None:
    mask = {"mask": input_image(alpha=True)} if KINDS[kind].needs_mask else {}
    with running_server(kind, api_key=KEYED.get(kind)) as server:
        result = ask(at(server, kind), edit_wish(**mask))
    assert len(result.images) == 1


@pytest.mark.parametrize("kind", MASKED)
def test_a_mask_marks_the_place_in_the_way_that_the_server_reads(kind: str) -> None:
    with running_server(kind, api_key=KEYED.get(kind)) as server:
        provider = at(server, kind)
        request = settled(provider, edit_wish(mask=input_image(alpha=True)))
        ask(provider, request)
        masks = [part for part in server.parts[0] if part.name == KINDS[kind].mask_field]
        notes = provider.wire_call(request).notes
    with Image.open(io.BytesIO(masks[0].data)) as mask:
        assert mask.size == (64, 48)
        if KINDS[kind].mask == "white":
            assert mask.getextrema() == (255, 255)
            assert any("white where it is transparent" in note for note in notes)
        else:
            assert notes == ()


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.images > 1])
def test_several_images_go_into_a_list_and_one_does_not(kind: str) -> None:
    images = (input_image(number=0), input_image(number=1))
    with running_server(kind, api_key=KEYED.get(kind)) as server:
        ask(at(server, kind), edit_wish(images=images))
        names = [part.name for part in server.parts[0] if part.filename]
    assert names == ["image[]", "image[]"]


def test_nothing_but_model_prompt_n_and_size_is_sent_unless_the_settings_say_so() -> None:
    with running_server() as server:
        ask(provider_at(server), wish(n=3, size="128x64"))
        assert server.fields == [{"model": MODEL, "prompt": "otter", "n": 3, "size": "128x64"}]


def test_a_size_left_to_the_server_is_left_out() -> None:
    with running_server() as server:
        ask(provider_at(server), wish(size="auto"))
        assert server.fields == [{"model": MODEL, "prompt": "otter"}]


def test_a_default_that_nobody_chose_is_not_sent() -> None:
    wishes = {"size": "1536x1024", "quality": "auto", "output_format": "png"}
    provider = build(base_url="http://h/v1", send="quality, output_format")
    assert settled(provider, wish(), **wishes) == wish()


def test_a_default_that_the_user_chose_is_sent() -> None:
    chosen = {"default_size": "512x512", "default_quality": "low", "default_compression": 70}
    provider = build(images=chosen, base_url="http://h/v1", send="quality,output_compression,style")
    wishes = {"size": "512x512", "quality": "low", "output_compression": 70, "style": "vivid"}
    done = settled(provider, wish(), **wishes)
    assert (done.size, done.quality, done.output_compression, done.style) == ("512x512", "low", 70, None)


def test_more_is_sent_when_the_settings_say_that_the_server_takes_it() -> None:
    request = wish(quality="hd", seed=7)
    parameters = build(base_url="http://h/v1", send=["quality", "seed"]).wire_call(request).parameters
    assert parameters == {"model": MODEL, "prompt": "otter", "quality": "hd", "seed": 7}


def test_bytes_are_asked_for_where_the_settings_say_so() -> None:
    for request in (wish(), edit_wish()):
        parameters = build(base_url="http://h/v1", send="response_format").wire_call(request).parameters
        assert parameters["response_format"] == "b64_json"


@pytest.mark.parametrize(
    ("name", "value"), [("quality", "high"), ("seed", 7), ("style", "vivid"), ("input_fidelity", "low")]
)
def test_what_is_not_sent_is_refused_by_name_with_the_way_to_send_it(name: str, value: object) -> None:
    provider = build(base_url="http://h/v1")
    with pytest.raises(UnsupportedParameter) as caught:
        settled(provider, edit_wish(**{name: value}))
    assert caught.value.details["parameter"] == name
    assert f"unless PROVIDERS__COMPATIBLE__SD__SEND has {name}" in str(caught.value)


@pytest.mark.parametrize("name", ["partial_images", "svg_model"])
def test_what_cannot_be_sent_at_all_is_refused_without_a_promise(name: str) -> None:
    with pytest.raises(UnsupportedParameter, match="not sent to this kind of server"):
        settled(build(base_url="http://h/v1"), wish(**{name: 2 if name == "partial_images" else "x"}))


def test_a_lenient_request_drops_what_is_not_sent_and_says_so() -> None:
    with running_server() as server:
        ask(provider_at(server), wish(quality="high", lenient=True))
        assert server.fields == [{"model": MODEL, "prompt": "otter"}]


@pytest.mark.parametrize("size", ["big", "10x", "0x5", "40000x10"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    with pytest.raises(UnsupportedParameter, match="auto, or WIDTHxHEIGHT"):
        settled(build(base_url="http://h/v1"), wish(size=size))


@pytest.mark.parametrize(("name", "value"), [("n", 2), ("size", "64x64")])
def test_an_inpainting_route_refuses_what_it_would_ignore(name: str, value: object) -> None:
    provider = build(base_url="http://h/v1", profile="localai")
    with pytest.raises(UnsupportedParameter, match="edits of LocalAI take none"):
        settled(provider, edit_wish(mask=input_image(alpha=True), **{name: value}))


def test_an_inpainting_route_drops_a_size_when_asked_to_be_lenient() -> None:
    provider = build(base_url="http://h/v1", profile="localai")
    request = edit_wish(mask=input_image(alpha=True), size="64x64", lenient=True)
    call = provider.wire_call(request)
    assert "size" not in call.parameters
    assert any(note.startswith("dropped size=64x64") for note in call.notes)


@pytest.mark.parametrize(
    ("kind", "request_", "words"),
    [
        ("localai", edit_wish(), "edits only what a mask marks.*everywhere, to change it all"),
        ("localai", edit_wish(model="default", mask=input_image(alpha=True)), "want a model named"),
        ("sglang", edit_wish(mask=input_image(alpha=True)), "takes no mask"),
        ("generic", edit_wish(markup=input_image(alpha=True)), "A markup is not sent"),
        ("lemonade", edit_wish(images=(input_image(), input_image())), "takes one input image"),
        ("lemonade", edit_wish(images=(input_image("jpeg"),)), "takes png"),
        ("azure", edit_wish(images=(input_image("webp"),)), "takes png, jpeg"),
    ],
)
def test_inputs_that_a_server_would_ignore_or_refuse_are_not_sent(
    kind: str, request_: GenerateRequest, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        settled(build(base_url="http://h/v1", profile=kind), request_)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("edit", [False, True])
def test_what_a_dry_run_shows_is_what_is_sent(kind: str, edit: bool) -> None:
    needs_mask = edit and KINDS[kind].needs_mask
    request = edit_wish(mask=input_image(alpha=True)) if needs_mask else edit_wish() if edit else wish(n=2)
    with running_server(kind, api_key=KEYED.get(kind)) as server:
        provider = at(server, kind)
        shown = provider.wire_call(request)
        ask(provider, request)
        [sent] = server.posts()
        texts = {name: value for name, value in shown.parameters.items() if not isinstance(value, dict)}
        assert texts == server.fields[0]
        assert shown.endpoint == f"POST {server.origin}{sent.path}"


def test_a_deployments_name_is_escaped_in_the_path() -> None:
    provider = build(base_url="https://r.openai.azure.com/openai", profile="azure")
    endpoint = provider.wire_call(wish(model="my/dep")).endpoint
    assert endpoint.startswith("POST https://r.openai.azure.com/openai/deployments/my%2Fdep/images/gen")
    assert endpoint.endswith("?api-version=2025-04-01-preview")


def test_the_newer_azure_names_the_deployment_in_the_body_alone() -> None:
    provider = build(base_url="https://r.openai.azure.com/openai/v1/", profile="azure-v1")
    call = provider.wire_call(wish(model="my-deployment", quality="high"))
    assert call.endpoint == "POST https://r.openai.azure.com/openai/v1/images/generations"
    assert call.parameters == {"model": "my-deployment", "prompt": "otter", "quality": "high"}


@pytest.mark.parametrize("profile", ["azure", "azure-v1", "generic"])
def test_a_version_of_the_settings_is_named_in_every_call(profile: str) -> None:
    with running_server(profile, api_key=KEYED.get(profile)) as server:
        server.kind = replace(server.kind, query={"api-version": "2027-01-01"})
        provider = at(server, profile, api_version="2027-01-01")
        ask(provider, wish())
        ask(provider, edit_wish())
        endpoint = provider.wire_call(wish()).endpoint
        assert len(server.posts()) == 2
    assert endpoint.endswith("/images/generations?api-version=2027-01-01")


def test_an_input_from_a_server_may_be_as_large_as_one_from_the_user() -> None:
    from imagegen.downloads import MAX_BYTES

    assert MAX_BYTES == MAX_INPUT_BYTES
