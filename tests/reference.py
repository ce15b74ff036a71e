"""The parts of README and `completions/` that are made from the code."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from imagegen.cli.app import COMMANDS
from imagegen.settings_fields import FIELDS, plain
from tests.command import run

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
COMPLETIONS = {
    "bash": "imagegen.bash",
    "zsh": "imagegen.zsh",
    "fish": "imagegen.fish",
    "powershell": "imagegen.ps1",
}


def block(name: str) -> re.Pattern[str]:
    """Where a generated part stands in the README."""
    return re.compile(rf"(<!-- generated: {name} -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def commands() -> str:
    """Every command's help."""
    return "\n".join(f"### `{path}`\n\n```text\n{text}```\n" for path, text in _helps())


def _helps() -> Iterator[tuple[str, str]]:
    for name in COMMANDS:
        text = run(name, "--help").out
        yield f"imagegen {name}", text
        listed = text.partition("Commands:\n")[2].partition("\n\n")[0]
        for line in listed.splitlines():
            member = re.match(r"  (\w\S*)", line)
            if member:
                yield f"imagegen {name} {member[1]}", run(name, member[1], "--help").out


def settings() -> str:
    """Every setting."""
    rows = ["| variable | takes | default | what it does |", "|---|---|---|---|"]
    for field in FIELDS.values():
        default = plain(field, field.default)
        shown = (
            "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        )
        rows.append(f"| `{field.environment}` | {field.takes} | {shown} | {field.description} |")
    return "\n".join(rows) + "\n"


def completion_script(shell: str) -> str:
    """The script that the command itself prints for a shell."""
    done = subprocess.run(
        [sys.executable, "-c", "from imagegen.__main__ import main; main()"],
        env={**os.environ, "_IMAGEGEN_COMPLETE": f"source_{shell}"},
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
    )
    return done.stdout


TRANSCRIPTS = {
    "first picture": ('imagegen generate "a red fox under pine trees at night, snow"',),
    "dry run": (
        'imagegen generate "a paper boat on a pond" -m gpt-image-2.5-flare -q low -s 1024x1024 --dry-run',
    ),
    "refused": ('imagegen generate "a paper boat" -m gpt-image-2.5-flare -s 1000x1000',),
}


def transcript(name: str, home: Path) -> str:
    """What a person sees who types the commands, with the parts that differ each time made equal."""
    shown = "".join(_typed(line, home) for line in TRANSCRIPTS[name])
    return f"```console\n{shown}```\n"


def _typed(line: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(line)],
        env={**os.environ, "IMAGEGEN_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        encoding="utf-8",
    )
    return f"$ {line}\n{_evened(done.stdout, home)}"


def _evened(text: str, home: Path) -> str:
    text = text.replace(str(home / "data"), "~/.local/share/imagegen")
    text = re.sub(r"img_\d{14}_[0-9a-f]{12}", "img_20261122150000_0a1b2c3d4e5f", text)
    text = re.sub(r"images/\d{4}/\d\d/\d\d", "images/2026/11/22", text)
    text = re.sub(r"\d+\.\d kB", "565.1 kB", text)
    return re.sub(r"\d+\.\d s$", "0.8 s", text, flags=re.MULTILINE)
