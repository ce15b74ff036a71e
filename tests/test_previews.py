"""Small pictures in the terminal: where they come, where nothing is even asked, and what they cost nobody."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from imagegen.previews import make_sheet
from tests.command import run, run_process

pytest.importorskip("fcntl", reason="Windows has no such terminals")
pytest.importorskip("termios", reason="Windows has no such terminals")

from tests.terminal_world import (
    IMAGEGEN,
    KITTY_TERMINAL,
    PLAIN,
    XTERM_WITH_SIXEL,
    Emulator,
    on_emulator,
)

RED, BLUE = (220, 20, 20), (20, 20, 220)
PLACEHOLDER = "\U0010eeee"
SILENT = Emulator(attributes=None)
FAR = Emulator(system_knows_cell=False, delay_seconds=0.15)
IN_TMUX = Emulator(name="tmux 3.5a", attributes="1;2;4")
WITHOUT_EXTRA = "import sys; sys.modules['textual_image'] = None; from imagegen.__main__ import main; main()"


def flag(image_format: str = "PNG", size: tuple[int, int] = (300, 200)) -> bytes:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    buffer = io.BytesIO()
    image.save(buffer, image_format)
    return buffer.getvalue()


@pytest.fixture
def stored(home: Path) -> Path:
    """The flag, in the history."""
    (home / "flag.png").write_bytes(flag())
    return Path(run("process", "flag.png", "resize:100%", "--quiet").lines[0])


def is_flag(image: Image.Image) -> bool:
    picture = image.convert("RGB")
    half = picture.width // 2
    return all(
        difference < 8
        for box, wanted in (((0, 0, half - 2, picture.height), RED), ((half + 2, 0, *picture.size), BLUE))
        for got, channel in zip(ImageStat.Stat(picture.crop(box)).mean, wanted, strict=True)
        for difference in (abs(got - channel),)
    )


def likeness(one: Image.Image, path: Path) -> float:
    """The mean difference of a channel to the image in a file."""
    with Image.open(path) as image:
        other = image.convert("RGB").resize(one.size)
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def test_a_generated_image_appears_before_its_path() -> None:
    shown = on_emulator(XTERM_WITH_SIXEL, "generate", "a red fox", "-m", "local", "-s", "96x64")

    (path,) = [line for line in shown.text.splitlines() if line.strip().endswith(".png")]
    (picture,) = shown.sixels
    assert shown.code == 0
    assert likeness(picture, Path(path.strip())) < 12
    assert shown.raw.index(b"\x1bP0") < shown.raw.index(path.strip().encode())


def test_a_picture_fills_forty_columns_in_its_own_shape(stored: Path) -> None:
    (picture,) = on_emulator(XTERM_WITH_SIXEL, "history", "show", "last").sixels

    assert picture.size == (40 * 8, 13 * 16)
    assert is_flag(picture)


@pytest.mark.parametrize("size", [(100, 400), (400, 400)])
def test_a_tall_picture_keeps_to_twenty_rows(home: Path, size: tuple[int, int]) -> None:
    (home / "tall.png").write_bytes(flag(size=size))
    run("process", "tall.png", "resize:100%")

    (picture,) = on_emulator(XTERM_WITH_SIXEL, "history", "show", "last").sixels

    assert picture.height == 20 * 16
    assert picture.width == 20 * 16 * size[0] // size[1]


def test_a_low_window_gets_a_lower_picture(stored: Path) -> None:
    (picture,) = on_emulator(Emulator(rows=10), "history", "show", "last").sixels

    assert picture.height == 8 * 16


def test_a_window_without_room_gets_none(stored: Path) -> None:
    shown = on_emulator(Emulator(rows=4), "history", "show", "last", "--preview")

    assert not shown.sixels
    assert "note: no preview: a terminal of 4 rows has no room for it" in shown.text


def test_an_edited_image_appears(stored: Path) -> None:
    (picture,) = on_emulator(XTERM_WITH_SIXEL, "edit", "last", "grayscale", "-m", "local").sixels

    assert likeness(picture.convert("L").convert("RGB"), stored) > 50
    red, green, blue = ImageStat.Stat(picture).mean
    assert max(red, green, blue) - min(red, green, blue) < 3


def test_several_images_are_side_by_side() -> None:
    shown = on_emulator(XTERM_WITH_SIXEL, "generate", "a fox", "-m", "local", "-s", "64x64", "-n", "2")

    (sheet,) = shown.sixels
    paths = [line.strip() for line in shown.text.splitlines() if line.strip().endswith(".png")]
    size = sheet.height
    assert sheet.width <= 80 * 8
    assert likeness(sheet.crop((0, 0, size, size)), Path(paths[0])) < 12
    assert likeness(sheet.crop((sheet.width - size, 0, sheet.width, size)), Path(paths[1])) < 12


def test_a_drawing_without_pixels_is_drawn() -> None:
    shown = on_emulator(XTERM_WITH_SIXEL, "generate", "a fox", "-m", "local", "-f", "svg")

    (picture,) = shown.sixels
    assert len(picture.getcolors(maxcolors=1 << 24) or ()) > 20


def test_kitty_gets_the_image_and_characters_that_carry_its_number(stored: Path) -> None:
    shown = on_emulator(KITTY_TERMINAL, "history", "show", "last", environment={"COLORTERM": ""})

    number, image = shown.kitty_image()
    rows = [line for line in shown.text.splitlines() if PLACEHOLDER in line]
    colour = f"38;2;{number >> 16 & 255};{number >> 8 & 255};{number & 255}m".encode()
    assert is_flag(image)
    assert [row.count(PLACEHOLDER) for row in rows] == [40] * 13
    assert shown.raw.count(colour) == 13


@pytest.mark.parametrize("name", ["kitty(0.26.5)", "WezTerm 20260101", "Konsole 25.04", None])
def test_only_a_terminal_that_shows_images_behind_characters_gets_them(
    stored: Path, name: str | None
) -> None:
    shown = on_emulator(Emulator(name=name, attributes="62;22"), "history", "show", "last")

    assert b"\x1b_G" not in shown.raw
    assert PLACEHOLDER not in shown.text


def test_a_terminal_that_knows_its_cells_better_than_the_system_is_asked_once(stored: Path) -> None:
    emulator = Emulator(cell=(11, 23), system_knows_cell=False)

    shown = on_emulator(emulator, "history", "show", "last")

    assert shown.sixels[0].width == 40 * 11
    assert shown.questions == (b"\x1b[>q", b"\x1b[16t", b"\x1b[c")


def test_a_plain_terminal_is_asked_in_one_go_and_gets_none(stored: Path) -> None:
    shown = on_emulator(PLAIN, "history", "show", "last")

    assert shown.questions == (b"\x1b[>q", b"\x1b[c")
    assert not shown.sixels
    assert "▀" not in shown.text
    assert "preview" not in shown.text


def test_a_plain_terminal_gets_coloured_cells_when_asked_to(stored: Path) -> None:
    shown = on_emulator(PLAIN, "history", "show", "last", "--preview")

    rows = [line for line in shown.text.splitlines() if "▀" in line]
    cells = re.findall(r"38;2;(\d+);(\d+);(\d+)", shown.raw.decode())
    assert [row.count("▀") for row in rows] == [40] * 13
    assert {tuple(map(int, cell)) for cell in (cells[0], cells[-1])} == {RED, BLUE}


def test_a_terminal_inside_another_one_is_believed_only_when_asked_to(stored: Path) -> None:
    assert not on_emulator(IN_TMUX, "history", "show", "last").sixels
    assert on_emulator(IN_TMUX, "history", "show", "last", "--preview").sixels


def test_a_terminal_that_answers_nothing_gets_the_result_all_the_same(stored: Path) -> None:
    shown = on_emulator(SILENT, "history", "show", "last")

    assert shown.code == 0
    assert not shown.sixels
    assert str(stored) in shown.text


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("--no-preview",), {}),
        (("--json",), {}),
        (("--json", "--preview"), {}),
        ((), {"TERM": "dumb"}),
        ((), {"TERM": "linux"}),
        ((), {"TERM": ""}),
    ],
)
def test_nothing_is_asked_where_no_picture_is_wanted_or_possible(
    stored: Path, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    shown = on_emulator(
        XTERM_WITH_SIXEL,
        "history",
        "show",
        "last",
        *arguments,
        environment={"LC_ALL": "C.UTF-8"} | environment,
    )

    assert shown.code == 0
    assert shown.questions == ()
    assert not shown.sixels


def test_a_quiet_call_shows_no_picture() -> None:
    shown = on_emulator(XTERM_WITH_SIXEL, "generate", "a fox", "-m", "local", "-s", "64x64", "--quiet")

    assert shown.questions == ()
    assert re.fullmatch(r"\S+\.png\n", shown.text)


def test_nothing_is_asked_where_the_answers_could_not_be_read(stored: Path) -> None:
    shown = on_emulator(XTERM_WITH_SIXEL, "history", "show", "last", stdin=subprocess.DEVNULL)

    assert shown.questions == ()
    assert not shown.sixels


def test_keys_that_were_typed_meanwhile_reach_the_shell(stored: Path) -> None:
    script = f'"{IMAGEGEN[0]}" -m imagegen history show last; read -r line; echo "the shell got $line"'

    shown = on_emulator(XTERM_WITH_SIXEL, "/bin/sh", "-c", script, typed=b"ls -l\n")

    assert "the shell got ls -l" in shown.text
    assert shown.questions == ()


@pytest.mark.parametrize("emulator", [XTERM_WITH_SIXEL, PLAIN, KITTY_TERMINAL, FAR])
def test_no_answer_is_left_for_the_shell(stored: Path, emulator: Emulator) -> None:
    script = (
        f'"{IMAGEGEN[0]}" -m imagegen history show last --preview; stty -icanon min 0 time 5; '
        'echo "left: [$(dd bs=100 count=1 2>/dev/null | od -c)]"'
    )

    assert "left: [0000000]" in on_emulator(emulator, "/bin/sh", "-c", script).text


def test_a_far_terminal_gets_its_picture(stored: Path) -> None:
    assert is_flag(on_emulator(FAR, "history", "show", "last").sixels[0])


def test_a_call_in_the_background_is_not_stopped_by_its_preview(stored: Path) -> None:
    script = f'"{IMAGEGEN[0]}" -m imagegen history show last & wait; echo done'

    shown = on_emulator(XTERM_WITH_SIXEL, "/bin/sh", "-m", "-c", script)

    assert str(stored) in shown.text
    assert "done" in shown.text
    assert shown.questions == ()


def test_no_color_leaves_real_images_and_forbids_coloured_cells(stored: Path) -> None:
    colourless = {"NO_COLOR": "1"}

    assert on_emulator(XTERM_WITH_SIXEL, "history", "show", "last", environment=colourless).sixels
    assert on_emulator(KITTY_TERMINAL, "history", "show", "last", environment=colourless).kitty_image()
    plain = on_emulator(PLAIN, "history", "show", "last", "--preview", environment=colourless)
    assert "▀" not in plain.text
    assert "note: no preview: " in plain.text


def test_a_file_that_is_gone_or_broken_costs_only_the_picture(stored: Path) -> None:
    stored.write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    broken = on_emulator(XTERM_WITH_SIXEL, "history", "show", "last", "--preview")
    stored.unlink()
    gone = on_emulator(XTERM_WITH_SIXEL, "history", "show", "last")

    assert (broken.code, gone.code) == (0, 0)
    assert "note: no preview: it cannot be shown small" in broken.text
    assert "preview" not in gone.text
    assert str(stored) in gone.text


@pytest.mark.parametrize(("wish", "says_so"), [((), False), (("--preview",), True)])
def test_without_the_extra_only_who_asks_hears_of_it(
    stored: Path, wish: tuple[str, ...], says_so: bool
) -> None:
    shown = on_emulator(
        XTERM_WITH_SIXEL, sys.executable, "-c", WITHOUT_EXTRA, "history", "show", "last", *wish
    )

    assert shown.code == 0
    assert shown.questions == ()
    assert ('pip install "imagegen[preview]"' in shown.text) is says_so


def test_a_pipe_gets_the_path_alone() -> None:
    ran = run_process("generate", "a fox", "-m", "local", "-s", "64x64", "--preview", TERM="xterm-kitty")

    assert ran.code == 0
    assert re.fullmatch(r"\S+\.png\n", ran.out)
    assert "note: no preview: stdout is not a terminal" in ran.err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["generate", "a fox", "-m", "local", "-s", "64x64", "--preview"]]
)
def test_a_pipe_does_not_pay_for_drawing(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom imagegen.cli.app import app\n"
        f"app({arguments!r}, standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith(('textual_image', 'rich'))], file=sys.stderr)"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert ran.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (4, (4, 1)), (5, (3, 2)), (10, (4, 3))])
def test_a_sheet_has_rows_of_four_at_most(count: int, shape: tuple[int, int]) -> None:
    with Image.open(io.BytesIO(make_sheet([(flag(size=(100, 100)), "png")] * count, side=50))) as sheet:
        assert sheet.size == tuple(n * 50 + (n - 1) * 2 for n in shape)


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp", "gif"])
def test_a_sheet_takes_every_format(image_format: str) -> None:
    with Image.open(io.BytesIO(make_sheet([(flag(image_format), image_format)], side=80))) as sheet:
        assert is_flag(sheet)


def test_what_is_transparent_gets_a_checkered_ground() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (80, 80)).save(buffer, "PNG")

    with Image.open(io.BytesIO(make_sheet([(buffer.getvalue(), "png")], side=80))) as sheet:
        colours = sheet.convert("RGBA").getcolors() or []

    assert sorted(colours) == [(3200, (190, 190, 190, 255)), (3200, (230, 230, 230, 255))]
