"""Running `imagegen` as its users do: in this process for speed, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from imagegen.cli.app import app


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def json(self) -> Any:
        """The document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error object on stderr."""
        error: dict[str, Any] = json.loads(self.err)["error"]
        return error

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def run(*arguments: str, stdin: str | bytes | None = None) -> Ran:
    """One command in this process, through typer's runner."""
    result = CliRunner().invoke(app, list(arguments), input=stdin, prog_name="imagegen")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr, result.stdout_bytes)


def run_process(*arguments: str, stdin: bytes | None = None, **environment: str) -> Ran:
    """One command as a process with pipes."""
    done = subprocess.run(
        [sys.executable, "-m", "imagegen", *arguments],
        input=stdin,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(), done.stdout)
