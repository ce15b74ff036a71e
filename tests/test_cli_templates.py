"""Templates as a part of `generate`: prompt, size, quality, record, exact size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import run, run_process
from tests.fakes.openai_server import FakeOpenAI

FLARE = ("-m", "gpt-image-2.5-flare", "--quiet")
PREVIEW = ("--template", "og-image-prompt", "-a", "title=Ship faster")


def test_a_template_makes_the_prompt_and_the_record_names_it(openai: FakeOpenAI) -> None:
    rendered = run("prompts", "render", "og-image-prompt", "-a", "title=Ship faster").out.strip()

    image = run("generate", *PREVIEW, *FLARE, "--json").json["images"][0]

    assert openai.fields[0]["prompt"] == image["prompt"] == rendered
    assert image["template"] == {"name": "og-image-prompt", "arguments": {"title": "Ship faster"}}
    assert "og-image-prompt title=Ship faster" in run("history", "show", "last").out


def test_a_template_asks_for_the_nearest_size_that_the_model_makes(openai: FakeOpenAI) -> None:
    run("generate", *PREVIEW, *FLARE)
    run("generate", *PREVIEW, "-m", "gpt-image-1.5", "--quiet", "--dry-run")

    assert openai.fields[0]["size"] == "1280x672"


def test_what_the_user_says_is_stronger_than_the_template(openai: FakeOpenAI) -> None:
    run("generate", *PREVIEW, *FLARE, "-s", "1024x1024", "-q", "low")

    assert openai.fields[0]["size"] == "1024x1024"
    assert openai.fields[0]["quality"] == "low"


def test_the_template_is_stronger_than_the_default(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGES__DEFAULT_SIZE", "1024x1024")

    run("generate", *PREVIEW, *FLARE)

    assert openai.fields[0]["size"] == "1280x672"


def test_size_optimization_and_metadata_can_be_switched_off(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPT_TEMPLATES__AUTO_SIZE_OPTIMIZATION", "false")
    monkeypatch.setenv("PROMPT_TEMPLATES__INCLUDE_METADATA", "false")

    image = run("generate", *PREVIEW, *FLARE, "--json").json["images"][0]

    assert openai.fields[0]["size"] == "1536x1024"
    assert image["template"] is None


def test_the_exact_size_is_made_beside_the_original(openai: FakeOpenAI, home: Path) -> None:
    ran = run("generate", *PREVIEW, *FLARE, "--exact-size", "-o", "preview.png", "--json")

    (image,) = ran.json["images"]
    assert (image["file_info"]["width"], image["file_info"]["height"]) == (1200, 630)
    (parent,) = image["parents"]
    original = run("history", "show", parent, "--json").json
    assert (original["file_info"]["width"], original["file_info"]["height"]) == (1280, 672)
    assert Path(original["path"]).parent == Path(image["path"]).parent
    assert (home / "preview.png").read_bytes() == Path(image["path"]).read_bytes()


def test_the_exact_size_needs_a_template(openai: FakeOpenAI) -> None:
    ran = run("generate", "a fox", *FLARE, "--exact-size")

    assert ran.code == 2
    assert openai.requests == []


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("--template", "og-imge-prompt"), 2, "og-image-prompt"),
        (("--template", "og-image-prompt"), 2, "title"),
        (("--template", "og-image-prompt", "-a", "title=x", "-a", "colour=red"), 2, "colour"),
        (("--template", "og-image-prompt", "-a", "title=x", "-a", "text_layout=round"), 2, "centered"),
        (("a fox", "--template", "og-image-prompt"), 2, "--template"),
        (("a fox", "-a", "title=x"), 2, "--template"),
        (("--template", "og-image-prompt", "--args-file", "missing.toml"), 8, "missing.toml"),
    ],
)
def test_a_mistake_with_a_template_is_explained_before_the_call(
    openai: FakeOpenAI, arguments: tuple[str, ...], code: int, named: str
) -> None:
    ran = run("generate", *arguments, *FLARE)

    assert ran.code == code, ran.err
    assert named in ran.err
    assert openai.requests == []


def test_a_template_of_ones_own_needs_no_python(openai: FakeOpenAI) -> None:
    folder = Path(run("prompts", "new", "event-poster", "--json").json["path"]).parent
    (folder / "poster.json").write_text(
        json.dumps(
            {
                "name": "poster",
                "description": "A poster",
                "arguments": {"required": ["event"], "optional": []},
                "template": "A poster for {event}.",
                "metadata": {"recommended_size": "1024x1536", "quality": "high", "style": "vivid"},
            }
        ),
        encoding="utf-8",
    )

    assert run("generate", "--template", "poster", "-a", "event=jazz night", *FLARE).code == 0
    assert openai.fields[0]["prompt"] == "A poster for jazz night."
    assert openai.fields[0]["size"] == "1024x1536"
    assert openai.fields[0]["quality"] == "high"


def test_a_rendered_prompt_can_be_piped_into_generate(openai: FakeOpenAI) -> None:
    rendered = run_process("prompts", "render", "hero-banner-prompt", "-a", "website_type=saas").raw

    assert run_process("generate", "-", *FLARE, stdin=rendered).code == 0
    assert openai.fields[0]["prompt"] == rendered.decode().strip()


def test_the_folder_of_templates_is_a_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_TEMPLATES__TEMPLATE_DIRECTORY", str(home / "elsewhere"))

    path = Path(run("prompts", "new", "event-poster").out.strip())

    assert path.parent == home / "elsewhere"
    assert "event-poster" in run("prompts", "list").out
    monkeypatch.setenv("PROMPT_TEMPLATES__ENABLE_CUSTOM_TEMPLATES", "false")
    assert "event-poster" not in run("prompts", "list").out


@pytest.mark.parametrize(
    ("model", "size"),
    [("gpt-image-2.5-flare", "1280x672"), ("gpt-image-1.5", "1536x1024"), ("local", "1200x630")],
)
def test_a_rendered_prompt_comes_with_the_nearest_size_of_the_model(model: str, size: str) -> None:
    document = run("prompts", "render", "og-image-prompt", "-a", "title=x", "-m", model, "--json").json

    assert (document["recommended_size"], document["nearest_size"]) == ("1200x630", size)
    assert size in run("prompts", "render", "og-image-prompt", "-a", "title=x", "-m", model).err
