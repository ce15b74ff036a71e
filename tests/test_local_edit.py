"""The local provider's closed set of edits, on real image bytes."""

from __future__ import annotations

import asyncio
import hashlib
import io

import pytest
from PIL import Image

from imagegen.errors import InputImageError, UnsupportedParameter
from imagegen.providers.local import LocalProvider
from imagegen.settings import Settings
from imagegen.types import EditRequest, InputImage

RED, BLUE = (220, 30, 30), (30, 30, 220)


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def halves(width: int = 400, height: int = 300) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def given(data: bytes, image_format: str = "png") -> InputImage:
    return InputImage(
        data=data,
        format=image_format,
        width=400,
        height=300,
        sha256=hashlib.sha256(data).hexdigest(),
        has_alpha=False,
        source="photo.png",
    )


def edit(prompt: str, data: bytes | None = None, output_format: str | None = None) -> Image.Image:
    request = EditRequest(
        prompt=prompt, images=(given(data or encoded(halves())),), output_format=output_format
    )
    provider = LocalProvider.from_settings(Settings())
    result = asyncio.run(provider.edit(request, on_progress=lambda _: None))
    image = Image.open(io.BytesIO(result.images[0].data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("prompt", "size"),
    [
        ("crop to 200x100", (200, 100)),
        ("crop to 16:9", (400, 225)),
        ("crop the image to a square", (300, 300)),
        ("crop 10,20,300,200", (300, 200)),
        ("resize to 800x600", (800, 600)),
        ("resize it to 50%", (200, 150)),
        ("width 100", (100, 75)),
        ("resize to height 600", (800, 600)),
        ("rotate 90", (300, 400)),
        ("rotate left", (300, 400)),
        ("turn upside down", (400, 300)),
        ("crop to square, then resize to 50 percent", (150, 150)),
        ("resize to 50% and crop to square", (150, 150)),
    ],
)
def test_edits_of_the_shape_give_the_size_said(prompt: str, size: tuple[int, int]) -> None:
    assert edit(prompt).size == size


@pytest.mark.parametrize(
    ("prompt", "corner"),
    [
        ("flip horizontally", BLUE),
        ("mirror", BLUE),
        ("flip vertically", RED),
        ("upside down", BLUE),
        ("rotate 90 degrees clockwise", RED),
        ("rotate right", RED),
        ("rotate 90 counterclockwise", BLUE),
        ("rotate -90", BLUE),
        ("crop 200,0,200,300", BLUE),
    ],
)
def test_edits_put_the_right_pixels_in_the_upper_left_corner(prompt: str, corner: tuple[int, ...]) -> None:
    assert edit(prompt).convert("RGB").getpixel((2, 2)) == corner


def test_steps_are_taken_in_the_order_said() -> None:
    first = edit("crop 0,0,200,300 and flip horizontally")
    second = edit("flip horizontally and crop 0,0,200,300")
    assert first.getpixel((5, 5)) == RED
    assert second.getpixel((5, 5)) == BLUE


@pytest.mark.parametrize("prompt", ["grayscale", "make it black and white", "convert to greyscale"])
def test_grayscale_leaves_no_colour(prompt: str) -> None:
    red, green, blue = edit(prompt).convert("RGB").split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()


def brightness(image: Image.Image) -> float:
    pixels = image.convert("L").tobytes()
    return sum(pixels) / len(pixels)


def test_brightness_follows_the_words_and_the_percent() -> None:
    plain = brightness(halves())
    assert brightness(edit("brighter")) > plain > brightness(edit("darker"))
    assert brightness(edit("darker by 50%")) == pytest.approx(plain / 2, rel=0.05)
    assert plain > brightness(edit("slightly darker")) > brightness(edit("much darker"))
    assert brightness(edit("increase the brightness by 10%")) > plain


def test_contrast_spreads_or_gathers_the_tones() -> None:
    def spread(image: Image.Image) -> int:
        reds = image.convert("RGB").getchannel("R").tobytes()
        return max(reds) - min(reds)

    assert spread(edit("less contrast")) < spread(halves()) < spread(edit("more contrast by 15%"))


def test_blur_softens_the_edge_and_more_so_with_a_larger_radius() -> None:
    def edge(image: Image.Image) -> int:
        pixel = image.convert("RGB").getpixel((185, 150))
        assert isinstance(pixel, tuple)
        return int(pixel[2])

    assert edge(halves()) < edge(edit("blur 10")) < edge(edit("strongly blur with radius 30"))


@pytest.mark.parametrize(("place", "band"), [("top", 0), ("center", 1), ("bottom", 2)])
def test_text_is_written_where_and_in_the_colour_said(place: str, band: int) -> None:
    plain, written = halves().crop((0, 0, 400, 300)), edit(f'add text "Hello" at the {place} in yellow')
    changed = [
        plain.crop((0, y, 400, y + 100)).tobytes()
        != written.convert("RGB").crop((0, y, 400, y + 100)).tobytes()
        for y in (0, 100, 200)
    ]
    assert changed == [index == band for index in range(3)]
    assert (0xF7, 0xCF, 0x3C) in {colour for _, colour in written.convert("RGB").getcolors(200_000) or []}


def test_text_too_long_for_the_width_is_made_to_fit() -> None:
    image = edit('add text "a rather long caption that would not fit at full size"')
    column = image.convert("RGB").crop((0, 0, 4, 300))
    assert column.getcolors() == [(1200, RED)]


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("make the dog blue", "dog, blue"),
        ("remove the background", "remove, background"),
        ("crop to 16:9 and add a hat", "add, hat"),
        ("flip", "flip"),
        ("please", "no edit"),
    ],
)
def test_anything_else_is_refused_by_name_with_the_closed_set(prompt: str, named: str) -> None:
    with pytest.raises(UnsupportedParameter, match=named) as caught:
        edit(prompt)
    assert "crop to 16:9" in str(caught.value)
    assert 'add text "Hello"' in str(caught.value)
    assert caught.value.details["parameter"] == "prompt"


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("crop to 900x900", "900x900 does not fit into 400x300"),
        ("crop 350,0,100,100", "100x100 at 350,0"),
        ("crop to 0:5", "0:5"),
        ("crop to 0:0", "0:0"),
        ("resize to 20000x10", "20000x10"),
        ("resize to 0%", "0x0"),
        ("blur 900", "900"),
        ("resize to 50% and crop to 300x300", "does not fit into 200x150"),
        ('add text "日本" at the top', "日 本"),
        (f'add text "{"x" * 300}"', "300 characters"),
    ],
)
def test_impossible_values_are_refused_with_the_value(prompt: str, named: str) -> None:
    with pytest.raises(UnsupportedParameter, match=named):
        edit(prompt)


def test_the_wire_call_shows_the_steps_and_refuses_unknown_words_too() -> None:
    provider = LocalProvider.from_settings(Settings())
    image = given(encoded(halves()))
    call = provider.wire_call(EditRequest(prompt="crop to 16:9 and blur", images=(image,)))
    assert call.parameters["edits"] == [{"edit": "crop", "ratio": [16, 9]}, {"edit": "blur", "radius": 4.0}]
    with pytest.raises(UnsupportedParameter, match="hat"):
        provider.wire_call(EditRequest(prompt="add a hat", images=(image,)))


@pytest.mark.parametrize("name", ["mask", "markup"])
def test_a_mask_or_markup_is_refused(name: str) -> None:
    image = given(encoded(halves()))
    request = EditRequest(
        prompt="blur",
        images=(image,),
        mask=image if name == "mask" else None,
        markup=image if name == "markup" else None,
    )
    with pytest.raises(UnsupportedParameter, match=name):
        LocalProvider.from_settings(Settings()).wire_call(request)


def test_two_images_several_results_and_svg_output_are_refused() -> None:
    image = given(encoded(halves()))
    provider = LocalProvider.from_settings(Settings())
    with pytest.raises(InputImageError, match="not 2"):
        provider.wire_call(EditRequest(prompt="blur", images=(image, image)))
    with pytest.raises(UnsupportedParameter, match="n 2"):
        provider.wire_call(EditRequest(prompt="blur", images=(image,), n=2))
    with pytest.raises(UnsupportedParameter, match="svg"):
        provider.wire_call(EditRequest(prompt="blur", images=(image,), output_format="svg"))


def test_an_animated_image_is_refused() -> None:
    data = encoded(halves(), "GIF", save_all=True, append_images=[Image.new("RGB", (400, 300), BLUE)])
    with pytest.raises(InputImageError, match="animated"):
        edit("blur", data)


def test_an_svg_input_is_refused_by_name() -> None:
    request = EditRequest(prompt="blur", images=(given(b"<svg/>", "svg"),))
    with pytest.raises(InputImageError, match=r"photo\.png is an svg"):
        asyncio.run(LocalProvider.from_settings(Settings()).edit(request, on_progress=lambda _: None))


@pytest.mark.parametrize("cut", [0, 40, 400])
def test_a_broken_image_is_refused(cut: int) -> None:
    with pytest.raises(InputImageError, match="cannot be read"):
        edit("blur", encoded(halves())[:cut] or b"no image")


def test_the_camera_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the upright picture is 300x400
    assert edit("mirror", encoded(halves(), "JPEG", exif=exif)).size == (300, 400)


@pytest.mark.parametrize(("output_format", "name"), [(None, "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_the_output_format_is_honoured_even_for_transparent_images(
    output_format: str | None, name: str
) -> None:
    data = encoded(Image.new("RGBA", (40, 30), (255, 0, 0, 0)))
    image = edit("rotate 45", data, output_format)
    assert image.format == name
    if name == "JPEG":
        assert image.getpixel((2, 2)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "P", "LA", "CMYK", "1", "I;16"])
def test_images_of_every_usual_mode_are_edited(mode: str) -> None:
    image = Image.new(mode, (40, 30)) if mode == "I;16" else halves(40, 30).convert(mode)
    data = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    assert edit("brighter by 10% and rotate 90", data).size == (30, 40)


def test_transparency_survives_an_edit_of_the_tones() -> None:
    data = encoded(Image.new("RGBA", (40, 30), (200, 0, 0, 90)))
    assert edit("grayscale and brighter", data).getchannel("A").getextrema() == (90, 90)
