"""HEIC and HEIF as inputs: measured by their boxes, sent to models that take them, refused by all others."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegen.errors import InputImageError
from imagegen.heif import MAX_BOXES, MAX_ITEMS, heif_size, sniff_boxes
from imagegen.inputs import input_from_bytes, input_from_data_url
from tests.command import run
from tests.fakes.gemini_calls import KEY
from tests.fakes.gemini_rules import inline_images
from tests.fakes.gemini_server import FakeGemini, running_gemini
from tests.fakes.openai_server import FakeOpenAI
from tests.pictures import picture

GEMINI = ("-m", "gemini-nano-banana-2.1")
CONVERT = "Convert it to PNG or JPEG first"


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, bytes([version]), flags.to_bytes(3, "big"), *parts)


def ftyp(*brands: bytes) -> bytes:
    return box(b"ftyp", brands[0], bytes(4), *brands)


def ispe(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


def ipma(associations: dict[int, list[int]], *, version: int = 0, flags: int = 0) -> bytes:
    """Which properties belong to which item; the first of each is marked as essential, as encoders do."""
    item_form, index_form = ">H" if version == 0 else ">I", ">H" if flags else ">B"
    essential = 0x8000 if flags else 0x80
    parts = [struct.pack(">I", len(associations))]
    for item, indexes in associations.items():
        parts.append(struct.pack(item_form, item) + bytes([len(indexes)]))
        parts += [
            struct.pack(index_form, index | (0 if at else essential)) for at, index in enumerate(indexes)
        ]
    return full_box(b"ipma", *parts, version=version, flags=flags)


def pitm(item: int, *, version: int = 0) -> bytes:
    return full_box(b"pitm", struct.pack(">H" if version == 0 else ">I", item), version=version)


def meta(*boxes: bytes) -> bytes:
    return full_box(b"meta", full_box(b"hdlr", bytes(4), b"pict", bytes(13)), *boxes)


def iprp(properties: list[bytes], *tables: bytes) -> bytes:
    return box(b"iprp", box(b"ipco", *properties), *tables)


# As a phone writes it: a tile, a picture put together of tiles, and a thumbnail.
PROPERTIES = [box(b"hvcC", bytes(23)), ispe(512, 512), ispe(4032, 3024), box(b"irot", b"\1"), ispe(240, 320)]
ITEMS = {1: [1, 2], 49: [3, 4], 50: [1, 5]}
PIXELS = box(b"mdat", bytes(range(256)))


def heic(
    *,
    brands: tuple[bytes, ...] = (b"heic", b"mif1", b"heic"),
    properties: list[bytes] | None = None,
    table: bytes | None = None,
    primary: bytes | None = None,
    pixels: bytes = PIXELS,
) -> bytes:
    tables = iprp(properties or PROPERTIES, table or ipma(ITEMS))
    return ftyp(*brands) + meta(primary or pitm(49), tables) + pixels


def refusal(data: bytes) -> InputImageError:
    with pytest.raises(InputImageError) as caught:
        input_from_bytes(data, source="photo.heic")
    return caught.value


def write(name: str = "photo.heic", data: bytes = b"") -> str:
    Path(name).write_bytes(data or heic())
    return name


# What a file is


@pytest.mark.parametrize(
    ("brands", "expected"),
    [
        ((b"heic",), "heic"),
        ((b"heix",), "heic"),
        ((b"hevc", b"msf1"), "heic"),
        ((b"mif1", b"heic", b"hevc"), "heic"),
        ((b"mif1",), "heif"),
        ((b"msf1",), "heif"),
        ((b"heif",), "heif"),
        ((b"mif1", b"miaf"), "heif"),
        ((b"avif", b"mif1", b"miaf"), "avif"),
        ((b"mif1", b"avif"), "avif"),
        ((b"isom", b"mp42"), None),
        ((b"qt  ",), None),
    ],
)
def test_the_brands_say_what_a_file_is(brands: tuple[bytes, ...], expected: str | None) -> None:
    assert sniff_boxes(heic(brands=brands)) == expected


@pytest.mark.parametrize("data", [b"", b"ftypheic", b"\x00\x00\x00\x18heicftyp", picture(), picture("webp")])
def test_what_does_not_begin_with_brands_is_neither(data: bytes) -> None:
    assert sniff_boxes(data) is None


def test_an_input_has_the_size_of_the_primary_picture_and_not_of_a_tile_or_thumbnail() -> None:
    image = input_from_bytes(heic(), source="photo.heic")

    assert (image.format, image.width, image.height) == ("heic", 4032, 3024)
    assert image.data == heic()
    assert image.sha256 == hashlib.sha256(heic()).hexdigest()


@pytest.mark.parametrize(
    "data",
    [
        heic(table=ipma(ITEMS, version=1)),
        heic(table=ipma(ITEMS, flags=1)),
        heic(table=ipma(ITEMS, version=1, flags=1)),
        heic(table=ipma({1: [1, 2]}) + ipma({49: [3, 4]})),
        heic(primary=pitm(49, version=1)),
        heic(pixels=struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)),
        heic(pixels=struct.pack(">I4s", 0, b"mdat") + bytes(100)),
        heic(pixels=box(b"free") + PIXELS),
        ftyp(b"heic") + meta(pitm(49), iprp(PROPERTIES, ipma(ITEMS)), box(b"idat", bytes(9))),
    ],
)
def test_every_form_that_the_standard_allows_is_read(data: bytes) -> None:
    assert heif_size(data) == (4032, 3024)


def test_a_data_url_is_an_input_like_a_file() -> None:
    url = "data:image/heic;base64," + base64.b64encode(heic()).decode()
    assert input_from_data_url(url).format == "heic"


# Hostile files


def test_a_file_that_is_cut_anywhere_is_refused() -> None:
    whole = heic()
    for end in range(12, len(whole)):
        assert "cannot be used" in refusal(whole[:end]).message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (heic(pixels=struct.pack(">I4s", 4, b"mdat")), "wrong size"),
        (heic(pixels=struct.pack(">I4s", 7, b"mdat")), "wrong size"),
        (heic(pixels=struct.pack(">I4s", 0xFFFFFFFF, b"mdat")), "wrong size"),
        (heic(pixels=struct.pack(">I4sQ", 1, b"mdat", 15)), "wrong size"),
        (heic(pixels=struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1)), "wrong size"),
        (heic(pixels=box(b"free") * (MAX_BOXES + 1)), "boxes side by side"),
        (heic(pixels=b"\0\0\0"), "ends too early"),
        (heic(properties=[ispe(0, 3024)], table=ipma({49: [1]})), "no size"),
        (heic(properties=[ispe(2**32 - 1, 2**32 - 1)], table=ipma({49: [1]})), "over the limit"),
        (heic(properties=[ispe(8000, 6000)], table=ipma({49: [1]})), "over the limit"),
        (heic(properties=[box(b"ispe", bytes(6))], table=ipma({49: [1]})), "ends too early"),
        (heic(table=ipma({1: [1, 2]})), "no size"),
        (heic(table=ipma({49: [0, 99]})), "no size"),
        (heic(table=full_box(b"ipma", struct.pack(">I", MAX_ITEMS + 1))), "items"),
        (heic(table=full_box(b"ipma", struct.pack(">IHB", 9, 49, 255))), "ends too early"),
        (heic(primary=b"\0"), "cut off"),
        (heic(primary=pitm(49) * 2), "2 boxes pitm"),
        (heic(primary=box(b"free")), "0 boxes pitm"),
        (ftyp(b"heic") + meta(pitm(49)) + PIXELS, "0 boxes iprp"),
        (ftyp(b"heic") + meta(pitm(1), box(b"iprp", meta(box(b"iprp")))) + PIXELS, "0 boxes ipco"),
        (ftyp(b"heic") + box(b"meta") + PIXELS, "0 boxes iprp"),
        (ftyp(b"heic") + PIXELS, "0 boxes meta"),
        (heic() + meta(pitm(49)), "2 boxes meta"),
        (heic(pixels=b""), "the picture itself is missing"),
    ],
)
def test_a_file_that_is_put_together_wrongly_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    assert reason in refusal(data).message


SMALL = heic(pixels=box(b"mdat", bytes(8)))


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.integers(8, len(SMALL) - 1), st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 255]))
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, len(SMALL)),
)
def test_no_damage_to_a_file_is_anything_but_a_size_or_a_refusal(
    changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(SMALL)
    for at, value in changes:
        damaged[at] = value
    for data in (bytes(damaged), bytes(damaged[: max(cut, 12)])):
        try:
            width, height = heif_size(data)
        except ValueError:
            continue
        assert width > 0
        assert height > 0


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_no_bytes_after_the_brands_are_anything_but_a_size_or_a_refusal(rest: bytes) -> None:
    with pytest.raises(InputImageError):
        input_from_bytes(ftyp(b"heic") + rest, source="photo.heic")


# Models that take it


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGemini]:
    with running_gemini() as fake:
        monkeypatch.setenv("PROVIDERS__GEMINI__BASE_URL", fake.base_url)
        monkeypatch.setenv("PROVIDERS__GEMINI__API_KEY", KEY)
        yield fake


@pytest.mark.parametrize(
    ("brands", "media_type"),
    [((b"heic", b"mif1"), "image/heic"), ((b"mif1", b"miaf"), "image/heif")],
)
def test_gemini_gets_the_bytes_as_they_are(
    gemini: FakeGemini, brands: tuple[bytes, ...], media_type: str
) -> None:
    data = heic(brands=brands)

    ran = run("edit", write(data=data), "a hat", *GEMINI, "--json")

    assert ran.code == 0, ran.err
    assert list(inline_images(gemini.bodies[0])) == [(media_type, data)]
    assert ran.json["images"][0]["parents"] == [f"sha256:{hashlib.sha256(data).hexdigest()}"]


def test_a_dry_run_shows_its_hash_and_pixels(gemini: FakeGemini) -> None:
    ran = run("edit", write(), "a hat", *GEMINI, "--dry-run", "--json")

    assert ran.json["parameters"]["contents"][0]["parts"][0]["inlineData"] == {
        "mimeType": "image/heic",
        "sha256": hashlib.sha256(heic()).hexdigest(),
        "width": 4032,
        "height": 3024,
    }
    assert gemini.requests == []


def test_what_a_model_takes_says_so(gemini: FakeGemini) -> None:
    assert "heic" in run("models", "show", "gemini").out
    assert run("models", "show", "local", "--json").json["input_formats"] == ["png", "jpeg", "webp"]


# Models and commands that do not


@pytest.mark.parametrize("model", ["gpt-image-2.5-flare", "local"])
def test_another_model_refuses_it_by_name_and_says_how_to_convert_it(openai: FakeOpenAI, model: str) -> None:
    ran = run("edit", write(), "grayscale", "-m", model)

    assert (ran.code, openai.requests) == (2, [])
    assert "photo.heic is a heic image" in ran.err
    assert "takes png, jpeg, webp" in ran.err
    assert CONVERT in ran.err


@pytest.mark.parametrize("option", ["--mask", "--markup"])
def test_it_is_no_mask_and_no_markup(openai: FakeOpenAI, option: str) -> None:
    Path("room.png").write_bytes(picture("png", 64, 64))
    small = heic(properties=[ispe(64, 64)], table=ipma({49: [1]}))

    ran = run("edit", "room.png", option, write(data=small), "a sofa", "-m", "gpt-image-2.5-flare")

    assert (ran.code, openai.requests) == (2, [])


@pytest.mark.parametrize("command", [("inspect", "photo.heic"), ("process", "photo.heic", "resize:50%")])
def test_what_would_have_to_read_its_pixels_refuses_it(command: tuple[str, ...]) -> None:
    write()

    ran = run(*command)

    assert ran.code == 2
    assert "photo.heic is a heic image" in ran.err
    assert CONVERT in ran.err


def test_a_watermark_is_not_read_from_one() -> None:
    Path("room.png").write_bytes(picture("png", 64, 64))

    ran = run("process", "room.png", f"watermark:image={write()}")

    assert ran.code == 2
    assert CONVERT in ran.err


def test_an_avif_is_another_format() -> None:
    error = refusal(heic(brands=(b"avif", b"mif1")))
    assert "it is an AVIF image" in error.message


def test_a_film_is_no_picture() -> None:
    assert "it is a video" in refusal(heic(brands=(b"isom", b"mp42"))).message


def test_an_answer_in_heic_is_no_image_that_could_be_shown(openai: FakeOpenAI) -> None:
    from tests.fakes.openai_behaviours import ok

    openai.script(ok([heic()]))

    ran = run("generate", "a fox", "-m", "gpt-image-2.5-flare", "--json")

    assert ran.error["code"] == "bad_response"
    assert Path(ran.error["rejected"][0]).read_bytes() == heic()
