from __future__ import annotations

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagegen.containers import MAX_PARTS, sniff
from imagegen.imaging import (
    MAX_PIXELS,
    MAX_SVG_BYTES,
    ImageFacts,
    UnreadableImage,
    decode_fully,
    probe,
)
from tests.pictures import FORMATS, animation, chunk, encoded, noise, picture, plain_png

Read = Callable[[bytes], ImageFacts]
READERS = pytest.mark.parametrize("read", [probe, decode_fully], ids=["probe", "decode_fully"])
SEEDS = {
    **{image_format: picture(image_format) for image_format in FORMATS},
    "progressive": encoded(noise(), "jpeg", progressive=True),
    "cmyk": encoded(noise(mode="CMYK"), "jpeg"),
    "palette": encoded(noise(mode="P"), "png", transparency=0),
    "lossless": encoded(noise(mode="RGBA"), "webp", lossless=True),
    **{f"moving {image_format}": animation(image_format) for image_format in ("png", "webp", "gif")},
}


def svg(inside: str = "", root: str = 'width="30" height="20"', before: str = "") -> bytes:
    return f'{before}<svg xmlns="http://www.w3.org/2000/svg" {root}>{inside}</svg>'.encode()


def reason(data: bytes, read: Read = probe) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read(data)
    return str(caught.value)


@READERS
@pytest.mark.parametrize("image_format", [*FORMATS, "svg"])
def test_format_and_pixels_come_from_the_bytes(read: Read, image_format: str) -> None:
    facts = read(picture(image_format, 40, 30))
    assert (facts.format, facts.width, facts.height, facts.frames) == (image_format, 40, 30, 1)


@READERS
@settings(max_examples=120)
@given(name=st.sampled_from(sorted(SEEDS)), cut=st.floats(0, 1, exclude_max=True))
def test_an_image_cut_anywhere_is_refused(read: Read, name: str, cut: float) -> None:
    data = SEEDS[name]
    reason(data[: int(len(data) * cut)], read)


@READERS
@pytest.mark.parametrize("name", sorted(SEEDS))
def test_an_image_without_its_last_bytes_is_refused(read: Read, name: str) -> None:
    for missing in range(1, 40):
        reason(SEEDS[name][:-missing], read)


@READERS
@settings(max_examples=200)
@given(
    name=st.sampled_from(sorted(SEEDS)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    in_header=st.booleans(),
)
def test_damage_never_raises_anything_but_unreadable_image(
    read: Read, name: str, changes: list[tuple[float, int]], in_header: bool
) -> None:
    data = bytearray(SEEDS[name])
    reach = min(len(data), 120) if in_header else len(data)
    for place, value in changes:
        data[int(reach * place)] = value
    whole_checksums = repaired(bytes(data)) if data.startswith(b"\x89PNG\r\n\x1a\n") else bytes(data)
    try:
        facts = read(whole_checksums)
    except UnreadableImage:
        return
    assert facts.width and facts.height


def repaired(png: bytes) -> bytes:
    """The PNG with checksums that fit, so that the damage is not seen by them alone."""
    out, at = bytearray(png[:8]), 8
    while at + 12 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        out += chunk(kind, png[at + 8 : at + 8 + length])
        at += 12 + length
    return bytes(out)


MAGIC = [
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"RIFF\x40\0\0\0WEBPVP8 ",
    b"<svg ",
    b"<?xml ",
]


@READERS
@settings(max_examples=150)
@given(magic=st.sampled_from(MAGIC), rest=st.binary(max_size=300))
def test_random_bytes_never_raise_anything_but_unreadable_image(
    read: Read, magic: bytes, rest: bytes
) -> None:
    try:
        facts = read(magic + rest)
    except UnreadableImage as exc:
        assert str(exc)
    else:
        assert facts.format in (*FORMATS, "svg")


def test_bytes_after_the_end_are_left_alone() -> None:
    for image_format in FORMATS:
        assert probe(picture(image_format) + b"PK\x03\x04 and a zip").format == image_format
        assert decode_fully(picture(image_format) + bytes(5000)).format == image_format


def test_a_polyglot_is_what_its_first_bytes_say() -> None:
    page = b"<script>alert(1)</script>"
    assert probe(encoded(noise(mode="P"), "gif", comment=page)).format == "gif"
    assert "a web page" in reason(b"<html>" + page + picture("png"))
    assert sniff(b"\n" + picture("png")) is None


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "text"),
        (b"hello, world\n", "text"),
        ("grüße, 世界".encode(), "text"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"\n  <html>", "a web page"),
        (b"%PDF-1.7", "a PDF"),
        (b"BM\x00\x01", "a BMP image"),
        (b"II*\x00\x08", "a TIFF image"),
        (b"\x00\x00\x00\x18ftypheic", "HEIC"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x00\x01\x02\x03", "unknown"),
    ],
)
def test_something_else_is_refused_with_what_it_is(data: bytes, what: str) -> None:
    assert what in reason(data)


def test_a_refusal_shows_none_of_the_bytes() -> None:
    assert "sk-" not in reason(b"sk-very-secret-key")


def test_a_wrong_checksum_is_refused() -> None:
    data = bytearray(picture("png"))
    data[-1] ^= 1
    assert "checksum" in reason(bytes(data))


def test_pixels_that_do_not_decode_are_refused_by_decoding() -> None:
    whole = picture("png", 64, 64)
    (length,) = struct.unpack_from(">I", whole, 33)
    torn = whole[:33] + chunk(b"IDAT", whole[41 : 41 + length // 2]) + chunk(b"IEND", b"")
    assert probe(torn).height == 64
    assert "cut off" in reason(torn, decode_fully)


@READERS
def test_a_palette_image_without_a_palette_is_refused(read: Read) -> None:
    data = bytearray(plain_png(8, 8))
    data[24:26] = (8, 3)  # eight bits, by palette
    assert "damaged" in reason(repaired(bytes(data)), read)


@pytest.mark.parametrize("image_format", ["png", "webp", "gif"])
def test_frames_are_counted(image_format: str) -> None:
    assert probe(animation(image_format, 4)).frames == 4
    assert decode_fully(animation(image_format, 2)).frames == 2


def test_a_photo_with_a_second_picture_inside_is_a_jpeg() -> None:
    file = io.BytesIO()
    noise().save(file, "MPO", save_all=True, append_images=[noise()])
    facts = decode_fully(file.getvalue())
    assert (facts.format, facts.frames) == ("jpeg", 1)


def test_a_turned_photo_keeps_the_size_it_is_stored_in() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    facts = probe(encoded(noise(40, 30), "jpeg", exif=exif))
    assert (facts.width, facts.height) == (40, 30)


def test_broken_metadata_is_no_reason_to_refuse_an_image() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x1a\0\x05\0\0\0\x01\xff\xff\xff\xff\x01\x28"
    assert decode_fully(encoded(noise(), "jpeg", exif=exif)).format == "jpeg"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (picture("png"), False),
        (picture("jpeg"), False),
        (encoded(noise(mode="CMYK"), "jpeg"), False),
        (encoded(noise(mode="RGBA"), "png"), True),
        (encoded(noise(mode="LA"), "png"), True),
        (encoded(noise(mode="P"), "png"), False),
        (encoded(noise(mode="P"), "png", transparency=0), True),
        (encoded(Image.new("I;16", (8, 8), 40_000), "png"), False),
        (encoded(Image.new("RGBA", (8, 8), (1, 2, 3, 4)), "webp"), True),
        (encoded(noise(mode="P"), "gif", transparency=0), True),
        (svg(), True),
    ],
    ids=range(11),
)
def test_transparency_is_seen_however_it_is_stored(data: bytes, expected: bool) -> None:
    assert probe(data).has_alpha is expected
    assert decode_fully(data).has_alpha is expected


def test_sixteen_bit_grey_with_a_transparent_value_has_alpha() -> None:
    data = encoded(Image.new("I;16", (8, 8), 40_000), "png")
    with_transparency = data[:33] + chunk(b"tRNS", b"\x9c\x40") + data[33:]
    assert probe(with_transparency).has_alpha


@READERS
def test_fifty_megapixels_in_a_small_file_are_refused(read: Read) -> None:
    bomb = plain_png(8000, 6400)
    assert len(bomb) < 20_000
    assert reason(bomb, read) == f"8000x6400 is over the limit of {MAX_PIXELS:,} pixels"


@READERS
@pytest.mark.parametrize("stated", [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (MAX_PIXELS + 1, 1)])
def test_a_header_that_claims_too_much_is_refused(read: Read, stated: tuple[int, int]) -> None:
    assert "pixels" in reason(plain_png(8, 8, stated=stated), read)


def test_a_bomb_is_refused_without_room_for_its_pixels() -> None:
    pytest.importorskip("resource")
    program = (
        "import resource, sys\n"
        "from imagegen.imaging import UnreadableImage, decode_fully\n"
        "small, bomb = open(sys.argv[1], 'rb').read(), open(sys.argv[2], 'rb').read()\n"
        "decode_fully(small)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: decode_fully(bomb)\n"
        "except UnreadableImage: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    Path("small.png").write_bytes(picture("png"))
    Path("bomb.png").write_bytes(plain_png(8000, 6400))
    repository = Path(__file__).parent.parent
    run = subprocess.run(
        [sys.executable, "-c", program, "small.png", "bomb.png"],
        env={"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=True,
    )
    grown = int(run.stdout) // (1024 if sys.platform == "darwin" else 1)
    assert grown < 8_000  # KiB; the pixels would take 50,000


def test_text_that_unpacks_to_megabytes_is_refused() -> None:
    data = picture("png")
    bomb = data[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000))) + data[33:]
    tracemalloc.start()
    reason(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_a_file_of_countless_parts_is_refused_at_once() -> None:
    png, jpeg, gif = picture("png"), picture("jpeg"), picture("gif")
    count = MAX_PARTS + 1
    assert "parts" in reason(png[:33] + chunk(b"tEXt", b"") * count + png[33:])
    assert "parts" in reason(jpeg[:2] + b"\xff\xe5\x00\x02" * count + jpeg[2:])
    assert "parts" in reason(gif[:-1] + b"\x21\xfe\x00" * count + b";")
    body = b"WEBP" + b"JUNK\0\0\0\0" * count
    assert "parts" in reason(b"RIFF" + struct.pack("<I", len(body)) + body)


def test_a_jpeg_that_makes_its_decoder_toil_is_refused() -> None:
    data = encoded(noise(), "jpeg", progressive=True)
    scan = data.rindex(b"\xff\xda")
    assert "scans" in reason(data[:-2] + data[scan:-2] * 100 + data[-2:])
    assert "filling" in reason(data[:2] + b"\xff" * 10_000 + data[2:])


@pytest.mark.parametrize(
    ("root", "size"),
    [
        ('width="30" height="20"', (30, 20)),
        ('width="30px" height=" 20.4 "', (30, 20)),
        ('viewBox="0 0 64 48"', (64, 48)),
        ('viewBox="0,0,64,48"', (64, 48)),
        ('width="100%" height="100%" viewBox="-5 -5 64 48"', (64, 48)),
        ('width="10cm" height="5cm"', (None, None)),
        ('width="0" height="0"', (None, None)),
        ('width="-4" height="4"', (None, 4)),
        ('width="1e400" height="nan"', (None, None)),
        (f'width="{"9" * 400}" height="1"', (None, 1)),
        ('width="١٢" height="1"', (None, 1)),
        ("", (None, None)),
        ('viewBox="a b c d"', (None, None)),
    ],
)
def test_the_size_of_an_svg(root: str, size: tuple[int | None, int | None]) -> None:
    facts = probe(svg(root=root))
    assert (facts.width, facts.height) == size


@pytest.mark.parametrize(
    "before",
    [
        "",
        "\ufeff",
        "\n  ",
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        f"<?xml version='1.0'?><!-- {'long ' * 2000} -->",
        "<!-- drawn by hand -->",
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://127.0.0.1:9/svg11.dtd">',
    ],
    ids=range(7),
)
def test_an_svg_is_known_by_its_root(before: str) -> None:
    assert probe(svg(before=before)).format == "svg"


def test_a_script_in_an_svg_is_read_but_does_nothing() -> None:
    assert probe(svg('<script>fetch("http://127.0.0.1:9")</script>')).width == 30


@READERS
def test_entities_in_an_svg_are_refused(read: Read) -> None:
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    bomb = svg("&l9;", before=f'<!DOCTYPE svg [<!ENTITY l0 "lol">{laughs}]>')
    assert "entities" in reason(bomb, read)
    outside = svg("&x;", before='<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>')
    assert "entities" in reason(outside, read)
    assert "entities" in reason(svg(before='<!DOCTYPE svg [<!ENTITY % p SYSTEM "p.dtd"> %p;]>'), read)


@READERS
@pytest.mark.parametrize(
    "data",
    [
        svg()[:-1],
        svg("<g>"),
        b"<svg",
        b"<?xml version='1.0'?>",
        b"<?xml version='1.0'?><rss/>",
        b"<svgs/>",
        b'<?xml version="1.0" encoding="rot13"?><svg/>',
        b'<?xml version="1.0" encoding="utf-7"?><svg/>',
        b"<svg>\xff\xfe</svg>",
        b"<svg>" + b"<a>" * 2000 + b"</a>" * 2000 + b"</svg>",
    ],
    ids=range(10),
)
def test_an_svg_that_is_none_is_refused(read: Read, data: bytes) -> None:
    assert "SVG" in reason(data, read)


def test_an_svg_too_long_to_read_is_refused() -> None:
    assert "limit" in reason(b"<svg>" + b" " * MAX_SVG_BYTES + b"</svg>")


def test_a_huge_svg_is_refused_as_an_input_and_kept_as_a_result() -> None:
    huge = svg(root='width="90000" height="90000"')
    assert probe(huge).width == 90_000
    assert "limit" in reason(huge, decode_fully)
