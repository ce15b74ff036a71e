"""`--dry-run` shows what follows the call too, and what could not follow is refused before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import run
from tests.fakes.openai_server import FakeOpenAI
from tests.pictures import picture

FLARE = ("-m", "gpt-image-2.5-flare")
ANIMATES = ("-m", "gpt-image-2.6-flare", "-f", "gif")
PREVIEW = ("--template", "og-image-prompt", "-a", "title=x")
STEPS = ("--process", "resize:50%", "--process", "convert:webp")


def then(*arguments: str) -> list[str]:
    ran = run(*arguments, "--dry-run")
    assert ran.code == 0, ran.err
    return [line[16:] for line in ran.lines if line.startswith("then ")]


def test_the_steps_are_listed_in_the_order_in_which_they_are_taken(openai: FakeOpenAI, home: Path) -> None:
    shown = then(
        *("generate", *PREVIEW, *FLARE, "--exact-size", *STEPS, "-o", "small.webp", "--embed-metadata")
    )

    assert shown == [
        "crop and scale to 1200x630, where it comes in another size",
        "resize:50%",
        "convert:webp",
        "copy to small.webp, with prompt, model, id and date in it",
    ]
    assert openai.requests == []
    assert not list(home.rglob("*.webp"))


def test_the_document_says_it_as_data(openai: FakeOpenAI) -> None:
    ran = run("generate", "a fox", *FLARE, *STEPS, "-o", "out/", "--dry-run", "--json")

    assert ran.json["afterwards"] == {
        "exact_size": None,
        "process": ["resize:50%", "convert:webp"],
        "embed_metadata": False,
        "output": "out/",
    }
    assert not Path("out").exists()


def test_an_edit_lists_its_steps_too(openai: FakeOpenAI) -> None:
    Path("a.png").write_bytes(picture("png", 64, 64))

    assert then("edit", "a.png", "rain", *FLARE, "--process", "resize:10x", "-o", "-") == [
        "resize:10x",
        "raw bytes on stdout",
    ]


def test_a_call_that_nothing_follows_lists_nothing(openai: FakeOpenAI) -> None:
    assert then("generate", "a fox", *FLARE) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("a fox", *ANIMATES, "--process", "resize:50%"), "this gif will be animated"),
        (("a fox", *ANIMATES, "--process", "convert:webp"), "this gif will be animated"),
        (("a fox", *ANIMATES, "--process", "watermark:x"), "watermark cannot read gif"),
        ((*PREVIEW, *ANIMATES, "--exact-size"), "--exact-size cannot cut gif"),
        (("a fox", *FLARE, "--process", "resize:100000x"), "too large"),
        (("a fox", *FLARE, "--process", "resize:x100000"), "too large"),
    ],
)
@pytest.mark.parametrize("dry", [("--dry-run",), ()], ids=["dry", "real"])
def test_what_could_not_follow_is_refused_before_the_call(
    openai: FakeOpenAI, arguments: tuple[str, ...], reason: str, dry: tuple[str, ...]
) -> None:
    ran = run("generate", *arguments, *dry)

    assert (ran.code, openai.requests) == (2, [])
    assert reason in ran.err


def test_a_drawing_that_is_made_in_the_exact_size_needs_no_cutting() -> None:
    ran = run("generate", *PREVIEW, "-m", "local", "-f", "svg", "--exact-size", "--json")

    assert ran.code == 0, ran.err
    (image,) = ran.json["images"]
    assert (image["file_info"]["format"], image["file_info"]["width"]) == ("svg", 1200)
