from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import run, run_process
from tests.conftest import KEY
from tests.fakes.openai_behaviours import error, ok
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI

MODEL = ("-m", "gpt-image-2.5-flare")


def test_in_a_pipe_stdout_is_one_path_a_line(openai: FakeOpenAI) -> None:
    ran = run("generate", "a red fox", *MODEL, "-n", "2")

    assert ran.code == 0
    assert [Path(line).is_file() for line in ran.lines] == [True, True]


def test_details_and_notes_go_to_stderr_and_quiet_silences_them(openai: FakeOpenAI) -> None:
    loud = run("generate", "a red fox", *MODEL)
    quiet = run("generate", "a red fox", *MODEL, "--quiet")

    assert "openai/gpt-image-2.5-flare" in loud.err
    assert quiet.err == ""
    assert len(quiet.lines) == 1


def test_json_is_one_document_with_path_cost_and_notes(openai: FakeOpenAI) -> None:
    ran = run("generate", "a red fox", *MODEL, "--json")

    document = ran.json
    assert ran.err == ""
    assert Path(document["images"][0]["path"]).is_file()
    assert document["cost_info"]["basis"] == "usage"
    assert document["images"][0]["prompt"] == "a red fox"


def test_the_prompt_can_come_from_stdin(openai: FakeOpenAI) -> None:
    assert run("generate", "-", *MODEL, stdin="a fox from a pipe\n").code == 0
    assert openai.fields[0]["prompt"] == "a fox from a pipe"


def test_the_prompt_can_come_from_a_file_with_a_byte_order_mark(openai: FakeOpenAI, home: Path) -> None:
    (home / "idea.txt").write_bytes("\ufeffein Füchslein\n".encode())

    assert run("generate", "--prompt-file", "idea.txt", *MODEL).code == 0
    assert openai.fields[0]["prompt"] == "ein Füchslein"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "Give a prompt"),
        (("x", "--prompt-file", "y"), "Give a prompt"),
        (("--prompt-file", "missing.txt"), "missing.txt"),
        (("",), "empty"),
        (("x" * 40_000,), "40,000"),
        (("a\x07fox",), "U+0007"),
        (("x", "-s", "1000x1000"), "1000x1000"),
        (("x", "-s", "16x16"), "16x16"),
        (("x", "-s", "3840x1024"), "3:1"),
        (("x", "-q", "ultra"), "ultra"),
        (("x", "-f", "bmp"), "bmp"),
        (("x", "-n", "11"), "11"),
        (("x", "-n", "0"), "0"),
        (("x", "--background", "transparent", "-f", "jpeg"), "transparen"),
        (("x", "--output-compression", "50"), "compression"),
        (("x", "--frame-count", "4"), "frame"),
        (("x", "--partial-images", "4"), "partial"),
        (("x", "--style", "vivid"), "style"),
        (("x", "--seed", "3"), "seed"),
        (("x", "--timeout", "0"), "--timeout"),
        (("x", "-o", "fox.xyz"), ".xyz"),
        (("x", "-o", "fox.png", "-f", "webp"), "fox.png"),
        (("x", "-o", "no/such/folder/fox.png"), "no/such/folder"),
        (("x", "-o", "~nobody-lives-here/fox.png"), "There is no folder"),
        (("x", "-o", "-", "-n", "2"), "one image"),
    ],
)
def test_bad_input_is_refused_before_any_call(
    openai: FakeOpenAI, arguments: tuple[str, ...], named: str
) -> None:
    ran = run("generate", *arguments, *MODEL)

    assert ran.code == 2, ran.err
    assert named in ran.err
    assert openai.requests == []
    assert run("history", "list").out == ""


def test_a_usage_error_with_json_is_one_object_on_stderr(openai: FakeOpenAI) -> None:
    ran = run("generate", "x", "-s", "1000x1000", *MODEL, "--json")

    assert ran.out == ""
    assert ran.error["code"] == "unsupported_parameter"
    assert ran.error["parameter"] == "size"
    assert ran.error["exit_code"] == ran.code == 2


def test_an_unknown_option_with_json_is_one_object_on_stderr() -> None:
    ran = run("generate", "x", "--colour", "red", "--json")

    assert ran.code == 2
    assert "--colour" in ran.error["message"]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (error(401, "invalid_api_key", "Incorrect API key provided"), 3),
        (error(400, "moderation_blocked", "no", kind="image_generation_user_error"), 4),
        (error(429, "rate_limit_exceeded", "slow down", kind="requests"), 5),
        (error(429, "insufficient_quota", "pay", kind="insufficient_quota"), 5),
        (error(500, None, "oops", kind="server_error"), 6),
        (error(404, "model_not_found", "no such model"), 8),
    ],
)
def test_what_a_provider_refuses_has_its_exit_code(
    openai: FakeOpenAI, script: object, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDERS__OPENAI__MAX_RETRIES", "0")
    openai.script(script)  # type: ignore[arg-type] # the table above holds behaviours

    ran = run("generate", "a red fox", *MODEL)

    assert ran.code == code
    assert ran.out == ""
    assert ran.err.startswith("Error: ")


def test_without_a_key_for_the_model_that_was_asked_for_the_exit_code_is_3() -> None:
    ran = run("generate", "a red fox", *MODEL)

    assert ran.code == 3
    assert "imagegen config set providers.openai.api_key" in ran.err


def test_a_file_name_asks_for_its_format(openai: FakeOpenAI, home: Path) -> None:
    ran = run("generate", "a red fox", *MODEL, "-o", "fox.jpg")

    assert ran.lines == ["fox.jpg"]
    assert openai.fields[0]["output_format"] == "jpeg"
    assert (home / "fox.jpg").read_bytes().startswith(b"\xff\xd8")


def test_many_images_into_one_file_name_are_numbered(openai: FakeOpenAI) -> None:
    ran = run("generate", "a red fox", *MODEL, "-n", "2", "-o", "fox.png")

    assert ran.lines == ["fox-1.png", "fox-2.png"]


def test_a_folder_gets_the_images_under_their_own_names(openai: FakeOpenAI, home: Path) -> None:
    ran = run("generate", "a red fox", *MODEL, "-o", "drafts/")

    (line,) = ran.lines
    assert Path(line).parent.name == "drafts"
    assert (home / line).is_file()
    assert Path(line).name.startswith("img_")


def test_a_dash_writes_the_raw_bytes_to_stdout_and_the_store_keeps_them_too(openai: FakeOpenAI) -> None:
    sent = picture("png", 64, 64)
    openai.script(ok([sent]))

    ran = run_process("generate", "a red fox", *MODEL, "-o", "-")

    assert ran.raw == sent
    assert len(run("history", "list").lines) == 1


def test_a_dry_run_shows_the_wire_and_the_estimate_and_sends_nothing(openai: FakeOpenAI) -> None:
    ran = run("generate", "a red fox", *MODEL, "-q", "low", "-s", "1024x1024", "--dry-run", "--json")

    assert openai.requests == []
    assert ran.json["parameters"]["size"] == "1024x1024"
    assert ran.json["estimate"]["high_usd"] == pytest.approx(0.0059, abs=0.0002)


def test_a_dry_run_is_what_is_sent_later(openai: FakeOpenAI) -> None:
    arguments = ("generate", "a red fox", *MODEL, "-q", "low", "-f", "webp", "--output-compression", "70")
    planned = run(*arguments, "--dry-run", "--json").json["parameters"]
    run(*arguments)

    assert openai.fields[0] == planned


def test_a_dry_run_needs_no_key() -> None:
    assert run("generate", "a red fox", *MODEL, "--dry-run").code == 0


def test_lenient_leaves_out_what_the_model_cannot_do_and_says_so(openai: FakeOpenAI) -> None:
    ran = run("generate", "a red fox", *MODEL, "--complexity", "wild", "--lenient")

    assert ran.code == 0
    assert "dropped complexity=wild" in ran.err
    assert "complexity" not in openai.fields[0]


def test_lenient_says_a_style_in_the_prompt_and_the_record_keeps_what_was_asked(openai: FakeOpenAI) -> None:
    ran = run("generate", "a red fox", *MODEL, "--style", "vivid", "--lenient", "--json")

    assert ran.code == 0
    assert openai.fields[0]["prompt"] == "a red fox\nStyle: vivid."
    assert "style" not in openai.fields[0]
    record = ran.json["images"][0]
    assert record["parameters"]["asked"]["style"] == "vivid"
    assert record["prompt"] == "a red fox\nStyle: vivid."
    assert any("said in the prompt" in note for note in record["notes"])


def test_defaults_are_wishes_that_yield_to_what_is_said(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGES__DEFAULT_OUTPUT_FORMAT", "jpeg")
    monkeypatch.setenv("IMAGES__DEFAULT_QUALITY", "max")

    ran = run("generate", "a fox", "-m", "gpt-image-2", "--background", "transparent")

    assert ran.code == 0
    assert "output_format" not in openai.fields[0]
    assert "quality" not in openai.fields[0]


def test_part_of_an_answer_that_is_no_image_ends_with_9_and_the_rest_is_there(openai: FakeOpenAI) -> None:
    good = picture("png", 64, 64)
    openai.script(ok([good, good[:40]]))

    ran = run("generate", "a red fox", *MODEL, "-n", "2")

    assert ran.code == 9
    assert len(ran.lines) == 1
    assert ".rejected" in ran.err


def test_the_key_is_in_no_output_and_no_file(openai: FakeOpenAI, home: Path) -> None:
    openai.script(error(401, "invalid_api_key", f"Incorrect API key provided: {KEY}."), ok())
    failed = run("generate", "a red fox", *MODEL, "--json")
    fine = run("generate", "a red fox", *MODEL, "--json")

    assert KEY not in failed.err + fine.out + fine.err
    for path in home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


def test_the_document_is_the_sidecar_and_more(openai: FakeOpenAI) -> None:
    (image,) = run("generate", "a red fox", *MODEL, "--json").json["images"]
    sidecar = json.loads(Path(image["path"]).with_suffix(".json").read_text(encoding="utf-8"))

    assert {name: image[name] for name in sidecar} == sidecar
