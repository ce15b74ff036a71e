"""The registry: built-ins and plugins come through one door, and a broken one stands alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from imagegen.providers import BUILT_IN, LoadedProviders, load_providers
from imagegen.settings import Settings

PLUGIN = """
from imagegen.providers.base import Availability, Provider

class {class_name}(Provider):
    name = "{name}"
    title = "A plugin"

    @classmethod
    def from_settings(cls, settings):
        {build}

    default_model = "one"

    def availability(self):
        return Availability(True, "always")

    def models(self):
        return ()

    def wire_call(self, request):
        raise NotImplementedError

    async def generate(self, request, *, on_progress):
        raise NotImplementedError

    async def edit(self, request, *, on_progress):
        raise NotImplementedError
"""


class Plugins:
    """A folder on the import path in which distributions with entry points are installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, value: str, source: str) -> None:
        module = value.partition(":")[0]
        (self.folder / f"{module}.py").write_text(source, encoding="utf-8")
        info = self.folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(f"[imagegen.providers]\n{name} = {value}\n", encoding="utf-8")

    def provider(
        self, name: str, module: str, *, calls_itself: str | None = None, build: str = "return cls()"
    ) -> None:
        source = PLUGIN.format(class_name="Example", name=calls_itself or name, build=build)
        self.install(name, f"{module}:Example", source)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.syspath_prepend(tmp_path)
    return Plugins(tmp_path)


def load() -> LoadedProviders:
    return load_providers(Settings())


def broken_plugins(loaded: LoadedProviders) -> dict[str, str]:
    return {name: reason for name, reason in loaded.broken.items() if name not in BUILT_IN}


def test_every_built_in_provider_loads_and_answers_to_its_name() -> None:
    loaded = load()
    assert loaded.broken == {}
    assert set(BUILT_IN) <= set(loaded.providers)
    assert all(provider.name == name for name, provider in loaded.providers.items())


def test_a_plugin_is_loaded_by_the_same_door(plugins: Plugins) -> None:
    plugins.provider("painter", "registry_painter")
    loaded = load()
    assert loaded.providers["painter"].title == "A plugin"
    assert broken_plugins(loaded) == {}


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("registry_import_error", "import no_such_module_anywhere", "no_such_module_anywhere"),
        ("registry_syntax_error", "def broken(:", "SyntaxError"),
        ("registry_exits", "raise SystemExit('stop all')", "stop all"),
        ("registry_no_class", "", "Example"),
        ("registry_function", "def Example(): ...", "not a subclass"),
        ("registry_other_class", "class Example: ...", "not a subclass"),
        (
            "registry_abstract",
            PLUGIN.format(class_name="Example", name="odd", build="return cls()").replace(
                "async def edit", "async def _"
            ),
            "abstract",
        ),
        (
            "registry_raises",
            PLUGIN.format(class_name="Example", name="odd", build="raise RuntimeError('no licence')"),
            "no licence",
        ),
        (
            "registry_other_result",
            PLUGIN.format(class_name="Example", name="odd", build="return 7"),
            "built a int",
        ),
        (
            "registry_other_name",
            PLUGIN.format(class_name="Example", name="even", build="return cls()"),
            "calls itself even",
        ),
    ],
)
def test_a_broken_plugin_is_reported_and_the_rest_is_loaded(
    plugins: Plugins, module: str, source: str, reason: str
) -> None:
    plugins.install("odd", f"{module}:Example", source)
    plugins.provider("painter", f"{module}_neighbour")
    loaded = load()
    assert list(broken_plugins(loaded)) == ["odd"]
    assert reason in loaded.broken["odd"]
    assert {"openai", "painter"} <= set(loaded.providers)


def test_a_plugin_cannot_take_a_built_ins_name(plugins: Plugins) -> None:
    plugins.provider("openai", "registry_usurper")
    loaded = load()
    assert type(loaded.providers["openai"]).__module__ == "imagegen.providers.openai"
    assert broken_plugins(loaded) == {
        "openai (registry_usurper:Example)": "the name openai belongs to another provider"
    }


def test_of_two_plugins_of_one_name_one_is_reported(plugins: Plugins) -> None:
    plugins.provider("painter", "registry_twin_a")
    plugins.provider("painter", "registry_twin_b")
    loaded = load()
    assert type(loaded.providers["painter"]).__module__ == "registry_twin_a"
    assert list(broken_plugins(loaded)) == ["painter (registry_twin_b:Example)"]


def test_a_long_reason_is_cut(plugins: Plugins) -> None:
    plugins.provider("painter", "registry_talker", build="raise ValueError('x' * 10_000)")
    assert len(load().broken["painter"]) <= 300


def test_the_registry_and_the_models_need_no_sdk_and_no_imaging() -> None:
    script = (
        "import sys\n"
        "from imagegen.providers import load_providers\n"
        "from imagegen.settings import Settings\n"
        "loaded = load_providers(Settings())\n"
        "models = [m for p in loaded.providers.values() for m in p.models()]\n"
        "[p.availability() for p in loaded.providers.values()]\n"
        "heavy = {'openai', 'httpx', 'httpx2', 'PIL', 'resvg_py', 'sqlite3', 'typer', 'rich'}\n"
        "print(len(models) > 10, sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout.strip() == "True []"
