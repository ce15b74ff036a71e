"""What a file says of itself, read from its bytes alone."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from imagegen.imaging import MIME_TYPES, UnreadableImage
from imagegen.metadata import describe, has_manifest
from tests.command import run, run_process
from tests.pictures import animation, chunk, encoded, noise, picture
from tests.signing import signed

SIGNED = ("png", "jpeg", "webp", "gif")


def write(home: Path, name: str, data: bytes) -> str:
    path = home / name
    path.write_bytes(data)
    return str(path)


def photo() -> bytes:
    """A jpeg as a camera makes it: lying on its side, with a place."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Example", "Model 7", 6
    exif[0x0132] = "2026:11:22 10:00:00"
    exif[0x0131] = "firmware 1.2"
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 36.0), 3: "E", 4: (151.0, 12.0, 36.0)})
    return encoded(noise(), "jpeg", exif=exif)


def texts(**values: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for keyword, text in values.items():
        info.add_text(keyword, text, zip=keyword.startswith("z"))
    return encoded(noise(), "png", pnginfo=info)


def with_chunk(kind: bytes, body: bytes) -> bytes:
    """A png with one more chunk after its header."""
    data = picture("png")
    return data[:33] + chunk(kind, body) + data[33:]


def test_a_plain_file_says_its_format_pixels_and_hash(home: Path) -> None:
    ran = run("inspect", write(home, "plain.bin", picture("webp")), "--json")

    assert ran.json["file_info"]["format"] == "webp"
    assert (ran.json["file_info"]["width"], ran.json["file_info"]["height"]) == (24, 16)
    assert len(ran.json["file_info"]["sha256"]) == 64
    assert ran.json["credentials"] is None
    assert ran.json["image_id"] is None


def test_frames_of_an_animation_are_counted(home: Path) -> None:
    assert "3 frames" in run("inspect", write(home, "a.gif", animation("gif"))).out


def test_a_photo_tells_its_exif_but_not_its_place_unless_asked(home: Path) -> None:
    path = write(home, "photo.jpg", photo())

    plain = run("inspect", path)
    assert "Model 7" in plain.out
    assert "firmware 1.2" in plain.out
    assert "2026:11:22 10:00:00" in plain.out
    assert "6 (turn by 90 degrees clockwise)" in plain.out
    assert "present; imagegen inspect --gps shows it" in plain.out
    assert "33.86" not in plain.out
    assert "position" not in run("inspect", path, "--json").json["exif"]
    assert run("inspect", path, "--gps", "--json").json["exif"]["position"] == [-33.86, 151.21]


def test_texts_of_a_png_are_read_plain_compressed_and_international(home: Path) -> None:
    body = b"Title\0\0\0de\0Titel\0" + "Füchse".encode()
    data = with_chunk(b"iTXt", body)
    assert [(chunk.keyword, chunk.text) for chunk in describe(data).texts] == [("Title", "Füchse")]
    found = run("inspect", write(home, "t.png", texts(parameters="steps: 20", zlong="word " * 200)), "--json")
    assert {text["keyword"]: text["text"] for text in found.json["texts"]} == {
        "parameters": "steps: 20",
        "zlong": "word " * 200,
    }


def test_a_text_that_unpacks_to_gigabytes_is_refused() -> None:
    with pytest.raises(UnreadableImage):
        describe(with_chunk(b"zTXt", b"bomb\0\0" + zlib.compress(b"x" * 50_000_000, 9)))


def test_a_long_text_is_cut() -> None:
    (text,) = describe(with_chunk(b"zTXt", b"novel\0\0" + zlib.compress(b"x" * 900_000, 9))).texts

    assert len(text.text) == 100_000
    assert text.is_cut


def test_a_thousand_texts_are_not_all_kept() -> None:
    data = picture("png")
    many = b"".join(chunk(b"tEXt", f"k{n}\0v".encode()) for n in range(1_000))

    assert len(describe(data[:33] + many + data[33:]).texts) == 100


def test_a_text_cannot_steer_the_terminal(home: Path) -> None:
    ran = run("inspect", write(home, "t.png", with_chunk(b"tEXt", b"evil\x1b[2J\0\x1b]0;owned\x07")))

    assert "\x1b" not in ran.out
    assert "\x07" not in ran.out


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"garbage",
        b"MM\0*\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\xff\xff\xff\xff\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08"
        + struct.pack(">HHHII", 1, 0x8825, 4, 1, 8),  # a place that is the directory itself
    ],
)
def test_damaged_exif_is_no_reason_to_fail(home: Path, block: bytes) -> None:
    ran = run("inspect", write(home, "e.png", with_chunk(b"eXIf", block)), "--gps")

    assert ran.code == 0, ran.err


@pytest.mark.parametrize("image_format", SIGNED)
def test_a_signed_file_names_signer_generator_and_actions(home: Path, image_format: str) -> None:
    data = signed(picture(image_format), MIME_TYPES[image_format])

    ran = run("inspect", write(home, "signed", data), "--json")

    credentials = ran.json["credentials"]
    assert credentials["state"] == "valid"
    assert credentials["valid"] is True
    assert (credentials["signer"], credentials["issuer"]) == ("Test Signer", "Test Studio")
    assert credentials["generator"] == "test-painter 2.0"
    assert credentials["actions"] == ["c2pa.created"]
    assert credentials["source_types"] == ["trainedAlgorithmicMedia"]
    assert credentials["problems"] == []


@pytest.mark.parametrize("image_format", ["jpeg", "webp"])
def test_a_file_that_was_changed_after_signing_is_not_valid(home: Path, image_format: str) -> None:
    data = bytearray(signed(picture(image_format), MIME_TYPES[image_format]))
    data[data.index(b"test-painter")] ^= 1

    ran = run("inspect", write(home, "changed", bytes(data)))

    assert "NOT VALID" in ran.out
    assert "problem" in ran.out


@pytest.mark.parametrize("body", [b"", b"nonsense", b"\0\0\0\x20jumb\xff\xff\xff\xffc2pa"])
def test_a_manifest_that_is_none_is_not_valid(body: bytes) -> None:
    credentials = describe(with_chunk(b"caBX", body)).credentials

    assert credentials is not None
    assert credentials.state == "invalid"
    assert credentials.problems


def test_a_manifest_that_lies_elsewhere_is_named_and_not_fetched(home: Path) -> None:
    packet = b'<x:xmpmeta><r dcterms:provenance="https://example.invalid/m.c2pa"/></x:xmpmeta>'
    ran = run("inspect", write(home, "r.webp", encoded(noise(), "webp", xmp=packet)), "--json")

    assert ran.json["credentials"]["state"] == "remote"
    assert ran.json["credentials"]["valid"] is None
    assert "https://example.invalid/m.c2pa" in ran.json["credentials"]["note"]
    assert ran.json["has_xmp"]


def test_without_the_package_a_manifest_is_named_with_the_line_that_installs_it(home: Path) -> None:
    hidden = home / "hidden"
    hidden.mkdir()
    (hidden / "c2pa.py").write_text("raise ImportError('not installed')", encoding="utf-8")
    path = write(home, "signed.png", signed(picture("png"), "image/png"))

    ran = run_process("inspect", path, PYTHONPATH=f"{hidden}:{Path(__file__).parents[1]}")

    assert ran.code == 0
    assert 'pip install "imagegen[c2pa]"' in ran.out


def test_inspecting_imports_the_package_only_for_a_manifest(home: Path) -> None:
    ran = run_process("inspect", write(home, "a.png", picture("png")), PYTHONPROFILEIMPORTTIME="1")

    assert ran.code == 0
    assert "c2pa.c2pa" not in ran.err


def test_history_show_has_what_the_file_says_of_itself(home: Path) -> None:
    run("process", write(home, "a.png", picture("png")), "resize:8x")
    assert run("history", "show", "last", "--json").json["file_says"]["credentials"] is None
    assert "C2PA" not in run("history", "show", "last").out
    stored = Path(run("history", "show", "last", "--json").json["path"])

    stored.write_bytes(signed(picture("png"), "image/png"))
    shown, document = run("history", "show", "last").out, run("history", "show", "last", "--json").json
    inspected = run("inspect", str(stored), "--json").json
    assert "C2PA manifest, valid" in shown
    assert "c2pa.created" in shown
    assert document["file_says"]["credentials"] == inspected["credentials"] is not None


def test_history_show_goes_on_without_the_file(home: Path) -> None:
    run("process", write(home, "a.png", picture("png")), "resize:8x")
    stored = Path(run("history", "show", "last", "--json").json["path"])

    stored.write_bytes(stored.read_bytes()[:100])
    assert "gone or damaged" in run("history", "show", "last").out
    stored.unlink()
    assert run("history", "show", "last", "--json").json["file_says"] is None


@pytest.mark.parametrize("image_format", SIGNED)
def test_a_torn_file_is_walked_to_where_it_ends(image_format: str) -> None:
    data = signed(picture(image_format), MIME_TYPES[image_format])

    assert has_manifest(data, image_format)
    for length in range(0, len(data), max(1, len(data) // 200)):
        has_manifest(data[:length], image_format)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"hello", "it is text"), (picture("png")[:-20], "damaged or cut off"), (b"", "empty")],
)
def test_what_is_no_whole_image_is_refused(home: Path, data: bytes, reason: str) -> None:
    ran = run("inspect", write(home, "x", data))

    assert ran.code == 2
    assert reason in ran.err


def test_stdin_is_inspected_too() -> None:
    assert run("inspect", "-", "--json", stdin=picture("jpeg")).json["file_info"]["format"] == "jpeg"


def test_an_svg_says_whether_it_holds_xmp_or_a_manifest() -> None:
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><metadata>'
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a/></x:xmpmeta>'
        b"<c2pa:manifest xmlns:c2pa='http://c2pa.org/manifest'>AAAA</c2pa:manifest></metadata></svg>"
    )

    said = describe(svg)

    assert said.has_xmp
    assert said.credentials is not None
    assert said.credentials.state == "invalid"


def test_pillows_own_reader_agrees_on_the_exif() -> None:
    with Image.open(io.BytesIO(photo())) as image:
        model = image.getexif()[0x0110]

    exif = describe(photo()).exif
    assert exif is not None
    assert exif.values["camera"] == model
    assert json.dumps(dict(exif.values))


@pytest.mark.parametrize("command", ["inspect", "process"])
def test_the_help_has_examples_and_json(command: str) -> None:
    text = run(command, "--help").out

    assert "Example" in text
    assert "--json" in text
