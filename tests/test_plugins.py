"""Plugins as their authors ship them: built, installed, used by the command, and held to the contract."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from imagegen.errors import ImagegenError
from imagegen.providers import base
from imagegen.providers.testing import ProviderContract
from tests.command import Ran, run_process

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example plugin, built by its own build backend and installed by pip into a folder."""
    source = tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(ROOT / "tests" / "example_plugin", source)
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    done = subprocess.run([*command, *offline, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def imagegen(plugins: Path, *arguments: str) -> Ran:
    """The command in a process that finds the plugins of a folder."""
    return run_process(*arguments, PYTHONPATH=os.pathsep.join((str(plugins), str(ROOT))))


def test_an_installed_plugin_lists_its_models(installed: Path) -> None:
    ran = imagegen(installed, "models", "list")

    assert ran.code == 0
    assert "example/stripes" in ran.out
    assert "stripes in eight colours" in imagegen(installed, "models", "show", "example").out


def test_an_installed_plugin_makes_and_edits_images(installed: Path) -> None:
    made = imagegen(
        installed, "generate", "a fox", "-m", "example", "-n", "2", "--process", "negative", "--json"
    )
    assert made.code == 0, made.err
    assert [image["provider"] for image in made.json["images"]] == ["example", "example"]
    assert made.json["images"][0]["details"]["processed"] == "negative"

    edited = imagegen(installed, "edit", "last", "rain", "-m", "example/stripes", "--json")
    assert edited.json["images"][0]["parents"] == [made.json["images"][1]["image_id"]]


def test_an_installed_plugins_limits_are_known_before_the_call(installed: Path) -> None:
    ran = imagegen(installed, "generate", "a fox", "-m", "example", "-s", "1024x1024")

    assert ran.code == 2
    assert "256x256" in ran.err


def test_doctor_knows_an_installed_plugin(installed: Path) -> None:
    ran = imagegen(installed, "doctor")

    assert ran.code == 0
    assert "paints stripes" in ran.out
    assert "negative" in ran.out


def test_a_broken_plugin_is_reported_by_doctor_and_the_rest_works(installed: Path, tmp_path: Path) -> None:
    plugins = tmp_path / "site"
    shutil.copytree(installed, plugins)
    (plugins / "example_images" / "provider.py").write_text("import no_such_package", encoding="utf-8")

    doctor = imagegen(plugins, "doctor")

    assert doctor.code == 3
    assert "plugin example" in doctor.out
    assert "no_such_package" in doctor.out
    assert imagegen(plugins, "generate", "a fox", "-m", "local", "-s", "64x64").code == 0
    assert imagegen(plugins, "process", "last", "negative").code == 0


def test_the_example_in_the_documentation_works_as_it_stands(tmp_path: Path) -> None:
    code, declared = documented(base.__doc__ or "")
    write_plugin(tmp_path / "site", "your_package", code, declared)

    ran = imagegen(tmp_path / "site", "generate", "a fox", "-m", "flat/plain", "-n", "2", "--json")

    assert ran.code == 0, ran.err
    assert [image["file_info"]["format"] for image in ran.json["images"]] == ["svg", "svg"]
    contract = (
        "from imagegen.providers.testing import ProviderContract\n"
        "from your_package import FlatProvider\n\n"
        "class TestFlat(ProviderContract):\n    provider_class = FlatProvider\n"
    )
    (tmp_path / "test_flat.py").write_text(contract, encoding="utf-8")
    assert _pytest(tmp_path) == (0, {"passed": 14, "skipped": 4})


def test_the_documented_processor_works_as_it_stands(tmp_path: Path) -> None:
    from imagegen.processors import base as processors_base

    code, declared = documented(processors_base.__doc__ or "")
    write_plugin(tmp_path / "site", "your_package", f"import io\nfrom PIL import Image\n{code}", declared)

    ran = imagegen(
        tmp_path / "site", "generate", "a fox", "-m", "local", "-s", "64x64", "--process", "grayscale"
    )

    assert ran.code == 0, ran.err


def documented(text: str) -> tuple[str, str]:
    """The code and the entry point of a docstring's example."""
    blocks = re.findall(r"(?m)(?:^    .*\n|^\n)+", text)
    code, entry = (textwrap.dedent(block).strip() for block in blocks if block.strip())
    return code, entry


def write_plugin(folder: Path, module: str, code: str, declared: str) -> None:
    """A distribution as pip leaves it; `declared` is the entry point's table of the pyproject.toml."""
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    table = declared.replace('[project.entry-points."', "[").replace('"]', "]").replace('"', "")
    (info / "entry_points.txt").write_text(table, encoding="utf-8")


def _pytest(folder: Path) -> tuple[int, dict[str, int]]:
    """Run the tests of a folder; the exit code and how many had which outcome."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(folder),
            str(folder),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder / "site"), str(ROOT)))},
        check=False,
    )
    counts = re.findall(r"(\d+) (passed|failed|skipped|error)", done.stdout.splitlines()[-1])
    return done.returncode, {outcome: int(count) for count, outcome in counts}


FLAWS = {
    "two models of one id": ("return (PLAIN,)", "return (PLAIN, PLAIN)", "test_its_models_are_consistent"),
    "a model of another": ('provider="flat"', 'provider="openai"', "test_its_models_are_consistent"),
    "no reason": ('reason="It needs no key."', 'reason=""', "test_its_availability_says_why"),
    "no default": ('default_model = "plain"', 'default_model = "none"', "test_its_default_model"),
    "a slow import": (
        "return cls()",
        "import PIL; return cls()",
        "test_nothing_is_imported_or_sent_before_a_call",
    ),
    "a connection": (
        "return cls()",
        "import socket; socket.getaddrinfo('localhost', 1); return cls()",
        "test_nothing_is_imported_or_sent_before_a_call",
    ),
    "bytes on the wire": (
        '"n": request.n}',
        '"n": b"bytes"}',
        "test_what_it_would_send_is_json_without_secrets_and_images",
    ),
    "another call each time": (
        '"n": request.n}',
        '"n": id(object()), "at": __import__("time").perf_counter_ns()}',
        "test_equal_requests_are_sent_equally",
    ),
    "no image": ("data=svg.encode()", "data=b'hello'", "test_it_makes_images_that_can_be_read"),
    "too many images": ("* request.n)", "* 9)", "test_it_makes_images_that_can_be_read"),
    "a swallowed cancellation": (
        "colour = request",
        "import asyncio\n"
        "        try:\n"
        "            await asyncio.sleep(0.1)\n"
        "        except asyncio.CancelledError:\n"
        "            raise RuntimeError('not now')\n"
        "        colour = request",
        "test_a_cancelled_call_ends",
    ),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_contract_finds_a_flaw(flaw: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after, test = FLAWS[flaw]
    code, _ = documented(base.__doc__ or "")
    assert before in code
    module = f"flawed_{re.sub(r'[^a-z]', '_', flaw)}"
    (tmp_path / f"{module}.py").write_text(code.replace(before, after), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    class Contract(ProviderContract):
        provider_class = importlib.import_module(module).FlatProvider

    contract = Contract()
    (name,) = [name for name in dir(contract) if name.startswith(test)]
    with pytest.raises((AssertionError, ValueError, TypeError, RuntimeError, ImagegenError)):
        getattr(contract, name)()
