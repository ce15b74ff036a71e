"""Our own images are found by their bytes, and the command that makes them again is one that does."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from imagegen.again import command_again
from imagegen.store.sidecar import record_from_json
from imagegen.types import EditRequest, ImageRecord, asked_parameters
from tests.command import run
from tests.fakes.openai_server import FakeOpenAI
from tests.pictures import encoded, input_image, noise, picture

FLARE = ("-m", "gpt-image-2.5-flare")


def made(command: str, *arguments: str) -> str:
    return Path(run(command, "--quiet", *arguments).lines[0]).stem


def made_again(command: str, *arguments: str) -> str:
    return made(command, "--no-cache", *arguments)


def command_for(image: str) -> list[str]:
    found = run("inspect", image, "--json").json
    assert found["command"], found["no_command"]
    words = shlex.split(found["command"])
    assert words[0] == "imagegen"
    return words[1:]


def record_of(image: str) -> ImageRecord:
    document = run("history", "show", image, "--json").json
    for own in ("path", "children", "file_says"):
        document.pop(own)
    return record_from_json(document)


def test_our_image_is_found_by_its_bytes_wherever_it_lies(home: Path) -> None:
    image = made("generate", "a red fox")
    shutil.copy(run("history", "show", image, "--json").json["path"], home / "found-in-a-mail.bin")

    ran = run("inspect", "found-in-a-mail.bin")

    assert image in ran.out
    assert "a red fox" in ran.out
    assert "imagegen generate 'a red fox'" in ran.out


@pytest.mark.parametrize(
    "prompt",
    [
        "a red fox",
        'it\'s "quoted" $HOME `x` \\ ; & |',
        "-m is no option here",
        "--json",
        "zwei\nZeilen",
        "füchse 🦊",
    ],
)
def test_the_command_makes_the_same_image_again_whatever_the_prompt(prompt: str) -> None:
    image = made("generate", "-m", "local", "-s", "256x256", "--", prompt)

    again = made_again(*command_for(image))

    assert again != image
    assert record_of(again).file_info.sha256 == record_of(image).file_info.sha256
    assert record_of(again).prompt == prompt


def test_everything_that_was_said_is_said_again(openai: FakeOpenAI) -> None:
    said = ["-s", "1024x1024", "-q", "low", "-f", "webp", "--output-compression", "55", "-n", "2"]
    image = made("generate", "a fox", *said, "--background", "opaque", *FLARE)

    made_again(*command_for(image))

    first, second = openai.fields
    assert first == second


def test_every_parameter_has_an_option_of_its_name(openai: FakeOpenAI) -> None:
    image = made("edit", _written("png"), "rain", *FLARE)
    record = record_of(image)
    request = EditRequest(
        prompt="rain",
        images=(input_image(),),
        n=2,
        size="1024x1024",
        seed=1,
        style="vivid",
        input_fidelity="high",
        partial_images=1,
        frame_count=2,
    )
    asked = asked_parameters(request)
    whole = ImageRecord(
        **{
            **{name: getattr(record, name) for name in record.__slots__},
            "parameters": {"asked": asked, "sent": {}},
            "parents": (),
        }
    )

    words = command_again(whole, lambda _: None)

    assert len([word for word in words if word.startswith("-")]) == len(asked) + 1
    assert run("edit", "last", *words[2:], "--dry-run", "--lenient").code == 0


def _written(image_format: str) -> str:
    path = Path(f"input.{image_format}")
    path.write_bytes(picture(image_format, 256, 256))
    return str(path)


def test_what_was_dropped_is_not_said_again(openai: FakeOpenAI) -> None:
    image = made("generate", "a fox", "--style", "vivid", "--lenient", *FLARE)

    assert "--style" not in command_for(image)
    assert made_again(*command_for(image))


def test_what_a_template_recommended_is_said(openai: FakeOpenAI) -> None:
    arguments = ("--template", "og-image-prompt", "-a", "title=Ship faster")
    image = made("generate", *arguments, *FLARE)

    made_again(*command_for(image))

    first, second = openai.fields
    assert {name: first[name] for name in ("prompt", "size", "quality")} == {
        name: second[name] for name in ("prompt", "size", "quality")
    }


def test_an_edit_names_its_inputs_by_their_ids(openai: FakeOpenAI) -> None:
    original = made("generate", "a fox", *FLARE)
    image = made("edit", original, "rain", *FLARE)

    assert command_for(image)[:3] == ["edit", original, "rain"]
    made_again(*command_for(image))
    assert openai.fields[1]["prompt"] == openai.fields[2]["prompt"]


def test_an_edit_with_a_mask_says_which_is_the_mask(openai: FakeOpenAI, home: Path) -> None:
    base = made("process", _written("png"), "resize:256x256,mode=stretch")
    mask = home / "mask.png"
    mask.write_bytes(encoded(noise(256, 256, "RGBA"), "png"))
    kept = made("process", str(mask), "strip-metadata")
    image = made("edit", base, "rain", "--mask", kept, *FLARE)

    words = command_for(image)

    assert words[:3] == ["edit", base, "rain"]
    assert words[words.index("--mask") + 1] == kept


def test_an_edit_whose_input_is_gone_says_so(openai: FakeOpenAI) -> None:
    image = made("edit", _written("png"), "rain", *FLARE)

    found = run("inspect", image, "--json").json

    assert found["command"] is None
    assert "is not in the history" in found["no_command"]
    assert "not possible" in run("inspect", image).out


def test_a_processed_image_names_the_step_and_its_parent() -> None:
    original = made("generate", "a red fox", "-s", "256x256")
    image = made("process", original, "resize:64x")

    assert command_for(image) == ["process", original, "resize:64x"]
    again = made(*command_for(image))
    assert record_of(again).file_info.sha256 == record_of(image).file_info.sha256


@pytest.mark.parametrize(
    "parameters",
    [{}, {"asked": None}, {"asked": [1], "sent": 3}, {"asked": {"size": {}, "rm -rf": "/", "n": None}}],
)
def test_a_record_written_by_hand_makes_no_strange_command(parameters: dict[str, object]) -> None:
    image = made("generate", "a red fox", "-s", "256x256")
    record = record_of(image)
    odd = record_from_json(
        {**json.loads(_sidecar(image).read_text(encoding="utf-8")), "parameters": parameters}
    )

    assert command_again(odd, lambda _: None) == ("imagegen", "generate", "a red fox", "-m", "local/composer")
    assert record.prompt == odd.prompt


def _sidecar(image: str) -> Path:
    return Path(run("history", "show", image, "--json").json["path"]).with_suffix(".json")
