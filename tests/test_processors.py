"""Steps on stored images: built in or from a plugin, each one's result beside its original."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from imagegen.imaging import probe
from imagegen.metadata import describe
from imagegen.processors import BUILT_IN, load_processors, parse_steps
from tests.command import Ran, run, run_process
from tests.fakes.openai_server import FakeOpenAI
from tests.pictures import animation, encoded, noise, picture
from tests.signing import signed

FLARE = ("-m", "gpt-image-2.5-flare", "--quiet")


def write(name: str, data: bytes) -> str:
    Path(name).write_bytes(data)
    return name


def taken(data: bytes, *steps: str) -> bytes:
    """What `imagegen process` makes of a file, as raw bytes on stdout."""
    ran = run("process", write("input", data), *steps, "-o", "-")
    assert ran.code == 0, ran.err
    return ran.raw


def pixels(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGBA")


def test_a_generated_image_is_processed_beside_its_original(openai: FakeOpenAI) -> None:
    ran = run("generate", "a fox", *FLARE, "--process", "resize:100x", "--process", "convert:webp", "--json")

    (last,) = ran.json["images"]
    assert (last["file_info"]["format"], last["file_info"]["width"]) == ("webp", 100)
    assert last["cost_info"]["cost_usd"] == 0
    assert "processed here: convert:webp" in last["notes"]
    middle = run("history", "show", last["parents"][0], "--json").json
    assert (middle["file_info"]["format"], middle["details"]["processed"]) == ("png", "resize:100x")
    original = run("history", "show", middle["parents"][0], "--json").json
    assert original["parents"] == []
    assert original["cost_info"]["cost_usd"] > 0
    assert {last["task_id"], middle["task_id"]} == {original["task_id"]}
    assert [last["prompt"], last["model"]] == ["a fox", "gpt-image-2.5-flare"]


def test_each_of_several_images_is_processed(openai: FakeOpenAI) -> None:
    ran = run("generate", "a fox", *FLARE, "-n", "2", "--process", "resize:50x", "-o", "out/", "--json")

    assert [image["file_info"]["width"] for image in ran.json["images"]] == [50, 50]
    assert sorted(probe(path.read_bytes()).width or 0 for path in Path("out").iterdir()) == [50, 50]
    assert run("stats", "--json").json["total_images"] == 4


def test_an_edit_is_processed_too(openai: FakeOpenAI) -> None:
    ran = run("edit", write("a.png", picture("png", 64, 64)), "rain", *FLARE, "--process", "resize:10x")

    assert probe(Path(ran.lines[0]).read_bytes()).width == 10


@pytest.mark.parametrize(
    ("step", "code", "reason"),
    [
        ("resize", 2, "resize cannot read ''"),
        ("resize:x", 2, "resize cannot read 'x'"),
        ("resize:0x5", 2, "cannot read"),
        ("resize:100000x100000", 2, "too large"),
        ("resize:5x5,mode=odd", 2, "no mode 'odd'"),
        ("convert:bmp", 2, "png, jpeg, webp, gif"),
        ("convert:webp,quality=101", 2, "0 to 100"),
        ("strip-metadata:all", 2, "takes nothing"),
        ("watermark", 2, "wants a text"),
        ("watermark:x,at=nowhere", 2, "'nowhere'"),
        ("watermark:x,opacity=0", 2, "1 to 100"),
        ("watermark:中", 2, "The font has no 中"),
        ("watermark:image=missing.png", 2, "no such file"),
        ("watermark:image=~nobody-lives-here/a.png", 2, "no such file"),
        ("watermark:x,font=missing.ttf", 2, "missing.ttf"),
        ("watermark:x,font=~nobody-lives-here/a.ttf", 2, "a.ttf"),
        ("sharpen", 8, "There are convert, resize, strip-metadata, watermark"),
    ],
)
def test_a_step_that_cannot_be_taken_is_refused_before_anything_is_sent(
    openai: FakeOpenAI, step: str, code: int, reason: str
) -> None:
    ran = run("generate", "a fox", *FLARE, "--process", "resize:10x", "--process", step)

    assert (ran.code, openai.requests) == (code, [])
    assert reason in ran.err
    assert run("process", write("a.png", picture()), step).code == code


def test_a_format_that_a_step_cannot_read_is_refused_before_anything_is_drawn() -> None:
    ran = run("generate", "a fox", "-f", "svg", "--process", "resize:10x")

    assert ran.code == 2
    assert "resize cannot read svg" in ran.err
    assert run("history", "list").lines == []


def test_a_copy_is_not_named_after_another_format_than_it_has() -> None:
    ran = run("generate", "a fox", "-o", "fox.png", "--process", "convert:jpeg")

    assert ran.code == 2
    assert "convert:jpeg" in ran.err
    assert run("process", write("a.png", picture()), "convert:webp", "-o", "b.png").code == 2


@pytest.mark.parametrize("image_format", ["gif", "png", "webp"])
def test_an_animation_is_not_made_a_still_one_silently(image_format: str) -> None:
    ran = run("process", write("moving", animation(image_format)), "resize:8x")

    assert ran.code == 2
    assert "3 frames" in ran.err
    assert "moving is as it was" in ran.err


@pytest.mark.parametrize(
    ("step", "size"),
    [
        ("resize:100x100", (100, 50)),
        ("resize:100x100,mode=cover", (100, 100)),
        ("resize:100x100,mode=stretch", (100, 100)),
        ("resize:100x", (100, 50)),
        ("resize:x100", (200, 100)),
        ("resize:50%", (60, 30)),
        ("resize:1x1", (1, 1)),
    ],
)
def test_resize_reaches_the_size_that_was_asked_for(step: str, size: tuple[int, int]) -> None:
    facts = probe(taken(picture("png", 120, 60), step))

    assert (facts.width, facts.height) == size


def test_resize_turns_a_photo_upright_and_keeps_its_colour_profile() -> None:
    from PIL import ImageCms

    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    made = taken(encoded(noise(40, 20), "jpeg", exif=exif, icc_profile=profile), "resize:50%")

    assert (probe(made).width, probe(made).height) == (10, 20)
    with Image.open(io.BytesIO(made)) as image:
        assert image.info["icc_profile"] == profile


@pytest.mark.parametrize("target", ["png", "jpeg", "webp", "gif"])
@pytest.mark.parametrize("source", ["png", "jpeg", "webp", "gif"])
def test_every_format_is_converted_into_every_other(source: str, target: str) -> None:
    facts = probe(taken(picture(source), f"convert:{target}"))

    assert (facts.format, facts.width, facts.height) == (target, 24, 16)


def test_quality_makes_a_smaller_file() -> None:
    data = picture("png", 200, 200)

    assert len(taken(data, "convert:jpeg,quality=10")) < len(taken(data, "convert:jpeg,quality=95"))


def test_transparent_becomes_white_where_there_is_no_transparency() -> None:
    clear = encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "png")

    assert pixels(taken(clear, "convert:jpeg")).getpixel((4, 4)) == (255, 255, 255, 255)


@pytest.mark.parametrize(
    ("at", "box"),
    [
        ("top-left", (0, 0, 100, 100)),
        ("bottom-right", (100, 100, 200, 200)),
        ("bottom-left", (0, 100, 100, 200)),
        ("center", (50, 50, 150, 150)),
    ],
)
def test_a_watermark_stands_where_it_is_told(at: str, box: tuple[int, int, int, int]) -> None:
    blank = Image.new("RGB", (200, 200), "blue")

    made = pixels(taken(encoded(blank, "png"), f"watermark:© Studio, 2026,at={at},size=40"))

    changed = [(x, y) for x in range(200) for y in range(200) if made.getpixel((x, y)) != (0, 0, 255, 255)]
    assert changed
    left, top, right, bottom = box
    assert all(left <= x < right and top <= y < bottom for x, y in changed)


def test_a_picture_is_laid_over_as_strongly_as_it_is_told() -> None:
    write("logo.png", encoded(Image.new("RGB", (10, 10), "white"), "png"))
    black = encoded(Image.new("RGB", (100, 100), "black"), "png")

    made = pixels(taken(black, "watermark:image=logo.png,at=center,size=50,opacity=50"))

    assert made.getpixel((50, 50))[0] == pytest.approx(127, abs=2)  # type: ignore[index] # RGBA: a tuple
    assert made.getpixel((5, 5)) == (0, 0, 0, 255)


def stuffed(image_format: str) -> bytes:
    """A file with everything that it can carry."""
    exif = Image.Exif()
    exif[0x010E], exif[0x0131] = "a secret place", "a secret program"
    options = {"exif": exif, "xmp": b"<x:xmpmeta>secret</x:xmpmeta>"}
    if image_format == "gif":
        options = {"comment": b"secret"}
    elif image_format == "jpeg":
        options["comment"] = b"secret"
    mode = "P" if image_format == "gif" else "RGB"
    return encoded(noise(mode=mode), image_format, **options)


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp", "gif"])
def test_stripping_leaves_the_pixels_and_nothing_else(image_format: str) -> None:
    data = signed(stuffed(image_format), f"image/{image_format}") + b"secret at the end"
    assert b"secret" in data

    made = taken(data, "strip-metadata")

    said = describe(made)
    assert (said.exif, said.texts, said.has_xmp, said.credentials) == (None, (), False, None)
    assert b"secret" not in made
    assert b"c2pa" not in made
    assert pixels(made).tobytes() == pixels(data).tobytes()


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_stripping_keeps_a_photo_the_right_way_up(image_format: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Example", 6

    made = taken(encoded(noise(), image_format, exif=exif), "strip-metadata")

    with Image.open(io.BytesIO(made)) as image:
        assert dict(image.getexif()) == {0x0112: 6}


@pytest.mark.parametrize("image_format", ["gif", "png", "webp"])
def test_stripping_keeps_an_animation_moving(image_format: str) -> None:
    assert probe(taken(animation(image_format), "strip-metadata")).frames == 3


def test_a_file_from_outside_has_its_hash_for_a_parent() -> None:
    ran = run("process", write("photo.jpg", picture("jpeg")), "resize:8x", "convert:png", "--json")

    assert [len(ran.json["steps"]), ran.json["file_info"]["format"]] == [2, "png"]
    first = run("history", "show", ran.json["steps"][0], "--json").json
    assert first["parents"][0].startswith("sha256:")
    assert (first["provider"], first["model"], first["prompt"]) == ("imagegen", "resize", "resize:8x")
    assert run("stats", "--json").json["cost_usd"] == 0


def test_steps_are_offered_after_tab() -> None:
    ran = run_process(
        _IMAGEGEN_COMPLETE="complete_bash", COMP_WORDS="imagegen process last res", COMP_CWORD="3"
    )

    assert "resize" in ran.out


def test_every_built_in_step_loads_and_answers_to_its_name() -> None:
    loaded = load_processors()

    assert loaded.broken == {}
    assert set(loaded.processors) == set(BUILT_IN)
    assert all(step.name == name for name, step in loaded.processors.items())


def test_no_step_is_no_work() -> None:
    assert parse_steps([]).steps == ()


PLUGIN = """
from imagegen.errors import UsageError
from imagegen.processors.base import Processor

class Step(Processor):
    name = "{name}"
    usage = "{name}"
    summary = "for a test"

    @classmethod
    def parse(cls, text):
        {parse}

    def process(self, data, facts):
        {process}
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "plugins"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def install(folder: Path, name: str, source: str, *, value: str | None = None) -> None:
    module = f"steps_{name.replace('-', '_')}_{folder.parent.name}".replace("-", "_").replace("[", "_")
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    entry = f"[imagegen.processors]\n{name} = {value or f'{module}:Step'}\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")


def plugin(folder: Path, name: str, *, parse: str = "return cls()", process: str = "return data") -> None:
    install(folder, name, PLUGIN.format(name=name, parse=parse, process=process))


def processed(step: str) -> Ran:
    return run("process", write("a.png", picture()), step)


def test_a_plugin_is_a_step_like_any_other(plugins: Path) -> None:
    plugin(plugins, "same")

    assert processed("same").code == 0
    assert "same" in processed("nosuch").err


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_anywhere", "no_such_module_anywhere"),
        ("raise SystemExit('stop all')", "stop all"),
        ("def Step(): ...", "not a subclass"),
        (PLUGIN.format(name="other", parse="return cls()", process="return data"), "calls itself other"),
        ("from imagegen.processors.base import Processor\nclass Step(Processor): ...", "has no name"),
    ],
)
def test_a_broken_plugin_is_reported_by_doctor_and_breaks_nothing(
    plugins: Path, source: str, reason: str
) -> None:
    install(plugins, "odd", source)

    ran = run("doctor", "--json")

    assert ran.code == 3
    (check,) = [check for check in ran.json["checks"] if check["verdict"] == "problem"]
    assert check["name"] == "plugin odd"
    assert reason in check["finding"]
    assert processed("resize:8x").code == 0
    assert processed("odd").code == 3
    assert "doctor" in processed("odd").err


def test_a_plugin_cannot_take_a_built_ins_name(plugins: Path) -> None:
    plugin(plugins, "resize", process="raise RuntimeError('usurped')")

    assert processed("resize:8x").code == 0
    assert any("resize (" in name for name in load_processors().broken)


@pytest.mark.parametrize(
    ("broken", "code", "reason"),
    [
        ({"parse": "raise KeyError('x')"}, 3, "KeyError"),
        ({"parse": "return 7"}, 3, "built a int"),
        ({"parse": "raise UsageError('not so')"}, 2, "not so"),
        ({"process": "raise RuntimeError('boom')"}, 1, "RuntimeError: boom"),
        ({"process": "return b'hello'"}, 1, "is no image"),
        ({"process": "return None"}, 1, "made a NoneType"),
        ({"process": "raise UsageError('not this one')"}, 2, "not this one"),
    ],
)
def test_a_plugin_that_fails_is_named_and_the_image_is_safe(
    plugins: Path, openai: FakeOpenAI, broken: dict[str, str], code: int, reason: str
) -> None:
    plugin(plugins, "odd", **broken)

    ran = run("generate", "a fox", *FLARE, "--process", "odd")

    assert ran.code == code
    assert reason in ran.err
    saved = run("history", "list").lines
    assert len(saved) == len(openai.requests) == ("process" in broken)
    assert all(line.split("\t")[0] in ran.err for line in saved)
