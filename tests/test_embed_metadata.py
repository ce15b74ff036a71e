"""`--embed-metadata` writes into the copy, and into nothing else; `inspect` and other programs read it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from imagegen.imaging import probe
from imagegen.metadata import Origin, describe, embed_origin
from tests.command import run
from tests.fakes.openai_behaviours import ok
from tests.fakes.openai_server import FakeOpenAI
from tests.pictures import animation, encoded, noise, picture
from tests.signing import signed

FORMATS = ("png", "jpeg", "webp")
MODEL = ("-m", "local", "-s", "128x128", "--quiet")
PROMPT = 'füchse & "boats" <🦊> \\ \u4e2d'
ORIGIN = Origin(
    image_id="img_20261122150000_0a1b2c3d4e5f",
    prompt=PROMPT,
    model="openai/gpt-image-2",
    created_at="2026-11-22T15:00:00Z",
)


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGBA").tobytes()


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_copy_says_what_it_is_and_the_stored_bytes_stay(image_format: str) -> None:
    ran = run("generate", PROMPT, *MODEL, "-o", f"fox.{image_format}", "--embed-metadata", "--json")

    (image,) = ran.json["images"]
    stored, copy = Path(image["path"]).read_bytes(), Path(image["copy"]).read_bytes()
    assert hashlib.sha256(stored).hexdigest() == image["file_info"]["sha256"]
    assert PROMPT.encode() not in stored
    assert copy != stored
    assert pixels(copy) == pixels(stored)
    found = run("inspect", f"fox.{image_format}", "--json").json
    assert found["embedded"] == {
        "image_id": image["image_id"],
        "prompt": PROMPT,
        "model": "local/composer",
        "created_at": image["created_at"],
    }
    assert (found["image_id"], found["is_claimed"]) == (image["image_id"], True)
    assert found["command"].startswith("imagegen generate")
    assert PROMPT in run("inspect", f"fox.{image_format}").out


@pytest.mark.parametrize("image_format", FORMATS)
def test_without_the_option_a_copy_is_the_stored_bytes(image_format: str) -> None:
    ran = run("generate", PROMPT, *MODEL, "-o", f"fox.{image_format}", "--json")

    (image,) = ran.json["images"]
    assert Path(image["copy"]).read_bytes() == Path(image["path"]).read_bytes()


def test_raw_bytes_on_stdout_are_a_copy_too() -> None:
    ran = run("generate", PROMPT, *MODEL, "-o", "-", "--embed-metadata")

    origin = describe(ran.raw).origin
    assert origin is not None
    assert origin.prompt == PROMPT


def test_each_of_several_copies_has_its_own_id() -> None:
    ran = run("generate", "a fox", *MODEL, "-n", "2", "-o", "out/", "--embed-metadata", "--json")

    for image in ran.json["images"]:
        origin = describe(Path(image["copy"]).read_bytes()).origin
        assert origin is not None
        assert origin.image_id == image["image_id"]


def test_an_edit_is_embedded_too() -> None:
    Path("in.png").write_bytes(picture("png"))

    run("edit", "in.png", "grayscale", "-m", "local", "-o", "out.png", "--embed-metadata")

    assert run("inspect", "out.png", "--json").json["embedded"]["prompt"] == "grayscale"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "needs -o"),
        (("-o", "fox.svg"), "cannot write into svg"),
        (("-o", "fox.gif", "--process", "convert:gif"), "gif"),
    ],
)
def test_what_cannot_be_embedded_is_refused_before_anything_is_made(
    arguments: tuple[str, ...], reason: str
) -> None:
    ran = run("generate", "a fox", *MODEL, "--embed-metadata", *arguments)

    assert ran.code == 2
    assert reason in ran.err
    assert run("history", "list").lines == []


def test_a_signed_image_keeps_its_credentials_in_the_store_and_the_copy_says_that_it_has_none(
    openai: FakeOpenAI,
) -> None:
    data = signed(picture("png", 64, 64), "image/png")
    openai.script(ok(images=[data]))

    ran = run("generate", "a fox", "-m", "gpt-image-2", "-o", "fox.png", "--embed-metadata", "--json")

    (image,) = ran.json["images"]
    assert Path(image["path"]).read_bytes() == data
    assert any("without the content credentials" in note for note in ran.json["notes"])
    assert run("inspect", image["image_id"], "--json").json["credentials"]["valid"] is True
    assert run("inspect", "fox.png", "--json").json["credentials"] is None


@pytest.mark.parametrize("image_format", FORMATS)
def test_other_programs_find_the_prompt(image_format: str) -> None:
    data = embed_origin(picture(image_format), ORIGIN).data

    with Image.open(io.BytesIO(data)) as image:
        info = dict(image.info)
    if image_format == "png":
        assert (info["Description"], info["Software"]) == (PROMPT, "imagegen")
    else:
        assert xmp_texts(info["xmp"]) == [PROMPT, "imagegen", ORIGIN.created_at]


def xmp_texts(packet: bytes) -> list[str]:
    return [text for element in ElementTree.fromstring(packet).iter() if (text := element.text)]  # noqa: S314 - our own


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_every_kind_of_picture_stays_the_same_to_the_pixel(image_format: str, mode: str) -> None:
    if (image_format, mode) == ("jpeg", "RGBA"):
        mode = "CMYK"
    data = encoded(noise(33, 21, mode), image_format)

    made = embed_origin(data, ORIGIN).data

    assert pixels(made) == pixels(data)
    assert probe(made) == probe(data)
    assert describe(made).origin == ORIGIN


@pytest.mark.parametrize("image_format", ["png", "webp"])
def test_an_animation_keeps_moving(image_format: str) -> None:
    made = embed_origin(animation(image_format), ORIGIN).data

    assert probe(made).frames == 3
    assert describe(made).origin == ORIGIN


@pytest.mark.parametrize("image_format", ["jpeg", "webp"])
def test_what_the_file_said_before_is_still_said(image_format: str) -> None:
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    packet = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {rdf}><rdf:Description rdf:about="" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Credit="Somebody"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    exif = Image.Exif()
    exif[0x0110] = "Model 7"
    data = encoded(noise(), image_format, xmp=packet.encode(), exif=exif)

    made = embed_origin(data, ORIGIN).data

    said = describe(made)
    assert said.origin == ORIGIN
    assert said.exif is not None
    assert said.exif.values["camera"] == "Model 7"
    with Image.open(io.BytesIO(made)) as image:
        described = list(ElementTree.fromstring(image.info["xmp"])[0])  # noqa: S314 - our own
    assert "Somebody" in described[0].attrib.values()
    assert len(described) == 2


@pytest.mark.parametrize("image_format", FORMATS)
def test_embedding_twice_says_the_last(image_format: str) -> None:
    first = embed_origin(picture(image_format), dataclasses.replace(ORIGIN, prompt="the first")).data

    assert describe(embed_origin(first, ORIGIN).data).origin == ORIGIN


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_prompt_of_any_length_leaves_a_whole_file(image_format: str) -> None:
    long = dataclasses.replace(ORIGIN, prompt="🦊" * 32_000)
    embedded = embed_origin(picture(image_format), long)

    origin = describe(embedded.data).origin
    assert origin is not None
    if image_format == "jpeg":
        assert origin.prompt == "🦊" * 2_000
        assert "cut to 2,000 characters" in embedded.notes[0]
    else:
        assert (origin.prompt, embedded.notes) == (long.prompt, ())


def test_what_xml_cannot_hold_does_not_break_the_packet() -> None:
    odd = dataclasses.replace(ORIGIN, prompt="a\x00b\x1bc\udc80d\uffffe")

    for image_format in FORMATS:
        assert describe(embed_origin(picture(image_format), odd).data).origin == odd


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "7", '{"image_id": 7}', "{" * 100_000, '{"image_id": "../../etc", "prompt": ""}']
)
def test_an_origin_that_somebody_else_wrote_is_no_reason_to_fail(text: str) -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_itxt("imagegen", text)
    Path("x.png").write_bytes(encoded(noise(), "png", pnginfo=info))

    ran = run("inspect", "x.png", "--json")

    assert ran.code == 0, ran.err
    assert ran.json["embedded"] is None


def test_a_claim_of_an_image_that_is_not_there_is_shown_as_a_claim() -> None:
    Path("x.png").write_bytes(embed_origin(picture("png"), ORIGIN).data)

    ran = run("inspect", "x.png", "--json")

    assert ran.json["embedded"]["image_id"] == ORIGIN.image_id
    assert ran.json["image_id"] is None
