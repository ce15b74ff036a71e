"""A format that the model does not make is made here, beside the original."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagegen.imaging import UnreadableImage, convert, probe
from tests.command import run
from tests.fakes.gemini_server import running_gemini
from tests.fakes.openai_pictures import picture


@pytest.fixture(autouse=True)
def gemini(monkeypatch: pytest.MonkeyPatch) -> object:
    with running_gemini() as fake:
        monkeypatch.setenv("PROVIDERS__GEMINI__BASE_URL", fake.base_url)
        monkeypatch.setenv("GEMINI_API_KEY", "AIza-test-0123456789")
        yield fake


def test_a_format_that_was_asked_for_is_converted_and_the_original_is_kept() -> None:
    ran = run("generate", "a red fox", "-m", "gemini", "-f", "webp", "--json")

    (image,) = ran.json["images"]
    assert Path(image["path"]).read_bytes()[8:12] == b"WEBP"
    assert any("converted here from" in note for note in image["notes"])
    (parent,) = image["parents"]
    original = run("history", "show", parent, "--json").json
    assert original["file_info"]["format"] == "png"
    assert image["cost_info"]["cost_usd"] == 0
    assert original["cost_info"]["cost_usd"] > 0
    assert run("stats", "--json").json["total_images"] == 2


def test_without_a_wish_for_a_format_the_bytes_stay_as_they_came() -> None:
    ran = run("generate", "a red fox", "-m", "gemini", "--json")

    (image,) = ran.json["images"]
    assert image["parents"] == []
    assert run("stats", "--json").json["total_images"] == 1


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_every_format_turns_into_every_other(image_format: str) -> None:
    for source in ("png", "jpeg", "webp", "gif"):
        facts = probe(convert(picture(source, 32, 16), image_format, 80))
        assert (facts.format, facts.width, facts.height) == (image_format, 32, 16)


def test_transparency_becomes_white_in_jpeg() -> None:
    import io

    from PIL import Image

    with Image.open(io.BytesIO(convert(picture("png", 8, 8, transparent=True), "jpeg", 90))) as image:
        assert image.getpixel((4, 4)) == (255, 255, 255)


def test_what_is_no_image_is_not_converted() -> None:
    with pytest.raises(UnreadableImage):
        convert(b"hello", "png", 90)
