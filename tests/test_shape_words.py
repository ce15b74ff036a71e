"""`--aspect-ratio`, `--resolution` and `--negative-prompt`, from the command line to the wire and back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ran, run
from tests.fakes.gemini_behaviours import image_part, ok
from tests.fakes.gemini_server import running_gemini
from tests.fakes.openai_server import FakeOpenAI
from tests.mcp_world import MODEL, World, with_client
from tests.pictures import picture

FLARE = ("-m", "gpt-image-2.5-flare")
FIXED = ("-m", "gpt-image-1.5")
NANO = ("-m", "gemini-nano-banana-2.1")
SERVER = "PROVIDERS__COMPATIBLE__STUDIO__"


def planned(*arguments: str) -> Any:
    return run("generate", "a fox", "--dry-run", "--json", *arguments).json


def refused(*arguments: str) -> dict[str, Any]:
    ran = run("generate", "a fox", "--dry-run", "--json", *arguments)
    assert ran.code == 2
    return ran.error


def made(*arguments: str) -> str:
    ran = run(*arguments, "--quiet", "--no-cache")
    assert ran.code == 0, ran.err
    return Path(ran.lines[0]).stem


# What becomes of them, and that it is said


@pytest.mark.parametrize(
    ("said", "size", "note"),
    [
        (
            ("--aspect-ratio", "16:9", "--resolution", "2K"),
            "2560x1440",
            "aspect_ratio 16:9 and resolution 2K become size 2560x1440",
        ),
        (
            ("--aspect-ratio", "2:3"),
            "832x1248",
            "aspect_ratio 2:3 becomes size 832x1248, at 1K because no resolution is said",
        ),
        (
            ("--aspect-ratio", "1:1", "--resolution", "4K"),
            "2880x2880",
            "aspect_ratio 1:1 and resolution 4K become size 2880x2880, the largest of this shape",
        ),
        (
            ("--resolution", "2K"),
            "2496x1664",
            "resolution 2K becomes size 2496x1664, in the shape of 1536x1024, the size by default",
        ),
        (
            ("--aspect-ratio", "191:100"),
            "1344x704",
            "aspect_ratio 191:100 becomes size 1344x704, at 1K because no resolution is said,"
            " the nearest shape in steps of 16",
        ),
    ],
)
def test_a_model_of_free_sizes_gets_a_size_and_the_note_says_which(
    openai: FakeOpenAI, said: tuple[str, ...], size: str, note: str
) -> None:
    plan = planned(*FLARE, *said)
    assert plan["parameters"]["size"] == size
    assert not {"aspect_ratio", "resolution"} & set(plan["parameters"])
    assert plan["notes"] == [note]


def test_the_sidecar_has_the_words_and_the_note_and_the_server_the_size(openai: FakeOpenAI) -> None:
    image = made("generate", "a fox", *FLARE, "--aspect-ratio", "16:9", "--negative-prompt", "text, blur")

    [fields] = openai.fields
    assert (fields["size"], fields["prompt"]) == ("1280x720", "a fox\navoid: text, blur")
    record = run("history", "show", image, "--json").json
    assert record["parameters"]["asked"] == {"aspect_ratio": "16:9", "negative_prompt": "text, blur"}
    assert record["parameters"]["sent"]["size"] == "1280x720"
    assert "negative_prompt is said at the end of the prompt: avoid: text, blur" in record["notes"]
    assert any(note.startswith("aspect_ratio 16:9 becomes size 1280x720") for note in record["notes"])
    assert "aspect_ratio=16:9, negative_prompt=text, blur" in run("history", "show", image).out


def test_the_same_size_in_other_words_is_the_same_picture(openai: FakeOpenAI) -> None:
    run("generate", "a fox", *FLARE, "-s", "1280x720")
    again = run("generate", "a fox", *FLARE, "--aspect-ratio", "16:9", "--json").json
    other = run("generate", "a fox", *FLARE, "--aspect-ratio", "9:16", "--json").json
    without = run("generate", "a fox", *FLARE, "-s", "1280x720", "--negative-prompt", "text", "--json").json

    assert (again["cached"], other["cached"], without["cached"]) == (True, False, False)
    assert len(openai.fields) == 3


def test_gemini_gets_the_words_themselves_and_the_price_is_that_of_the_resolution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaTest0123456789")
    plan = planned(*NANO, "--aspect-ratio", "21:9", "--resolution", "4K")
    assert plan["parameters"]["generationConfig"]["imageConfig"] == {"aspectRatio": "21:9", "imageSize": "4K"}
    assert plan["notes"] == []
    assert plan["estimate"] == planned(*NANO, "-s", "3840x2160")["estimate"]
    shaped = planned(*NANO, "--resolution", "2K")
    config = shaped["parameters"]["generationConfig"]["imageConfig"]
    assert config == {"aspectRatio": "3:2", "imageSize": "2K"}
    assert shaped["notes"] == ["aspect_ratio 3:2 comes from 1536x1024, the size by default"]


def test_a_picture_in_another_shape_than_asked_for_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaTest0123456789")
    with running_gemini() as gemini:
        monkeypatch.setenv("PROVIDERS__GEMINI__BASE_URL", gemini.base_url)
        gemini.script(ok(image_part(picture("png", 132, 72))), ok(image_part(picture("png", 64, 64))))
        near = run("generate", "a fox", *NANO, "--aspect-ratio", "16:9", "--json").json
        far = run("generate", "a fox", *NANO, "--aspect-ratio", "9:16", "--json").json
        assert [body["generation_config"]["image_config"]["aspect_ratio"] for body in gemini.bodies] == [
            "16:9",
            "9:16",
        ]
    assert near["images"][0]["notes"] == []
    assert far["images"][0]["notes"] == ["asked for 9:16, got 64x64"]


def test_an_edit_keeps_the_shape_of_its_first_image_unless_one_is_said(openai: FakeOpenAI) -> None:
    Path("wide.png").write_bytes(picture("png", 160, 90))
    run("edit", "wide.png", "rain", *FLARE, "--resolution", "2K")
    run("edit", "wide.png", "rain", *FLARE, "--aspect-ratio", "1:1", "--negative-prompt", "text")

    kept, said = openai.fields
    assert kept["size"] == "2560x1440"
    assert (said["size"], said["prompt"]) == ("1024x1024", "rain\navoid: text")


def test_the_local_composer_draws_the_shape_and_has_no_negative_prompt() -> None:
    image = made("generate", "a fox", "-m", "local", "--aspect-ratio", "9:16", "--resolution", "512")
    info = run("history", "show", image, "--json").json["file_info"]
    assert (info["width"], info["height"]) == (378, 672)
    error = refused("-m", "local", "--negative-prompt", "moon")
    assert error["parameter"] == "negative_prompt"
    Path("in.png").write_bytes(picture("png", 160, 90))
    edit = run("edit", "in.png", "blur", "-m", "local", "--aspect-ratio", "1:1", "--json")
    assert edit.error["parameter"] == "aspect_ratio"


def test_a_template_gives_way_to_a_shape_that_was_said(openai: FakeOpenAI) -> None:
    made(
        "generate",
        "--template",
        "og-image-prompt",
        "-a",
        "title=Ship faster",
        *FLARE,
        "--aspect-ratio",
        "1:1",
    )
    assert openai.fields[0]["size"] == "1024x1024"


# Servers of one's own


def test_a_server_gets_a_size_unless_its_settings_say_that_it_takes_the_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{SERVER}BASE_URL", "http://127.0.0.1:9/v1")
    said = ("-m", "studio", "--aspect-ratio", "16:9")
    assert planned(*said)["parameters"]["size"] == "1280x720"
    assert f"{SERVER}SEND has negative_prompt" in refused(*said, "--negative-prompt", "text")["message"]
    assert refused("-m", "studio", "--resolution", "2K")["parameter"] == "resolution"

    monkeypatch.setenv(f"{SERVER}SEND", "aspect_ratio,negative_prompt")
    fields = planned(*said, "--negative-prompt", "text")["parameters"]
    assert (fields["aspect_ratio"], fields["negative_prompt"]) == ("16:9", "text")
    assert (fields["prompt"], "size" in fields) == ("a fox", False)
    assert f"{SERVER}SEND has resolution" in refused(*said, "--resolution", "2K")["message"]


def test_an_edit_that_takes_no_size_takes_no_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{SERVER}BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv(f"{SERVER}PROFILE", "localai")
    Path("in.png").write_bytes(picture("png", 160, 90))
    ran = run("edit", "in.png", "rain", "-m", "studio/sd", "--aspect-ratio", "1:1", "--dry-run", "--json")
    assert ran.error["parameter"] == "aspect_ratio"


def test_the_users_own_table_can_say_that_a_model_takes_the_words(openai: FakeOpenAI, home: Path) -> None:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "models.toml").write_text(
        "[models.openai.mine]\nlike = 'gpt-image-2.5-flare'\n[models.openai.mine.parameters]\n"
        "aspect_ratio = { values = ['1:1', '16:9'] }\nnegative_prompt = { max_length = 9 }\n"
    )
    plan = planned("-m", "openai/mine", "--aspect-ratio", "16:9", "--negative-prompt", "text")
    fields = plan["parameters"]
    assert (fields["aspect_ratio"], fields["negative_prompt"], fields["prompt"]) == ("16:9", "text", "a fox")
    assert refused("-m", "openai/mine", "--negative-prompt", "text, blur")["parameter"] == "negative_prompt"


# What is refused, with the next step


@pytest.mark.parametrize(
    ("said", "parameter", "words"),
    [
        (("--aspect-ratio", "16x9"), "aspect_ratio", "Did you mean 16:9?"),
        (("--aspect-ratio", "wide"), "aspect_ratio", "Did you mean 16:9?"),
        (("--aspect-ratio", "1.91:1"), "aspect_ratio", "two whole numbers, W:H"),
        (("--aspect-ratio", ""), "aspect_ratio", "two whole numbers, W:H"),
        (("--resolution", "2k", "--aspect-ratio", "1:1"), "resolution", "Did you mean 2K?"),
        (("--resolution", "8K", "--aspect-ratio", "1:1"), "resolution", "one of 512, 1K, 2K, 4K"),
        (("--resolution", "512", "--aspect-ratio", "1:1"), "resolution", "The nearest is 1K"),
        (("--aspect-ratio", "4:1"), "aspect_ratio", "3:1 at most"),
        (("--aspect-ratio", "16:9", "-s", "1024x1024"), "size", "Leave out size, or aspect-ratio."),
        (("--resolution", "2K", "-s", "auto"), "size", "Leave out size, or resolution."),
        (("--negative-prompt", " "), "negative_prompt", "The negative prompt is empty."),
        (("--negative-prompt", "a\x1b[2J"), "negative_prompt", "control character"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    openai: FakeOpenAI, said: tuple[str, ...], parameter: str, words: str
) -> None:
    error = refused(*FLARE, *said)
    assert error["parameter"] == parameter
    assert words in f"{error['message']} {error['hint']}"


def test_a_slip_of_the_pen_and_a_contradiction_are_refused_leniently_too(openai: FakeOpenAI) -> None:
    assert refused(*FLARE, "--aspect-ratio", "16x9", "--lenient")["parameter"] == "aspect_ratio"
    assert refused(*FLARE, "--resolution", "2K", "-s", "auto", "--lenient")["parameter"] == "size"


def test_a_model_of_fixed_sizes_makes_those_it_has_and_the_nearest_only_leniently(openai: FakeOpenAI) -> None:
    assert planned(*FIXED, "--aspect-ratio", "3:2", "--resolution", "1K")["parameters"]["size"] == "1536x1024"
    error = refused(*FIXED, "--aspect-ratio", "16:9")
    assert "auto, 1024x1024, 1536x1024, 1024x1536" in error["message"]
    assert "The nearest is size 1536x1024" in error["hint"]
    plan = planned(*FIXED, "--aspect-ratio", "16:9", "--lenient")
    assert plan["parameters"]["size"] == "1536x1024"
    assert "the nearest that openai/gpt-image-1.5 makes" in plan["notes"][-1]


@pytest.mark.parametrize(
    ("said", "size"),
    [
        (("--aspect-ratio", "4:1"), "1728x576"),
        (("--aspect-ratio", "1:1", "--resolution", "512"), "1024x1024"),
    ],
)
def test_leniently_the_nearest_is_taken_and_named(
    openai: FakeOpenAI, said: tuple[str, ...], size: str
) -> None:
    plan = planned(*FLARE, *said, "--lenient")
    assert plan["parameters"]["size"] == size
    assert "the nearest that openai/gpt-image-2.5-flare makes" in plan["notes"][0]


def test_leniently_gemini_takes_the_nearest_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaTest0123456789")
    assert "The nearest is 16:9" in refused(*NANO, "--aspect-ratio", "5:3")["hint"]
    plan = planned(*NANO, "--aspect-ratio", "5:3", "--lenient")
    assert plan["parameters"]["generationConfig"]["imageConfig"] == {"aspectRatio": "16:9"}
    [note] = plan["notes"]
    assert note == "aspect_ratio 5:3 becomes 16:9, the nearest that gemini/gemini-nano-banana-2.1 takes"


def test_a_prompt_that_has_no_room_for_what_to_avoid_is_refused(openai: FakeOpenAI) -> None:
    ran = run("generate", "f" * 31_990, *FLARE, "--negative-prompt", "text", "--dry-run", "--json")
    assert (ran.code, ran.error["parameter"]) == (2, "negative_prompt")


def test_a_style_goes_before_what_to_avoid(openai: FakeOpenAI) -> None:
    said = ("--style", "vivid", "--negative-prompt", "text", "--lenient")
    assert planned(*FLARE, *said)["parameters"]["prompt"] == "a fox\nStyle: vivid.\navoid: text"


# Again


@pytest.mark.parametrize(
    "said",
    [
        ("--aspect-ratio", "16:9", "--resolution", "2K", "--negative-prompt", "text, blur"),
        ("--negative-prompt", "text", "--style", "vivid", "--lenient"),
        ("--aspect-ratio", "4:1", "--lenient"),
        ("--resolution", "2K"),
    ],
)
def test_the_command_that_makes_it_again_sends_the_same(openai: FakeOpenAI, said: tuple[str, ...]) -> None:
    image = made("generate", "a fox", *FLARE, *said)
    words = shlex.split(run("inspect", image, "--json").json["command"])
    made(*words[1:])
    first, second = openai.fields
    assert first == second
    if "text, blur" in said:
        assert words[2] == "a fox"
        assert {"--aspect-ratio", "--resolution", "--negative-prompt"} <= set(words)


def test_what_a_template_shaped_is_made_again_in_that_shape(openai: FakeOpenAI) -> None:
    said = ("--template", "og-image-prompt", "-a", "title=Ship faster", *FLARE)
    for shape in (("--resolution", "2K"), ("--aspect-ratio", "1:1")):
        image = made("generate", *said, *shape)
        made(*shlex.split(run("inspect", image, "--json").json["command"])[1:])
    sizes = [fields["size"] for fields in openai.fields]
    assert (sizes[0], sizes[2]) == (sizes[1], sizes[3])


# Elsewhere


def test_the_shell_offers_the_ratios_and_resolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    def offered(line: str) -> list[str]:
        monkeypatch.setenv("_IMAGEGEN_COMPLETE", "complete_fish")
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        ran: Ran = run()
        return ran.lines

    assert offered("imagegen generate --aspect-ratio 16") == ["16:9"]
    assert offered("imagegen edit --resolution ") == ["512", "1K", "2K", "4K"]


def test_over_mcp_the_words_are_taken_and_never_left_out(openai: FakeOpenAI) -> None:
    async def work(world: World) -> tuple[Any, ...]:
        said = {"prompt": "a fox", "model": MODEL, "quality": "low"}
        return (
            await world.call(
                "generate_image", **said, aspect_ratio="16:9", resolution="2K", negative_prompt="text"
            ),
            await world.call("generate_image", **said, aspect_ratio="16x9"),
            await world.call("generate_image", **said, aspect_ratio="16:9", size="1024x1024"),
            await world.call("generate_image", prompt="a fox", model="local", negative_prompt="moon"),
            await world.call("list_available_models"),
        )

    done, misspelt, doubled, local, models = with_client(work)

    assert (openai.fields[0]["size"], openai.fields[0]["prompt"]) == ("2560x1440", "a fox\navoid: text")
    assert len(openai.fields) == 1
    assert done.json["state"] == "done"
    assert "W:H, such as 16:9. Change aspect_ratio" in misspelt.text
    assert "cannot stand beside aspect-ratio 16:9" in doubled.text
    assert "negative prompt" in local.text
    able = models.json["providers"]["openai"]["models"][MODEL]["capabilities"]
    assert able["aspect_ratio"] == "W:H up to 3:1 becomes a size"
