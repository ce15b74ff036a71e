from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegen.errors import ExitCode, InputImageError
from imagegen.imaging import MAX_INPUT_BYTES
from imagegen.inputs import input_from_bytes, input_from_data_url, input_from_path, input_from_stream
from tests.pictures import encoded, noise, picture, plain_png

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
NEEDS_PERMISSIONS = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)


def refusal(path: Path | str) -> InputImageError:
    with pytest.raises(InputImageError) as caught:
        input_from_path(Path(path))
    return caught.value


def data_url(data: bytes, declared: str = "image/png;base64") -> str:
    return f"data:{declared},{base64.b64encode(data).decode()}"


def test_an_input_carries_its_bytes_and_what_they_are() -> None:
    data = encoded(noise(40, 30, "RGBA"), "png")
    image = input_from_bytes(data, source="stdin", image_id="img_1")
    assert (image.data, image.format, image.width, image.height) == (data, "png", 40, 30)
    assert image.sha256 == hashlib.sha256(data).hexdigest()
    assert (image.has_alpha, image.source, image.image_id) == (True, "stdin", "img_1")


def test_a_file_is_read_whatever_its_name_says() -> None:
    Path("photo.png").write_bytes(picture("jpeg"))
    image = input_from_path(Path("photo.png"))
    assert (image.format, image.source) == ("jpeg", "photo.png")


def test_a_link_to_an_image_is_followed() -> None:
    Path("photo.png").write_bytes(picture())
    try:
        Path("link").symlink_to("photo.png")
    except OSError:
        pytest.skip("no links here")
    assert input_from_path(Path("link")).format == "png"


def test_a_missing_file_is_refused_by_name_with_the_next_step() -> None:
    error = refusal("no/such.png")
    assert error.message == f"Cannot read the image {Path('no/such.png')}: there is no such file."
    assert error.exit_code is ExitCode.USAGE
    assert error.hint


def test_a_text_file_is_refused_without_showing_it() -> None:
    Path("notes.png").write_text("the key is sk-1234", encoding="utf-8")
    error = refusal("notes.png")
    assert "notes.png" in error.message
    assert "it is text" in error.message
    assert "sk-1234" not in str(error)


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp", "gif"])
def test_a_truncated_file_is_refused(image_format: str) -> None:
    data = picture(image_format)
    for cut in (1, len(data) // 4, len(data) // 2, len(data) - 1):
        Path("cut").write_bytes(data[:cut])
        assert "cannot be used" in refusal("cut").message


def test_an_empty_file_is_refused() -> None:
    Path("empty.png").touch()
    assert refusal("empty.png").message == "empty.png is empty."


def test_a_fifty_megapixel_file_is_refused() -> None:
    Path("bomb.png").write_bytes(plain_png(8000, 6400))
    assert "8000x6400 is over the limit" in refusal("bomb.png").message


@POSIX_ONLY
def test_a_folder_is_refused() -> None:
    Path("folder").mkdir()
    assert refusal("folder").message == "Cannot read the image folder: it is a folder."


@POSIX_ONLY
def test_a_pipe_is_refused_without_waiting_for_a_writer() -> None:
    os.mkfifo("pipe")
    error = refusal("pipe")
    assert "it is a pipe or a device" in error.message
    assert "stdin" in (error.hint or "")


@POSIX_ONLY
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom"])
def test_a_device_is_refused_without_reading_it(device: str) -> None:
    assert "it is a pipe or a device" in refusal(device).message


@NEEDS_PERMISSIONS
def test_a_file_that_may_not_be_read_is_refused() -> None:
    Path("secret.png").write_bytes(picture())
    Path("secret.png").chmod(0)
    assert "it may not be read" in refusal("secret.png").message


@pytest.mark.parametrize("name", ["a\0b.png", "\ud800.png", "a\0" * 5000])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    assert "Cannot read the image" in refusal(name).message


def test_a_very_long_name_is_refused_and_shortened() -> None:
    error = refusal("x" * 100_000)
    assert len(error.message) < 300
    assert "…" in error.message


def test_a_loop_of_links_is_refused() -> None:
    try:
        Path("loop").symlink_to("loop")
    except OSError:
        pytest.skip("no links here")
    assert "Cannot read the image loop" in refusal("loop").message


def test_a_file_over_the_limit_is_refused_unread() -> None:
    with Path("huge.png").open("wb") as file:
        file.truncate(MAX_INPUT_BYTES * 1000)
    assert f"more than {MAX_INPUT_BYTES:,} bytes" in refusal("huge.png").message


class Endless(io.BytesIO):
    """A stream that never ends and counts what was taken from it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size >= 0
        self.taken += size
        return bytes(size)


def test_an_endless_stream_is_not_read_beyond_the_limit() -> None:
    stream = Endless()
    with pytest.raises(InputImageError, match="stdin has more than"):
        input_from_stream(stream, source="stdin")
    assert stream.taken == MAX_INPUT_BYTES + 1


def test_a_stream_is_read_to_its_end() -> None:
    assert input_from_stream(io.BytesIO(picture("webp")), source="stdin").format == "webp"


def test_nothing_on_stdin_is_refused() -> None:
    with pytest.raises(InputImageError, match=r"stdin is empty\."):
        input_from_stream(io.BytesIO(), source="stdin")


def test_an_svg_without_a_size_is_refused() -> None:
    with pytest.raises(InputImageError, match="states no size"):
        input_from_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>", source="drawing.svg")


@pytest.mark.parametrize(
    "url",
    [
        data_url(picture()),
        data_url(picture(), "image/png;charset=utf-8;base64"),
        data_url(picture(), "image/jpeg;base64"),
        data_url(picture(), "text/plain;base64"),
        data_url(picture(), ";base64"),
        data_url(picture(), "IMAGE/PNG;BASE64").replace("data:", "DATA:"),
        f"data:image/png;base64,{base64.encodebytes(picture()).decode()}",
        f"data:image/png;base64,{quote(base64.b64encode(picture()).decode(), safe='')}",
        f"data:image/png,{quote(picture())}",
    ],
    ids=range(9),
)
def test_a_data_url_is_what_its_bytes_are(url: str) -> None:
    image = input_from_data_url(url)
    assert (image.format, image.data, image.source) == ("png", picture(), "data URL")


def test_an_svg_may_stand_in_a_data_url_as_text() -> None:
    text = picture("svg").decode()
    assert input_from_data_url(f"data:image/svg+xml;utf8,{text}").format == "svg"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("data:image/png;base64", "Not a data URL"),
        ("data:", "Not a data URL"),
        ("data:image/png;base64,", "is empty"),
        ("data:image/png;base64,iVBORw0KGgo", "damaged"),
        ("data:image/png;base64,iVBORw0*Ggo=", "damaged"),
        ("data:image/png;base64,ïVBORw0K", "damaged"),
        ("data:image/png;base64,\ud800", "damaged"),
        ("data:image/png,\ud800", "damaged"),
        ("data:image/png;base64,aGVsbG8=", "it is text"),
        ("data:image/png,hello", "it is text"),
    ],
)
def test_a_bad_data_url_is_refused(url: str, says: str) -> None:
    with pytest.raises(InputImageError, match=says):
        input_from_data_url(url)


def test_a_data_url_over_the_limit_is_refused() -> None:
    with pytest.raises(InputImageError, match="too long"):
        input_from_data_url("data:image/png;base64," + "A" * (MAX_INPUT_BYTES * 3 + 1))
    with pytest.raises(InputImageError, match="more than"):
        input_from_data_url("data:image/png;base64," + "A" * (MAX_INPUT_BYTES // 3 * 4 + 8))


@settings(max_examples=150)
@given(st.text(max_size=60))
def test_any_text_after_data_is_refused_with_our_error(text: str) -> None:
    with pytest.raises(InputImageError):
        input_from_data_url(f"data:{text}")
