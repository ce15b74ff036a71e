"""What is generated from the code is up to date; `IMAGEGEN_UPDATE=1 pytest` refreshes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from imagegen.cli.app import COMMANDS
from tests import gallery, reference
from tests.command import run
from tests.fakes.openai_server import FakeOpenAI


def check_block(name: str, expected: str) -> None:
    text = reference.README.read_text(encoding="utf-8")
    found = reference.block(name).search(text)
    assert found, f"README has no block {name}"
    if os.environ.get("IMAGEGEN_UPDATE"):
        text = text[: found.start(2)] + expected + text[found.end(2) :]
        reference.README.write_text(text, encoding="utf-8")
        return
    assert found[2] == expected


def test_the_readme_has_the_help_of_every_command() -> None:
    check_block("commands", reference.commands())


def test_the_readme_has_every_setting() -> None:
    check_block("settings", reference.settings())


@pytest.mark.parametrize("name", reference.TRANSCRIPTS)
def test_a_transcript_of_the_readme_is_what_happens(name: str, home: Path) -> None:
    check_block(name, reference.transcript(name, home))


@pytest.mark.parametrize("shell", reference.COMPLETIONS)
def test_the_completion_scripts_are_what_the_command_prints(shell: str) -> None:
    path = reference.ROOT / "completions" / reference.COMPLETIONS[shell]
    expected = reference.completion_script(shell)
    if os.environ.get("IMAGEGEN_UPDATE"):
        path.write_text(expected, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == expected


def check_picture(path: Path, made: Image.Image) -> None:
    if os.environ.get("IMAGEGEN_UPDATE"):
        made.save(path, quality=88, optimize=True)
    with Image.open(path) as kept:
        assert kept.size == made.size
        assert gallery.difference(kept.convert("RGB"), made) < 3


def test_the_first_picture_of_the_readme_is_what_its_command_makes() -> None:
    made = gallery.draw(gallery.FIRST, 1536, 1024).resize((1152, 768), Image.Resampling.LANCZOS)

    check_picture(gallery.PICTURES / "fox.jpg", made)
    assert gallery.FIRST in reference.TRANSCRIPTS["first picture"][0]


def test_the_gallery_of_the_readme_is_what_the_composer_draws() -> None:
    check_picture(gallery.PICTURES / "gallery.jpg", gallery.gallery())
    text = reference.README.read_text(encoding="utf-8")
    assert all(prompt in text for prompt in gallery.PROMPTS)


def test_the_help_of_the_root_lists_what_the_commands_say_of_themselves() -> None:
    listed = run("--help").out
    for name, summary in COMMANDS.items():
        own = " ".join(run(name, "--help").out.partition("\n\n")[2].split())
        assert own.startswith(summary.removesuffix(".")), name
        assert summary in listed


def completions(home: Path, *words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    done = subprocess.run(
        [sys.executable, "-c", "from imagegen.__main__ import main; main()"],
        env={
            **os.environ,
            "_IMAGEGEN_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()


def test_tab_completes_commands_models_ids_and_settings(openai: FakeOpenAI, home: Path) -> None:
    image = Path(run("generate", "a fox", "-m", "gpt-image-2", "--quiet").lines[0]).stem

    assert "generate" in completions(home, "imagegen", "gen")
    assert "gpt-image-2.5-flare" in completions(home, "imagegen", "generate", "-m", "gpt-image-2.5")
    assert image in completions(home, "imagegen", "history", "show", "img_")
    assert "last" in completions(home, "imagegen", "history", "show", "la")
    assert "images.default_size" in completions(home, "imagegen", "config", "set", "images.default_s")
    assert "medium" in completions(home, "imagegen", "generate", "-q", "me")


def test_a_broken_configuration_offers_nothing_and_breaks_nothing(home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text("[broken", encoding="utf-8")

    assert completions(home, "imagegen", "generate", "-m", "gpt") == []
