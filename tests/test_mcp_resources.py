from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from mcp_types import PromptReference, ResourceTemplateReference, TextContent

from tests.fakes.openai_behaviours import ok
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI
from tests.mcp_world import ERAS, MODEL, WISH, World, refusal, with_client


async def contents(world: World, uri: str) -> Any:
    (found,) = (await world.client.read_resource(uri)).contents
    return found


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_an_image_is_read_with_its_true_type(openai: FakeOpenAI, era: str, image_format: str) -> None:
    sent = picture(image_format, 64, 64, 3)
    openai.script(ok([sent]))

    async def work(world: World) -> Any:
        answer = await world.call("generate_image", **WISH)
        return await contents(world, answer.json["resource_uri"])

    found = with_client(work, era)

    assert base64.b64decode(found.blob) == sent
    assert found.mime_type == f"image/{image_format}"


@pytest.mark.parametrize(
    "uri",
    [
        "generated-images://img_20260101000000_000000000000",
        "generated-images://../../etc/passwd",
        "model-info://no-such-model",
        "nothing://at-all",
        "generated-images://[",
    ],
)
def test_a_resource_that_is_not_there_is_invalid_params_with_its_uri(uri: str) -> None:
    error = refusal(lambda world: world.client.read_resource(uri))

    assert error.code == -32602
    assert error.data == {"uri": uri}


def test_the_recent_history_has_a_number_of_images_and_the_sums(openai: FakeOpenAI) -> None:
    async def work(world: World) -> Any:
        for subject in ("a red fox", "a blue boat"):
            await world.call("generate_image", **{**WISH, "prompt": subject})
        newest = await contents(world, "image-history://recent?limit=1&days=2")
        return json.loads(newest.text), json.loads((await contents(world, "image-history://recent")).text)

    newest, everything = with_client(work)

    assert [image["prompt"] for image in newest["images"]] == ["a blue boat"]
    assert newest["total_count"] == 2
    assert newest["storage_usage_mb"] > 0
    assert newest["images"][0]["parameters"] == {"size": "1024x1024", "quality": "low"}
    assert len(everything["images"]) == 2


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "days=many", "limit=", "sort=size", "limit=١"])
def test_a_query_that_cannot_be_used_is_named(query: str) -> None:
    error = refusal(lambda world: world.client.read_resource(f"image-history://recent?{query}"))

    assert error.code == -32602
    assert query.partition("=")[0] in error.message


def test_the_storage_overview_is_counted_not_invented(openai: FakeOpenAI) -> None:
    async def work(world: World) -> Any:
        before = json.loads((await contents(world, "storage-stats://overview")).text)
        answer = await world.call("generate_image", **WISH)
        await world.service.cleanup(older_than=None, max_size_bytes=0)
        return before, json.loads((await contents(world, "storage-stats://overview")).text), answer

    before, after, _ = with_client(work)

    assert before["total_images"] == 0
    assert before["newest_image"] is before["cleanup_last_run"] is None
    assert after["retention_policy_days"] == 30
    assert after["images_cleaned_up"] == 1
    assert after["cleanup_last_run"].endswith("Z")


def test_a_model_is_described_with_prices_and_life_cycle() -> None:
    async def work(world: World) -> Any:
        return json.loads((await contents(world, "model-info://gpt-image-1.5")).text)

    document = with_client(work)

    assert document["shutdown_date"] == "2026-12-01"
    assert document["prices"]
    assert "low" in document["parameters"]["quality"]


def test_the_list_pages_through_all_images_newest_first(openai: FakeOpenAI) -> None:
    async def work(world: World) -> list[str]:
        for number in range(6):
            await world.call("generate_image", **{**WISH, "prompt": f"picture {number}", "n": 10})
        uris, cursor = [], None
        while True:
            page = await world.client.list_resources(cursor=cursor)
            uris += [str(resource.uri) for resource in page.resources]
            cursor = page.next_cursor
            if cursor is None:
                return uris

    uris = with_client(work)

    images = [uri for uri in uris if uri.startswith("generated-images://")]
    assert len(images) == len(set(images)) == 60
    assert len(uris) == 62


def test_the_templates_of_resources_are_listed() -> None:
    async def work(world: World) -> list[str]:
        return [t.uri_template for t in (await world.client.list_resource_templates()).resource_templates]

    assert with_client(work) == [
        "generated-images://{image_id}",
        "image-history://recent{?limit,days}",
        "model-info://{model}",
    ]


# Prompts


@pytest.mark.parametrize("era", ERAS)
def test_every_template_is_a_prompt_that_renders_and_makes_nothing(openai: FakeOpenAI, era: str) -> None:
    async def work(world: World) -> tuple[Any, str]:
        prompts = (await world.client.list_prompts()).prompts
        got = await world.client.get_prompt(
            "og-image-prompt", {"title": "Ship faster", "include_logo": "true"}
        )
        content = got.messages[0].content
        assert isinstance(content, TextContent)
        return prompts, content.text

    prompts, text = with_client(work, era)

    assert len(prompts) == 10
    assert all(prompt.title and prompt.description for prompt in prompts)
    assert all(argument.description for prompt in prompts for argument in prompt.arguments)
    (title,) = [a for p in prompts if p.name == "og-image-prompt" for a in p.arguments if a.required]
    assert title.name == "title"
    assert "Ship faster" in text
    assert openai.requests == []


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("og-image-prompt", {}, "title"),
        ("og-image-prompt", {"title": "x", "colour": "red"}, "colour"),
        ("og-imag-prompt", {"title": "x"}, "og-image-prompt"),
        ("zzzz", {}, "prompts of this server are the templates"),
    ],
)
def test_a_prompt_that_cannot_be_rendered_says_why(name: str, arguments: dict[str, str], said: str) -> None:
    error = refusal(lambda world: world.client.get_prompt(name, arguments))

    assert error.code == -32602
    assert said in error.message


def test_a_template_of_ones_own_appears_without_a_restart(home: Path) -> None:
    async def work(world: World) -> list[list[str]]:
        before = [p.name for p in (await world.client.list_prompts()).prompts]
        folder = home / "config" / "templates"
        folder.mkdir(parents=True)
        (folder / "my-own.toml").write_text(
            'name = "my-own"\ntitle = "Mine"\ntext = "A boat on {{ water }}."\n'
            '[[argument]]\nname = "water"\ndescription = "Which water"\nrequired = true\n',
            "utf-8",
        )
        return [before, [p.name for p in (await world.client.list_prompts()).prompts]]

    before, after = with_client(work)

    assert set(after) - set(before) == {"my-own"}


# Completion


@pytest.mark.parametrize("era", ERAS)
def test_prompt_arguments_models_and_image_ids_complete(openai: FakeOpenAI, era: str) -> None:
    async def work(world: World) -> list[list[str]]:
        answer = await world.call("generate_image", **WISH)
        prompt = PromptReference(name="og-image-prompt")
        model = ResourceTemplateReference(uri="model-info://{model}")
        image = ResourceTemplateReference(uri="generated-images://{image_id}")
        asked: list[tuple[PromptReference | ResourceTemplateReference, dict[str, str]]] = [
            (prompt, {"name": "text_layout", "value": "c"}),
            (prompt, {"name": "include_logo", "value": ""}),
            (prompt, {"name": "nothing", "value": ""}),
            (model, {"name": "model", "value": "gpt-image-2.5-f"}),
            (image, {"name": "image_id", "value": answer.json["image_id"][:12]}),
        ]
        found = [(await world.client.complete(ref, argument)).completion.values for ref, argument in asked]
        return [*found, [answer.json["image_id"]]]

    layout, logo, nothing, models, images, made = with_client(work, era)

    assert layout == ["centered"]
    assert logo == ["true", "false"]
    assert nothing == []
    assert models[0] == MODEL
    assert images == made
