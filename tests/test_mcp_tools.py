from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from imagegen.imaging import probe
from tests.fakes.openai_behaviours import error, ok
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI
from tests.mcp_world import ERAS, MODEL, WISH, Answer, World, with_client

HIDING = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="/etc/hosts"/></svg>'


def called(tool: str, **arguments: Any) -> Answer:
    async def work(world: World) -> Answer:
        return await world.call(tool, **arguments)

    return with_client(work)


@pytest.mark.parametrize("era", ERAS)
def test_an_image_is_made_shown_small_and_linked(openai: FakeOpenAI, era: str) -> None:
    sent = picture("png", 1024, 1024, 7)
    openai.script(ok([sent]))

    answer = with_client(lambda world: world.call("generate_image", **WISH), era)

    path = Path(answer.text.splitlines()[1].partition(" (")[0])
    assert path.read_bytes() == sent
    assert "$0.00" in answer.text.splitlines()[0]
    document = answer.json
    assert document["image_url"] == path.as_uri()
    assert document["state"] == "done"
    assert document["metadata"]["dimensions"] == "1024x1024"
    assert document["metadata"]["file_size_bytes"] == len(sent)
    assert 0.005 < document["metadata"]["cost_usd"] < 0.007
    assert answer.raw.structured_content == document
    (shown,) = answer.pictures
    facts = probe(base64.b64decode(shown.data))
    assert (shown.mime_type, facts.format, facts.width) == ("image/webp", "webp", 512)
    (link,) = answer.links
    assert (link.uri, link.mime_type, link.size) == (document["resource_uri"], "image/png", len(sent))


def test_several_images_are_all_listed_shown_and_linked(openai: FakeOpenAI) -> None:
    answer = called("generate_image", **{**WISH, "n": 3})

    assert len(answer.pictures) == len(answer.links) == len(answer.json["images"]) == 3
    assert len({image["image_id"] for image in answer.json["images"]}) == 3


def test_the_full_image_a_link_alone_and_a_data_url_can_be_asked_for(openai: FakeOpenAI) -> None:
    sent = picture("png", 64, 64, 7)
    openai.script(ok([sent]))

    async def work(world: World) -> tuple[Answer, Answer, Answer]:
        full = await world.call("generate_image", **WISH, return_as="full")
        link = await world.call("generate_image", **WISH, return_as="link")
        return full, link, await world.call("generate_image", **WISH, return_as="data_url")

    full, link, data_url = with_client(work)

    assert base64.b64decode(full.pictures[0].data) == sent
    assert full.pictures[0].mime_type == "image/png"
    assert link.pictures == []
    structured = data_url.raw.structured_content
    assert structured["image_url"] == f"data:image/png;base64,{base64.b64encode(sent).decode()}"
    assert len(data_url.texts) == 1
    assert len(openai.requests) == 1


@pytest.mark.parametrize("return_as", ["preview", "data_url"])
def test_an_image_that_cannot_be_shown_is_named_and_the_others_are_shown(
    openai: FakeOpenAI, return_as: str
) -> None:
    sent = picture("png", 64, 64, 7)
    openai.script(ok([HIDING, sent]))

    answer = called("generate_image", **{**WISH, "n": 2}, return_as=return_as)

    document = answer.raw.structured_content
    hidden, shown = document["images"]
    note = f"{hidden['image_id']} cannot be shown here; its link has it"
    assert note in answer.texts[0]
    assert note in document["metadata"]["notes"]
    assert len(answer.links) == 2
    if return_as == "data_url":
        assert hidden["image_url"].startswith("file:")
        assert shown["image_url"] == f"data:image/png;base64,{base64.b64encode(sent).decode()}"
    else:
        assert len(answer.pictures) == 1


def test_the_same_again_costs_nothing_and_says_so(openai: FakeOpenAI) -> None:
    async def work(world: World) -> Answer:
        await world.call("generate_image", **WISH)
        return await world.call("generate_image", **WISH)

    again = with_client(work)

    assert again.json["metadata"]["cached"] is True
    assert again.json["metadata"]["cost_usd"] == 0
    assert len(openai.requests) == 1


def test_cosmetic_parameters_are_left_out_with_a_note_and_others_are_refused(openai: FakeOpenAI) -> None:
    kept = called("generate_image", **WISH, style="vivid", output_compression=50)
    refused = called("generate_image", **{**WISH, "size": "1000x1000"})

    assert any("left out style" in note for note in kept.json["metadata"]["notes"])
    assert "style" not in openai.fields[0]
    assert refused.raw.is_error
    assert refused.text.startswith("size 1000x1000 is not possible")
    assert "Change size" in refused.text
    assert "--lenient" not in refused.text
    assert len(openai.requests) == 1


def test_fields_that_a_model_filled_with_nothing_count_as_unsaid(openai: FakeOpenAI) -> None:
    answer = called("generate_image", **WISH, style="", background=None, seed=None, template="", n="")

    assert not answer.raw.is_error
    assert len(openai.requests) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"prompt": "x", "sise": "1024x1024"}, "Unknown argument sise. Did you mean size?"),
        ({}, "prompt is missing"),
        ({"prompt": "x", "n": 99}, "n must be less than or equal to 10"),
        ({"prompt": "x", "return_as": "poem"}, "return_as must be preview, full, link, data_url"),
        ({"prompt": "x", "wait_seconds": -1}, "wait_seconds must be greater than or equal to 0"),
        ({"prompt": " "}, "The prompt is empty"),
    ],
)
def test_what_cannot_be_used_is_named(openai: FakeOpenAI, arguments: dict[str, Any], said: str) -> None:
    answer = called("generate_image", **arguments)

    assert answer.raw.is_error
    assert said in answer.text
    assert "pydantic" not in answer.text
    assert openai.requests == []


def test_a_model_of_no_known_name_is_answered_with_near_ones() -> None:
    answer = called("generate_image", prompt="x", model="gpt-imag-2.5-flare")

    assert answer.raw.is_error
    assert "gpt-image-2.5-flare" in answer.text


def test_models_that_were_shut_down_are_not_listed() -> None:
    models = called("list_available_models").json["providers"]["openai"]["models"]

    assert MODEL in models
    assert "dall-e-3" not in models


def test_a_rejected_value_is_not_repeated() -> None:
    answer = called("generate_image", prompt="x", n="sk-not-a-number-0123456789")

    assert answer.raw.is_error
    assert "sk-not" not in answer.text


def test_an_unknown_tool_is_answered_with_those_there_are() -> None:
    answer = called("make_coffee")

    assert answer.raw.is_error
    assert "list_available_models" in answer.text


def test_a_refusal_of_the_provider_says_what_it_is(openai: FakeOpenAI) -> None:
    openai.script(error(400, "moderation_blocked", "no", kind="image_generation_user_error"))

    answer = called("generate_image", **WISH)

    assert answer.raw.is_error
    assert "[content_policy]" in answer.text


def test_a_template_writes_the_prompt_and_is_recorded(openai: FakeOpenAI) -> None:
    async def work(world: World) -> Any:
        answer = await world.call(
            "generate_image",
            prompt="a fox in a corner",
            model=MODEL,
            template="og-image-prompt",
            template_arguments='{"title": "Ship faster", "include_logo": true}',
        )
        return await world.service.get_image(answer.json["image_id"])

    record = with_client(work)

    assert "Ship faster" in record.prompt
    assert record.prompt.endswith("a fox in a corner")
    assert record.template is not None
    assert record.template.name == "og-image-prompt"


def test_a_missing_argument_of_a_template_is_named(openai: FakeOpenAI) -> None:
    answer = called("generate_image", prompt="x", model=MODEL, template="og-image-prompt")

    assert answer.raw.is_error
    assert "title" in answer.text


def test_an_edit_takes_the_newest_image_a_path_a_data_url_and_base64(openai: FakeOpenAI, home: Path) -> None:
    data = picture("png", 64, 64, 5)
    (home / "mine.png").write_bytes(data)
    encoded = base64.b64encode(data).decode()

    async def work(world: World) -> list[Answer]:
        await world.call("generate_image", **WISH)
        wish = {"model": MODEL, "quality": "low"}
        return [
            await world.call("edit_image", prompt="rain", image="last", **wish),
            await world.call("edit_image", prompt="snow", image=str(home / "mine.png"), **wish),
            await world.call("edit_image", prompt="fog", image=(home / "mine.png").as_uri(), **wish),
            await world.call("edit_image", prompt="sun", image_data=encoded, **wish),
            await world.call(
                "edit_image", prompt="night", image="last", images=f"data:image/png;base64,{encoded}", **wish
            ),
        ]

    answers = with_client(work)

    assert [answer.raw.is_error for answer in answers] == [False] * 5
    assert len(openai.fields[-1]["image"]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"image": "/etc/hostname"}, "image: /etc/hostname is outside the folders"),
        ({"image": "nothing.png"}, "image: Cannot read the image"),
        ({"image": "~nobody-lives-here/a.png"}, "image: Cannot read the image"),
        ({"image": "file:///%00.png"}, "image: No file can have this name"),
        ({"image": "file://[x/a.png"}, "image: No file can have this name"),
        ({"image": "img_20260101000000_000000000000"}, "image: "),
        ({"image_data": "!!"}, "image_data: The data URL is damaged"),
        ({}, "Give image or image_data"),
        ({"image": "last", "image_data": "x"}, "either image or image_data"),
        ({"image": "mine.png", "images": ["nothing.png"]}, "images[0]: "),
        ({"image": "mine.png", "mask": "nothing.png"}, "mask: "),
    ],
)
def test_an_input_that_cannot_be_used_is_named(home: Path, arguments: dict[str, Any], said: str) -> None:
    (home / "mine.png").write_bytes(picture("png", 64, 64, 5))

    answer = called("edit_image", prompt="grayscale", model="local", **arguments)

    assert answer.raw.is_error
    assert said in answer.text
    assert "stdin" not in answer.text


def test_a_link_out_of_the_allowed_folders_does_not_lead_there(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture("png", 64, 64, 5))
    (home / "innocent.png").symlink_to(secret)

    async def work(world: World) -> Answer:
        return await world.call("edit_image", prompt="grayscale", model="local", image="innocent.png")

    answer = with_client(work)

    assert answer.raw.is_error
    assert "outside the folders" in answer.text


def test_a_link_that_leads_to_itself_is_named(home: Path) -> None:
    (home / "circle.png").symlink_to("circle.png")

    answer = called("edit_image", prompt="grayscale", model="local", image="circle.png")

    assert answer.raw.is_error
    assert "Too many levels" in answer.text


def test_allowed_paths_replace_the_working_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pictures").mkdir()
    for folder in (home, tmp_path / "pictures"):
        (folder / "mine.png").write_bytes(picture("png", 64, 64, 5))
    monkeypatch.setenv("SERVER__ALLOWED_PATHS", str(tmp_path / "pictures"))

    def edited(path: Path) -> Answer:
        return called("edit_image", prompt="grayscale", model="local", image=str(path))

    assert edited(home / "mine.png").raw.is_error
    assert not edited(tmp_path / "pictures" / "mine.png").raw.is_error


def test_over_http_no_path_is_read(home: Path) -> None:
    (home / "mine.png").write_bytes(picture("png", 64, 64, 5))

    async def work(world: World) -> Answer:
        return await world.call("edit_image", prompt="grayscale", model="local", image=str(home / "mine.png"))

    answer = with_client(work, is_http=True)

    assert answer.raw.is_error
    assert "does not read paths" in answer.text
    assert "image_id" in answer.text


def test_the_history_is_searched_and_paged(openai: FakeOpenAI) -> None:
    async def work(world: World) -> list[Answer]:
        for subject in ("a red fox", "a blue boat", "a grey fox"):
            await world.call("generate_image", **{**WISH, "prompt": subject})
        first = await world.call("list_images", query="fox", limit=1)
        second = await world.call("list_images", query="fox", limit=1, cursor=first.json["next_cursor"])
        return [first, second, await world.call("list_images", days=1, model=MODEL)]

    first, second, everything = with_client(work)

    assert [row["prompt"] for row in first.json["images"]] == ["a grey fox"]
    assert [row["prompt"] for row in second.json["images"]] == ["a red fox"]
    assert len(everything.json["images"]) == 3
    assert everything.json["images"][0]["cost_usd"] > 0


def test_the_models_are_listed_with_what_they_take_and_cost(openai: FakeOpenAI) -> None:
    document = called("list_available_models").json

    assert document["default_model"] == f"openai/{MODEL}"
    flare = document["providers"]["openai"]["models"][MODEL]
    assert flare["capabilities"]["generation"] is True
    assert "1024x1024" in flare["capabilities"]["supported_sizes"]
    assert "png" in flare["capabilities"]["supported_formats"]
    assert "low" in flare["capabilities"]["qualities"]
    assert flare["price_hint"].startswith("$")
    assert document["providers"]["gemini"]["enabled"] is False
    assert document["providers"]["local"]["models"]["composer"]["price_hint"] == "free"


def test_a_client_that_asks_too_often_is_told_when_to_come_back(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER__RATE_LIMIT_RPM", "2")

    async def work(world: World) -> list[Answer]:
        wishes = [{**WISH, "prompt": f"picture {number}", "wait_seconds": 20} for number in range(2)]
        made = [await world.call("generate_image", **wish) for wish in wishes]
        return [
            *made,
            await world.call("generate_image", **{**WISH, "prompt": "one more", "wait_seconds": 0}),
        ]

    first, second, third = with_client(work)

    assert not first.raw.is_error
    assert not second.raw.is_error
    assert third.raw.is_error
    assert "Too many requests" in third.text
    assert "SERVER__RATE_LIMIT_RPM" in third.text
    assert len(openai.requests) == 2
