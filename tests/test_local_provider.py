"""The local provider by its real door: requests in, image bytes out."""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from PIL import Image

from imagegen.errors import ConfigurationError, UnsupportedParameter
from imagegen.providers.local import LocalProvider
from imagegen.providers.local.motif_files import check_motif
from imagegen.providers.local.motifs import load_library
from imagegen.providers.local.raster import rasterise
from imagegen.providers.local.scene import compose
from imagegen.settings import LocalSettings, ProviderSettings, Settings
from imagegen.types import GenerateRequest, Progress, ProviderResult

FOX = "a red fox under pine trees at night, snow"
MOTIF = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" data-words="zorblax"
  data-place="ground" data-height="0.4" data-main="#123456">{body}</svg>"""
BODY = '<circle class="main" fill="#123456" cx="50" cy="50" r="50"/>'


def provider(motifs_path: Path | None = None, *, enabled: bool = True) -> LocalProvider:
    local = LocalSettings(enabled=enabled, motifs_path=motifs_path)
    return LocalProvider.from_settings(Settings(providers=ProviderSettings(local=local)))


def generate(request: GenerateRequest, motifs_path: Path | None = None) -> ProviderResult:
    return asyncio.run(provider(motifs_path).generate(request, on_progress=lambda _: None))


def picture(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def elements(svg: str) -> list[Element]:
    return list(fromstring(svg).iter())  # noqa: S314  our own document


def test_a_picture_is_drawn_in_the_size_asked_for_and_says_what_it_shows() -> None:
    result = generate(GenerateRequest(prompt=FOX, size="600x400"))
    image = picture(result.images[0].data)
    assert (image.format, image.size) == ("PNG", (600, 400))
    assert result.details["drawn"] == ["red", "fox", "pine trees", "night", "snow"]
    assert result.details["not_drawn"] == []
    assert result.notes == ()
    assert result.usage is None


def test_auto_is_landscape_at_1536x1024() -> None:
    call = provider().wire_call(GenerateRequest(prompt=FOX))
    assert call.endpoint == "local composer"
    assert call.parameters["size"] == "1536x1024"
    assert call.parameters["model"] == "composer"


def test_words_that_were_not_drawn_make_one_note_that_names_the_composer() -> None:
    result = generate(GenerateRequest(prompt="a fox with an alpaca, jazz", size="96x64"))
    assert len(result.notes) == 1
    assert "not drawn: alpaca, jazz" in result.notes[0]
    assert "no AI model" in result.notes[0]


def test_progress_reports_sending_then_received() -> None:
    seen: list[Progress] = []
    request = GenerateRequest(prompt="a cat", size="64x64")
    asyncio.run(provider().generate(request, on_progress=seen.append))
    assert [progress.stage for progress in seen] == ["sending", "received"]


def test_equal_requests_give_equal_bytes_in_different_processes() -> None:
    code = (
        "import hashlib; from imagegen.providers.local.scene import compose\n"
        f"print(hashlib.sha256(compose({FOX!r}, None, 600, 400).svg.encode()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    svg = compose(FOX, None, 600, 400).svg
    assert rasterise(svg, 600, 400) == rasterise(svg, 600, 400)


def test_n_images_take_the_seeds_that_follow_and_differ() -> None:
    result = generate(GenerateRequest(prompt="a castle", n=3, seed=7, size="96x64"))
    assert result.details["seeds"] == [7, 8, 9]
    assert len({image.data for image in result.images}) == 3
    second = generate(GenerateRequest(prompt="a castle", seed=8, size="96x64"))
    assert second.images[0].data == result.images[1].data


@pytest.mark.parametrize(
    "size", ["64x64", "256x64", "64x256", "1024x256", "341x1024", "4096x1024", "1000x999"]
)
@pytest.mark.parametrize(
    "prompt", [FOX, "three boats on a lake, two foxes", "a cup of coffee", "hope", "a rocket"]
)
def test_every_size_and_ratio_is_drawn_exactly(size: str, prompt: str) -> None:
    result = generate(GenerateRequest(prompt=prompt, size=size))
    assert "x".join(map(str, picture(result.images[0].data).size)) == size


@pytest.mark.parametrize(("output_format", "magic"), [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_other_formats_are_converted_and_compression_counts(output_format: str, magic: str) -> None:
    small, large = (
        generate(
            GenerateRequest(
                prompt=FOX, size="384x256", output_format=output_format, output_compression=quality
            )
        )
        .images[0]
        .data
        for quality in (20, 95)
    )
    assert picture(small).format == magic
    assert len(small) < len(large)


def test_an_svg_is_self_contained() -> None:
    result = generate(GenerateRequest(prompt="a lighthouse in a storm at night", output_format="svg"))
    svg = result.images[0].data.decode("utf-8")
    references = [v for e in elements(svg) for k, v in e.attrib.items() if k.endswith("href")]
    assert references
    assert all(reference.startswith("#") for reference in references)
    assert not re.search(r"url\((?!#)", svg)
    assert not {"image", "script", "text", "style"} & {e.tag.rpartition("}")[2] for e in elements(svg)}


def test_every_reference_in_an_svg_has_its_definition() -> None:
    for prompt in (FOX, "a cup on a table", "two blue cars and a red car in the city at night", "hope"):
        svg = compose(prompt, None, 600, 400).svg
        identifiers = [e.get("id") for e in elements(svg) if e.get("id")]
        assert len(identifiers) == len(set(identifiers))
        used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
        assert used <= set(identifiers)


def test_markup_in_a_prompt_stays_text() -> None:
    prompt = "a cat </title><script>alert(1)</script> & \x00\x0b\ud800"
    svg = compose(prompt, None, 96, 64).svg
    assert "<script" not in svg
    assert "script" not in {e.tag.rpartition("}")[2] for e in elements(svg)}
    assert picture(rasterise(svg, 96, 64)).size == (96, 64)


def test_a_transparent_picture_holds_only_its_motifs() -> None:
    request = GenerateRequest(prompt=FOX, size="300x200", background="transparent")
    alpha = picture(generate(request).images[0].data).getchannel("A")
    assert alpha.getpixel((0, 0)) == 0
    assert alpha.getextrema() == (0, 255)


def test_a_transparent_moon_is_a_motif_too() -> None:
    request = GenerateRequest(prompt="the moon", size="300x200", background="transparent")
    assert picture(generate(request).images[0].data).getchannel("A").getextrema() == (0, 255)


def test_transparent_with_jpeg_is_refused_before_drawing() -> None:
    request = GenerateRequest(prompt=FOX, background="transparent", output_format="jpeg")
    with pytest.raises(UnsupportedParameter, match="jpeg"):
        provider().wire_call(request)


def test_a_colour_recolours_the_motif_unless_it_is_natural() -> None:
    natural, red, blue = (compose(f"a {word} fox", 1, 300, 200).svg for word in ("", "red", "blue"))
    assert "#dd6320" in natural
    assert "#dd6320" in red
    assert "#dd6320" not in blue
    assert "#2f6fd6" in blue


def test_black_and_white_leaves_only_greys() -> None:
    svg = compose("black and white fox in a meadow", None, 300, 200).svg
    found = set(re.findall(r"#([0-9a-f]{6})\b", svg))
    assert found
    assert all(c[:2] == c[2:4] == c[4:] for c in found)


def test_windows_are_lit_at_night_and_not_by_day() -> None:
    assert "#ffd884" in compose("a house at night", 1, 300, 200).svg
    assert "#ffd884" not in compose("a house at noon", 1, 300, 200).svg


def test_snow_lies_on_roofs_only_when_it_snows() -> None:
    hidden = re.compile(r'\sopacity="0"')
    summer, winter = (compose(prompt, 1, 300, 200).svg for prompt in ("a house", "a house in snow"))
    assert hidden.search(summer)
    assert not hidden.search(winter)


def test_as_many_motifs_are_drawn_as_were_counted() -> None:
    for count, word in ((1, "one fox"), (3, "three foxes"), (12, "twelve foxes")):
        svg = compose(word, 1, 600, 400, transparent=True).svg
        assert len(re.findall(r'<use xlink:href="#motif', svg)) == count


def test_a_forbidden_moon_does_not_rise() -> None:
    assert "moon-" in compose("a fox at night", 1, 300, 200).svg
    assert "moon-" not in compose("a fox at night, no moon", 1, 300, 200).svg


def test_the_provider_describes_itself_as_no_ai_model() -> None:
    local = provider()
    assert local.default_model == "composer"
    assert local.availability().enabled
    assert "no AI model" in local.availability().reason
    assert not provider(enabled=False).availability().enabled
    model = local.find_model("composer")
    assert model is not None
    assert "no AI model" in model.title
    assert model.parameters["size"].accepts("1234x567")
    assert not model.parameters["size"].accepts("32x32")
    assert not model.parameters["size"].accepts("4000x500")


def test_every_built_in_motif_passes_the_check_for_foreign_ones() -> None:
    folder = Path(sys.modules["imagegen.providers.local"].__path__[0]) / "motifs"
    files = sorted(folder.glob("*.svg"))
    assert len(files) >= 25
    for file in files:
        check_motif(file)


def test_every_built_in_motif_is_drawn_by_its_name() -> None:
    words = load_library(None).words()
    for word in {motif: word for word, motif in words.items()}.values():
        drawing = compose(word, 1, 96, 64)
        assert drawing.drawn == (word,)
        assert picture(rasterise(drawing.svg, 96, 64)).size == (96, 64)


def test_a_motif_of_the_users_own_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "zorblax.svg").write_text(MOTIF.format(body=BODY), encoding="utf-8")
    request = GenerateRequest(
        prompt="a zorblax", size="300x200", output_format="svg", background="transparent"
    )
    result = generate(request, tmp_path)
    assert result.details["drawn"] == ["zorblax"]
    assert b"#123456" in result.images[0].data


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (MOTIF.format(body="<script>alert(1)</script>"), "script"),
        (MOTIF.format(body='<image href="http://example.com/a.png"/>'), "image"),
        (MOTIF.format(body='<path d="M0,0" onload="x()"/>'), "onload"),
        (MOTIF.format(body='<rect fill="url(http://example.com/x#y)"/>'), "outside"),
        (MOTIF.format(body='<linearGradient href="file:///etc/passwd"/>'), "outside"),
        (MOTIF.format(body='<rect style="fill:red"/>'), "style"),
        (MOTIF.format(body="<text>hello</text>"), "text"),
        (MOTIF.format(body='<use href="#a"/>'), "use"),
        ('<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + MOTIF.format(body="&a;"), "DOCTYPE"),
        (MOTIF.format(body="<g>"), "well-formed"),
        (MOTIF.format(body="<!-- " + "x" * 70_000 + " -->"), "bytes"),
        (MOTIF.format(body="<g>" * 40 + "</g>" * 40), "nested"),
        ("not xml at all", "well-formed"),
        (MOTIF.format(body=BODY).replace('data-place="ground"', 'data-place="moon"'), "data-place"),
        (MOTIF.format(body=BODY).replace("zorblax", ""), "data-words"),
        (MOTIF.format(body=BODY).replace('"0 0 100 100"', '"0 0 0 100"'), "viewBox"),
        (MOTIF.format(body=BODY).replace("0.4", "nan"), "data-height"),
        (MOTIF.format(body=BODY).replace('data-main="#123456"', 'data-main="red"'), "data-main"),
    ],
)
def test_a_hostile_or_broken_motif_is_refused_with_file_and_reason(
    tmp_path: Path, content: str, reason: str
) -> None:
    file = tmp_path / "bad.svg"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=reason) as caught:
        generate(GenerateRequest(prompt="a cat", size="64x64"), tmp_path)
    assert str(file) in caught.value.message


def test_a_motif_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.svg").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        generate(GenerateRequest(prompt="a cat", size="64x64"), tmp_path)


def test_a_missing_motifs_folder_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        generate(GenerateRequest(prompt="a cat", size="64x64"), tmp_path / "none")


def test_a_very_long_prompt_is_drawn() -> None:
    assert generate(GenerateRequest(prompt="a fox " * 5000, size="64x64")).images


def test_knowing_its_models_imports_no_drawing_library() -> None:
    code = (
        "import sys; from imagegen.providers.local import LocalProvider\n"
        "from imagegen.settings import Settings\n"
        "local = LocalProvider.from_settings(Settings()); local.models(); local.availability()\n"
        "print(sorted({'PIL', 'resvg_py'} & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("prompt", "transparent", "hidden"),
    [
        ("a rocket in outer space over a meadow", False, ("meadow",)),
        ("a cat on a table in a forest", False, ("table",)),
        ("a fox in the snow at night", True, ("snow", "night")),
        ("a fox at night at noon", False, ("noon",)),
    ],
)
def test_surroundings_that_the_place_cannot_show_are_reported(
    prompt: str, transparent: bool, hidden: tuple[str, ...]
) -> None:
    drawing = compose(prompt, 1, 96, 64, transparent=transparent)
    assert drawing.not_drawn == hidden
    assert not set(drawing.drawn) & set(hidden)
