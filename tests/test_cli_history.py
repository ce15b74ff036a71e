from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from tests.command import run, run_process
from tests.fakes.openai_server import FakeOpenAI

FLARE = ("-m", "gpt-image-2.5-flare", "--quiet")


@pytest.fixture
def three(openai: FakeOpenAI) -> list[str]:
    """Three images in the history, oldest first: their ids."""
    prompts = ("a red fox", "a blue boat", 'a red boat, NEAR the "shore"')
    return [Path(run("generate", prompt, *FLARE).lines[0]).stem for prompt in prompts]


def ids(*arguments: str) -> list[str]:
    return [line.split("\t")[0] for line in run("history", *arguments).lines]


def test_the_list_is_newest_first_and_tab_separated_in_a_pipe(three: list[str]) -> None:
    assert ids("list") == three[::-1]


def test_pages_follow_each_other_without_gap_or_overlap(three: list[str]) -> None:
    first = run("history", "list", "--limit", "2", "--json").json
    second = run("history", "list", "--limit", "2", "--cursor", first["next_cursor"], "--json").json

    assert [image["image_id"] for image in first["images"] + second["images"]] == three[::-1]
    assert second["next_cursor"] is None


def test_search_finds_words_whatever_their_order(three: list[str]) -> None:
    assert ids("search", "boat", "red") == [three[2]]
    assert ids("search", "boat") == [three[2], three[1]]


@pytest.mark.parametrize("text", ['"', "NEAR(", "a AND", "*", "prompt:", "(((", "'; DROP TABLE images; --"])
def test_search_takes_any_text_for_words(three: list[str], text: str) -> None:
    assert run("history", "search", "--", text).code == 0


def test_filters_narrow_the_list(three: list[str], openai: FakeOpenAI) -> None:
    edited = Path(run("edit", "last", "rain", "-m", "gpt-image-2", "--quiet").lines[0]).stem

    assert ids("list", "--operation", "edit") == [edited]
    assert ids("list", "--model", "gpt-image-2") == [edited]
    assert ids("list", "--model", "openai/gpt-image-2") == [edited]
    assert ids("list", "--provider", "local") == []
    assert ids("list", "--provider", "not-utf-8-\udcff", "--model", "\udcff") == []
    assert ids("list", "--until", "2020-01-01") == []
    assert len(ids("list", "--since", "2020-01-01")) == 4
    assert len(ids("list", "--days", "1")) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ("--since", "yesterday"),
        ("--until", "9999-12-31"),
        ("--since", "0001-01-01T00:00+14:00"),
        ("--days", "-1"),
        ("--days", "1", "--since", "2026-01-01"),
        ("--cursor", "x y"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(arguments: tuple[str, ...]) -> None:
    assert run("history", "list", *arguments).code == 2


def test_show_prints_the_whole_record_and_the_lineage(three: list[str], openai: FakeOpenAI) -> None:
    edited = Path(run("edit", three[0], "make it rain", *FLARE).lines[0]).stem

    assert f"made into      {edited}" in run("history", "show", three[0]).out
    shown = run("history", "show", edited).out
    assert f"made from      {three[0]}  a red fox" in shown
    assert run("history", "show", three[0], "--json").json["children"] == [edited]


@pytest.mark.parametrize(("image", "code"), [("img_20200101000000_000000000000", 8), ("../../etc/passwd", 2)])
def test_an_unknown_or_malformed_id_is_refused(image: str, code: int) -> None:
    assert run("history", "show", image).code == code


def test_delete_removes_image_sidecar_and_entry(three: list[str], home: Path) -> None:
    ran = run("history", "delete", three[0], "last", "--yes", "--json")

    assert ran.json["deleted"] == [three[0], three[2]]
    assert ids("list") == [three[1]]
    assert len([path for path in home.rglob("img_*") if path.is_file()]) == 2


def test_delete_in_a_pipe_needs_yes(three: list[str]) -> None:
    ran = run("history", "delete", "last")

    assert ran.code == 2
    assert "--yes" in ran.err
    assert len(ids("list")) == 3


def test_delete_checks_every_id_before_the_first_goes(three: list[str]) -> None:
    ran = run("history", "delete", three[0], "img_20200101000000_000000000000", "--yes")

    assert ran.code == 8
    assert len(ids("list")) == 3


def test_reindex_finds_everything_again(three: list[str], home: Path) -> None:
    for path in (home / "data").glob("index.sqlite3*"):
        path.write_bytes(b"\x00" * 3000)

    ran = run("history", "reindex", "--json")

    assert ran.code == 0
    assert ids("list") == three[::-1]


def test_a_corrupt_index_repairs_itself_and_says_so(three: list[str], home: Path) -> None:
    (home / "data" / "index.sqlite3").write_bytes(b"this is no database" * 500)

    ran = run("history", "list")

    assert [line.split("\t")[0] for line in ran.lines] == three[::-1]
    assert "index" in ran.err


def test_a_corrupt_sidecar_is_named_and_the_rest_is_there(three: list[str], home: Path) -> None:
    (sidecar,) = home.rglob(f"{three[0]}.json")
    sidecar.write_text("{ torn", encoding="utf-8")

    ran = run("history", "reindex", "--json")

    (broken,) = ran.json["broken"]
    assert broken["path"] == str(sidecar)
    assert ids("list")[:2] == three[:0:-1]


def test_a_zip_export_has_images_and_sidecars(three: list[str], home: Path) -> None:
    ran = run("history", "export", "all.zip", "--json")

    assert ran.json["images"] == 3
    with zipfile.ZipFile(home / "all.zip") as archive:
        names = archive.namelist()
        assert len(names) == 6
        assert archive.testzip() is None
        first = next(name for name in names if name.endswith(f"{three[0]}.json"))
        assert json.loads(archive.read(first))["prompt"] == "a red fox"


def test_json_lines_go_to_stdout(three: list[str]) -> None:
    records = [json.loads(line) for line in run("history", "export", "-").lines]

    assert [record["image_id"] for record in records] == three[::-1]


def test_a_csv_export_quotes_and_disarms_prompts(openai: FakeOpenAI, home: Path) -> None:
    run("generate", '=HYPERLINK("x"),"\n2nd line', *FLARE)

    run("history", "export", "all.csv")

    (row,) = csv.DictReader(io.StringIO((home / "all.csv").read_text(encoding="utf-8")))
    assert row["prompt"].startswith("'=HYPERLINK")
    assert row["format"] == "png"


def test_an_export_of_an_unknown_kind_is_refused(three: list[str]) -> None:
    assert run("history", "export", "all.tar").code == 2


def test_a_reader_that_goes_away_is_no_error_to_shout_about(three: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "imagegen", "history", "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writing)

    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_history_imports_no_sdk_and_no_image_library(three: list[str]) -> None:
    assert _heavy_imports("history", "list") == []
    assert _heavy_imports("models", "list") == []


def _heavy_imports(*arguments: str) -> list[str]:
    ran = run_process(*arguments, PYTHONPROFILEIMPORTTIME="1")
    assert ran.code == 0, ran.err
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.err.splitlines()}
    return sorted(modules & {"openai", "google", "mcp", "PIL", "httpx", "httpx2", "resvg_py"})


def test_an_empty_history_says_so_and_is_no_error() -> None:
    ran = run("history", "list")

    assert ran.code == 0
    assert ran.out == ""
    assert "no images yet" in ran.err
