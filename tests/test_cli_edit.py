from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.command import run, run_process
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI

MODEL = ("-m", "gpt-image-2.5-flare")


@pytest.fixture
def photo(home: Path) -> Path:
    path = home / "photo.png"
    path.write_bytes(picture("png", 64, 48))
    return path


def test_an_edit_takes_paths_ids_last_data_urls_and_stdin(openai: FakeOpenAI, photo: Path) -> None:
    data_url = "data:image/png;base64," + base64.b64encode(photo.read_bytes()).decode()
    first = run("edit", "photo.png", "make it rain", *MODEL, "--json").json["images"][0]["image_id"]

    ran = run_process("edit", first, "last", data_url, "-", "more rain", *MODEL, stdin=photo.read_bytes())

    assert ran.code == 0, ran.err
    assert len(openai.fields[1]["image"]) == 4


def test_an_edit_without_an_image_says_what_is_missing(openai: FakeOpenAI) -> None:
    ran = run("edit", "make it rain", *MODEL)

    assert ran.code == 2
    assert "at least one image" in ran.err


def test_a_mask_of_another_size_is_refused_with_both_sizes(
    openai: FakeOpenAI, photo: Path, home: Path
) -> None:
    (home / "mask.png").write_bytes(picture("png", 32, 32, transparent=True))

    ran = run("edit", "photo.png", "a hat", "--mask", "mask.png", *MODEL)

    assert ran.code == 2
    assert "32x32" in ran.err
    assert "64x48" in ran.err
    assert openai.requests == []


def test_a_mask_and_a_markup_reach_the_provider(openai: FakeOpenAI, photo: Path, home: Path) -> None:
    (home / "clear.png").write_bytes(picture("png", 64, 48, transparent=True))

    assert run("edit", "photo.png", "a hat", "--mask", "clear.png", *MODEL).code == 0
    assert run("edit", "photo.png", "a hat", "--markup", "clear.png", *MODEL).code == 0
    assert "mask" in openai.fields[0]
    assert "markup" in openai.fields[1]


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("notes.txt", b"dear diary", "notes.txt"),
        ("torn.png", picture("png", 64, 48)[:60], "torn.png"),
        ("empty.png", b"", "empty.png"),
    ],
)
def test_a_file_that_is_no_whole_image_is_refused_before_the_call(
    openai: FakeOpenAI, home: Path, name: str, content: bytes, named: str
) -> None:
    (home / name).write_bytes(content)

    ran = run("edit", name, "a hat", *MODEL)

    assert ran.code == 2
    assert named in ran.err
    assert openai.requests == []


def test_seventeen_images_are_refused(openai: FakeOpenAI, photo: Path) -> None:
    ran = run("edit", *(["photo.png"] * 17), "a hat", *MODEL)

    assert ran.code == 2
    assert "17" in ran.err
    assert openai.requests == []


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("nowhere.png", 2),
        ("~nobody-lives-here/a.png", 2),
        ("img_20260101000000_0123456789ab", 8),
        ("img_zzz", 2),
        ("last", 8),
    ],
)
def test_an_image_that_is_not_there_is_named(openai: FakeOpenAI, source: str, code: int) -> None:
    ran = run("edit", source, "a hat", *MODEL)

    assert ran.code == code
    assert openai.requests == []


def test_a_url_to_a_private_address_is_refused(openai: FakeOpenAI) -> None:
    ran = run("edit", f"{openai.base_url}/secret.png", "a hat", *MODEL)

    assert ran.code == 2
    assert "private" in ran.err
    assert openai.requests == []


def test_an_edit_keeps_the_shape_of_its_input_unless_a_size_is_said(openai: FakeOpenAI, photo: Path) -> None:
    run("edit", "photo.png", "a hat", *MODEL)
    run("edit", "photo.png", "a hat", *MODEL, "-s", "1024x1024")

    assert "size" not in openai.fields[0]
    assert openai.fields[1]["size"] == "1024x1024"
