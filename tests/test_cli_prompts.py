from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from imagegen.cli.prompts import app
from imagegen.errors import ConfigurationError, ExitCode, ImagegenError, NotFound, UsageError
from imagegen.templates import load_library, template_folder

NAMES = list(load_library(custom=False).templates)
COMPLETING = (
    "import sys, typer; from imagegen.cli.prompts import app; sys.argv = ['imagegen'];"
    "root = typer.Typer(); root.add_typer(app, name='prompts'); root()"
)


LONG = "x" * 300  # no file system has room for that as a name


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="imagegen prompts")


def document(*arguments: str) -> Any:
    ran = run(*arguments, "--json")
    assert (ran.exit_code, ran.stderr) == (0, "")
    return json.loads(ran.stdout)


def failure(*arguments: str) -> ImagegenError:
    """The error that the root group turns into a message and an exit code."""
    ran = run(*arguments)
    assert isinstance(ran.exception, ImagegenError)
    return ran.exception


def own(name: str, content: str) -> Path:
    path = template_folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def completed(*words: str) -> list[str]:
    """What a shell is offered for the last of these words."""
    line = " ".join(["imagegen", "prompts", *words])
    variables = {"_IMAGEGEN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) + 1)}
    done = subprocess.run(
        [sys.executable, "-c", COMPLETING],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )
    return done.stdout.split()


def test_list_has_a_row_for_every_template_with_its_use_and_its_arguments() -> None:
    rows = [line.split("\t") for line in run("list").stdout.splitlines()]

    assert [row[0] for row in rows] == NAMES
    assert rows[NAMES.index("og-image-prompt")][1:4] == ["link preview, 1200x630", "1200x630", "built-in"]
    assert rows[NAMES.index("blog-header-prompt")][4] == "topic [style; mood; include_text_space]"


def test_list_says_which_template_replaces_a_built_in_one_and_which_file_is_broken() -> None:
    mine = own("mine.toml", 'name = "og-image-prompt"\ntext = "mine"')
    own("bad.toml", "name = ")
    ran = run("list")

    assert f"{mine} (replaces built-in)" in ran.stdout
    assert "bad.toml:1:8: error" in ran.stderr
    assert "bad" not in run("list", "--quiet").stderr


def test_list_as_json_has_everything_a_program_needs() -> None:
    own("bad.toml", "name = ")
    listed = document("list")

    social = next(t for t in listed["templates"] if t["name"] == "social-media-post-prompt")
    assert social["size_for"]["platform"]["linkedin"] == "1200x627"
    assert social["arguments"][0] == {
        "name": "platform",
        "description": "The network (twitter is X)",
        "required": True,
        "type": "choice",
        "values": ["instagram", "facebook", "twitter", "linkedin"],
        "open": False,
        "example": None,
    }
    assert listed["problems"][0]["line"] == 1
    assert listed["folder"] == str(template_folder())


@pytest.mark.parametrize("name", NAMES)
def test_show_explains_every_argument_and_its_values(name: str) -> None:
    shown = run("show", name).stdout
    template = load_library().find(name)

    for argument in template.arguments:
        assert argument.name in shown and argument.description in shown
        assert all(value in shown for value in argument.values)
    assert f"imagegen generate --template {name} -a " in shown
    assert document("show", name)["text"] == template.text


def test_render_prints_the_prompt_alone_on_stdout_and_the_hints_on_stderr() -> None:
    ran = run("render", "og-image-prompt", "-a", "title=Ship faster", "-a", "include_logo=yes")

    assert ran.stdout.count("\n") == 1
    assert "“Ship faster”" in ran.stdout
    assert (
        ran.stderr
        == "og-image-prompt: suits 1200x630 (1.91:1), local/composer makes 1200x630, quality high\n"
    )
    assert run("render", "og-image-prompt", "-a", "title=x", "--quiet").stderr == ""


def test_render_as_json_has_the_text_the_hints_and_the_checked_arguments() -> None:
    rendered = document(
        "render", "social-media-post-prompt", "-a", "platform=LinkedIn", "-a", "content_type=tip"
    )

    assert rendered["template"] == {
        "name": "social-media-post-prompt",
        "arguments": {"platform": "linkedin", "content_type": "tip"},
    }
    assert (rendered["recommended_size"], rendered["quality"]) == ("1200x627", "medium")
    assert rendered["text"].startswith("Picture for a post on LinkedIn")


def test_render_reads_a_file_of_arguments_and_the_command_line_is_stronger(home: Path) -> None:
    (home / "facts.toml").write_text('title = "From the file"\nbrand_name = "Northwind"\n', encoding="utf-8")

    ran = run("render", "og-image-prompt", "--args-file", "facts.toml", "-a", "title=From the line")

    assert "“From the line”" in ran.stdout
    assert "“Northwind”" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (("render", "og-image"), UsageError, "Did you mean og-image-prompt?"),
        (("show", "og-image"), UsageError, "Did you mean og-image-prompt?"),
        (("render", "og-image-prompt"), UsageError, "title is missing"),
        (("render", "og-image-prompt", "-a", "titel=x"), UsageError, "did you mean title?"),
        (("render", "og-image-prompt", "-a", "title"), UsageError, "name=value"),
        (("render", "og-image-prompt", "-a", "title=x", "-a", "text_layout=up"), UsageError, "overlay"),
        (("render", "og-image-prompt", "--args-file", "nowhere.toml"), NotFound, "nowhere.toml"),
        (("render", "og-image-prompt", "--args-file", LONG), UsageError, "This cannot be read: "),
        (("new", "../up"), UsageError, "no name"),
        (("new", "x", "--from", "nothing"), NotFound, "nothing"),
        (("check", "nowhere.toml"), NotFound, "nowhere.toml"),
    ],
)
def test_a_failure_says_what_to_do(arguments: tuple[str, ...], kind: type[ImagegenError], said: str) -> None:
    error = failure(*arguments)

    assert type(error) is kind
    assert said in str(error)
    assert error.exit_code in (ExitCode.USAGE, ExitCode.NOT_FOUND)


def test_a_file_that_cannot_be_looked_at_is_no_missing_one() -> None:
    ran = run("check", LONG)

    assert isinstance(ran.exception, ConfigurationError)
    assert "This cannot be read: " in ran.stdout


def test_new_writes_a_file_that_checks_and_renders() -> None:
    path = Path(run("new", "event-poster").stdout.strip())

    assert path == template_folder() / "event-poster.toml"
    assert run("check").stdout == "1 file checked, no problems\n"
    assert run("check", str(path)).exit_code == 0
    ran = run("render", "event-poster", "-a", "subject=a boat", "-a", "background=plain")
    assert ran.stdout.startswith("Photograph of a boat")


def test_new_never_writes_over_a_file_unless_forced() -> None:
    path = own("mine.toml", "precious")

    assert "exists already" in str(failure("new", "mine"))
    assert path.read_text(encoding="utf-8") == "precious"
    assert document("new", "mine", "--force") == {"path": str(path)}
    assert path.read_text(encoding="utf-8") != "precious"


def test_new_can_start_from_a_built_in_template() -> None:
    run("new", "our-preview", "--from", "og-image-prompt")

    ran = run("render", "our-preview", "-a", "title=x", "--quiet")
    assert ran.stdout == run("render", "og-image-prompt", "-a", "title=x", "--quiet").stdout


def test_check_names_every_mistake_by_file_line_and_column_and_fails() -> None:
    path = own("mine.toml", 'text = """\nA {{ titel }} {b}"""\n[[argument]]\nname = "title"\n')
    ran = run("check")

    assert ran.stdout.splitlines() == [
        f"{path}:2:6: error: titel is no argument of this template. Did you mean title?",
        f"{path}:2:16: error: b is no argument of this template.",
        f"{path}:4:8: warning: The argument title is never used.",
    ]
    assert isinstance(ran.exception, ConfigurationError)
    assert "1 of 1 files" in str(ran.exception)


def test_check_with_warnings_alone_succeeds() -> None:
    own("mine.toml", 'text = "x"\n[[argument]]\nname = "title"\n')
    ran = run("check")

    assert ran.exit_code == 0
    assert "warning: The argument title is never used." in ran.stdout


def test_check_as_json_tells_the_same_to_a_program() -> None:
    own("mine.toml", "text = ")
    own("brand.toml", 'name = "Tidewater"')
    ran = run("check", "--json")

    checked = json.loads(ran.stdout)
    assert not checked["valid"]
    assert len(checked["files"]) == 2
    assert (checked["problems"][0]["line"], checked["problems"][0]["column"]) == (1, 8)
    assert isinstance(ran.exception, ConfigurationError)


def test_check_without_files_of_ones_own_is_fine() -> None:
    assert document("check") == {"valid": True, "files": [], "problems": []}


def test_help_names_every_template_and_the_arguments_they_take() -> None:
    group, command = run("--help").stdout, run("render", "--help").stdout

    for name in NAMES:
        assert name in group and name in command
    assert "include_logo: bool" in command
    assert "Examples:" in command


@pytest.mark.parametrize("command", ["list", "show", "render", "new", "check"])
def test_the_help_of_every_command_has_an_example(command: str) -> None:
    assert f"imagegen prompts {command}" in run(command, "--help").stdout.split("Example")[1]


def test_help_lists_ones_own_templates_and_survives_broken_ones() -> None:
    own("event-poster.toml", 'text = "x"\ndescription = "A poster for an event."')
    own("bad.toml", "text = ")

    assert "A poster for an event." in run("--help").stdout


def test_names_complete_with_ones_own_among_them() -> None:
    own("og-mine.toml", 'text = "x"')

    assert completed("show", "og-") == ["og-image-prompt", "og-mine"]
    assert completed("new", "x", "--from", "hero") == ["hero-banner-prompt"]


def test_arguments_complete_first_by_name_and_then_by_value() -> None:
    render = ("render", "og-image-prompt", "-a")

    assert completed(*render, "b") == ["brand_name=", "background_style="]
    assert completed(*render, "text_layout=") == [
        "text_layout=centered",
        "text_layout=left-aligned",
        "text_layout=split",
        "text_layout=overlay",
    ]
    assert completed(*render, "text_l") == completed(*render, "text_layout=")
    assert completed(*render, "include_logo=t") == ["include_logo=true"]
    assert completed("render", "unknown-prompt", "-a", "t") == []


def test_rendering_imports_no_vendor_sdk() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from imagegen.cli.prompts import app;"
        "r = CliRunner().invoke(app, ['render', 'og-image-prompt', '-a', 'title=x']);"
        "assert r.exit_code == 0;"
        "print([m for m in ('openai', 'PIL', 'httpx', 'sqlite3', 'google.genai') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
