"""stats, cleanup, models, config and doctor."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.command import run, run_process
from tests.conftest import KEY
from tests.fakes.openai_server import FakeOpenAI

FLARE = ("-m", "gpt-image-2.5-flare", "--quiet")


def test_stats_count_images_bytes_and_spend(openai: FakeOpenAI) -> None:
    cost = run("generate", "a fox", *FLARE, "-n", "3", "--json").json["cost_info"]["cost_usd"]

    document = run("stats", "--json").json

    assert document["total_images"] == 3
    assert document["cost_usd"] == pytest.approx(cost, abs=1e-9)
    assert document["by_model"][0]["model"] == "openai/gpt-image-2.5-flare"
    assert document["by_day"][0]["images"] == 3
    assert document["retention_days"] == 30
    assert document["last_cleanup"] is None


def test_stats_of_nothing_are_zero() -> None:
    ran = run("stats")

    assert ran.code == 0
    assert "images        0" in ran.out


def test_a_dry_clean_up_shows_what_the_real_one_deletes(openai: FakeOpenAI, home: Path) -> None:
    run("generate", "a fox", *FLARE, "-n", "2")

    dry = run("cleanup", "--older-than", "0d", "--dry-run", "--json").json
    assert len(run("history", "list").lines) == 2
    real = run("cleanup", "--older-than", "0d", "--json").json

    assert [image["image_id"] for image in dry["images"]] == [image["image_id"] for image in real["images"]]
    assert run("history", "list").lines == []
    assert run("stats", "--json").json["last_cleanup"]["images"] == 2


def test_a_clean_up_by_size_deletes_the_oldest(openai: FakeOpenAI) -> None:
    oldest = Path(run("generate", "a fox", *FLARE).lines[0])
    newest = Path(run("generate", "a boat", *FLARE).lines[0])

    run("cleanup", "--max-size", f"{newest.stat().st_size + 10}")

    assert not oldest.exists()
    assert newest.exists()


def test_a_quiet_clean_up_with_nothing_to_do_says_nothing() -> None:
    ran = run_process("cleanup", "--quiet")

    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize(
    "arguments", [("--older-than", "soon"), ("--max-size", "big"), ("--older-than", "-3d")]
)
def test_a_clean_up_refuses_what_it_does_not_understand(arguments: tuple[str, ...]) -> None:
    assert run("cleanup", *arguments).code == 2


def test_models_list_shows_the_default_and_hides_the_retired() -> None:
    names = [line.split("\t")[0] for line in run("models", "list").lines]
    everything = [line.split("\t")[0] for line in run("models", "list", "--all").lines]

    assert "local/composer *" in names
    assert "openai/dall-e-3" not in names
    assert "openai/dall-e-3" in everything


def test_models_show_has_rules_life_cycle_and_prices() -> None:
    document = run("models", "show", "gpt-image-1.5", "--json").json

    assert document["status"] == "deprecated"
    assert document["shutdown_date"] == "2026-12-01"
    assert document["replacement"]
    assert "low" in document["parameters"]["quality"]
    assert document["prices"]


def test_an_unknown_model_is_not_found_and_a_near_one_is_offered() -> None:
    ran = run("models", "show", "gpt-imag-2.5-flare")

    assert ran.code == 8
    assert "gpt-image-2.5-flare" in ran.err


def test_a_setting_is_set_shown_used_and_unset(openai: FakeOpenAI) -> None:
    assert run("config", "set", "images.default_size", "1024x1024").code == 0
    assert run("config", "get", "images.default_size").out == "1024x1024\n"
    run("generate", "a fox", *FLARE)
    assert openai.fields[0]["size"] == "1024x1024"
    assert run("config", "set", "images.default_size", "--unset").code == 0
    assert run("config", "get", "images.default_size").out == "1536x1024\n"


def test_a_key_is_read_from_a_pipe_and_masked_everywhere() -> None:
    ran = run("config", "set", "providers.openai.api_key", stdin=f"{KEY}\n")
    shown = run("config", "show", "--json")

    assert ran.code == 0
    assert KEY not in ran.out + ran.err + shown.out
    assert run("config", "get", "providers.openai.api_key", "--reveal").out == f"{KEY}\n"
    assert Path(run("config", "path").out.strip()).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("set", "images.default_size", "big"), 3),
        (("set", "images.defalt_size", "1024x1024"), 8),
        (("get", "nothing.at.all"), 8),
        (("set", "images.default_size", "1x1", "--unset"), 2),
    ],
)
def test_a_wrong_setting_is_refused(arguments: tuple[str, ...], code: int) -> None:
    assert run("config", *arguments).code == code


def test_init_writes_a_file_that_is_valid_and_does_not_write_over_one() -> None:
    assert run("config", "init").code == 0
    assert run("config", "check").code == 0
    assert run("config", "init").code == 2
    assert run("config", "init", "--force").code == 0


def test_a_broken_config_file_is_named_with_its_line(home: Path) -> None:
    (home / "broken.toml").write_text('[images]\ndefault_size = "1024x1024\n', encoding="utf-8")

    ran = run("--config", "broken.toml", "config", "check")

    assert ran.code == 3
    assert "broken.toml" in ran.err
    assert "line 2" in ran.err


def test_an_unknown_key_stops_every_command_with_the_right_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES__DEFALT_SIZE", "1024x1024")

    ran = run("generate", "a fox")

    assert ran.code == 3
    assert "IMAGES__DEFAULT_SIZE" in ran.err


def test_doctor_finds_a_fresh_machine_healthy() -> None:
    ran = run("doctor", "--json")

    assert ran.code == 0
    assert ran.json["healthy"]


def test_doctor_names_a_store_that_cannot_be_written(home: Path) -> None:
    (home / "data").write_text("a file where the folder should be", encoding="utf-8")

    ran = run("doctor", "--json")

    assert ran.code == 3
    assert not json.loads(ran.out)["healthy"]


def test_every_command_has_an_example_and_json() -> None:
    for command in ("generate", "edit", "stats", "cleanup", "doctor"):
        text = run(command, "--help").out
        assert "Example" in text, command
        assert "--json" in text, command
    for group in ("history", "models", "config"):
        for line in run(group, "--help").out.partition("Commands:")[2].splitlines():
            if line.startswith("  ") and not line.startswith("   ") and line.split()[0] != "Examples:":
                text = run(group, line.split()[0], "--help").out
                assert "Example" in text, (group, line)
                assert "--json" in text, (group, line)
            if "Examples" in line:
                break


def test_the_version_is_that_of_the_installed_package() -> None:
    assert run_process("--version").out == f"imagegen {version('imagegen')}\n"


def test_called_alone_it_shows_its_help() -> None:
    ran = run()

    assert ran.code == 0
    assert "Commands:" in ran.out
