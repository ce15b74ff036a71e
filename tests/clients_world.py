"""Clients and a judge that were not written here: installed with npm, and run with Node."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_path

from tests.serve_world import listening, parameters

VERSIONS = {
    "@modelcontextprotocol/client": "2.4.0",
    "@modelcontextprotocol/conformance": "0.2.0-alpha.12",
    "@modelcontextprotocol/inspector": "2.12.0",
    "@modelcontextprotocol/sdk": "1.32.2",
}
NODE = "24.21.0"  # installed where the one on the PATH is older than the clients need
NODE_NEEDED = (22, 19)
INSTALL = ("install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
INSTALL_SECONDS = 600
RUN_SECONDS = 120
DRIVERS = Path(__file__).parent / "clients"

Target = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clients:
    """Where they are installed, and the Node that runs them."""

    folder: Path
    node: str

    def command(self, script: Path, *arguments: str) -> list[str]:
        return [self.node, str(script), *arguments]

    def program(self, package: str, name: str) -> Path:
        """The script behind a package's command."""
        home = self.folder / "node_modules" / package
        described = json.loads((home / "package.json").read_text(encoding="utf-8"))
        return home / str(described["bin"][name])

    def driver(self, name: str) -> Path:
        return self.folder / "drivers" / name

    def run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of theirs to its end; what it keeps in the user's home goes to the test's."""
        return subprocess.run(
            self.command(script, *arguments),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=RUN_SECONDS,
            env={**os.environ, "HOME": os.environ["IMAGEGEN_HOME"]},
            stdin=subprocess.DEVNULL,
        )


def install() -> Clients:
    """The clients, installed once into the user's cache folder; skips the test where they cannot be."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on the PATH, so there is nothing to install the clients with")
    node = _node_of_the_path()
    packages = VERSIONS if node else {**VERSIONS, "node": NODE}
    manifest = json.dumps({"private": True, "dependencies": packages, "allowScripts": {"node": True}})
    folder = user_cache_path("imagegen-tests") / hashlib.sha256(manifest.encode()).hexdigest()[:16]
    if not folder.is_dir():
        _fill(npm, folder, manifest)
    node = node or shutil.which("node", path=str(folder / "node_modules" / "node" / "bin"))
    if node is None:
        pytest.skip(f"there is no Node {'.'.join(map(str, NODE_NEEDED))} or newer, and npm installed none")
    shutil.copytree(DRIVERS, folder / "drivers", dirs_exist_ok=True)  # beside what they import
    return Clients(folder, node)


def _node_of_the_path() -> str | None:
    node = shutil.which("node")
    if node is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    version = re.match(r"v(\d+)\.(\d+)", told)
    return node if version and (int(version[1]), int(version[2])) >= NODE_NEEDED else None


def _fill(npm: str, folder: Path, manifest: str) -> None:
    """Install beside the folder, which appears when everything is there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    growing = Path(tempfile.mkdtemp(dir=folder.parent))
    (growing / "package.json").write_text(manifest, encoding="utf-8")
    try:
        done = subprocess.run(
            [npm, *INSTALL], cwd=growing, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        problem = None if done.returncode == 0 else (done.stderr.strip() or f"exit code {done.returncode}")
    except subprocess.TimeoutExpired:
        problem = f"nothing came of it in {INSTALL_SECONDS} seconds"
    if problem:
        shutil.rmtree(growing)
        pytest.skip(f"npm could not install the clients: {problem.splitlines()[0]}")
    growing.rename(folder)


@contextmanager
def reachable(transport: str, **environment: str) -> Iterator[Target]:
    """How a client reaches a server: the command to start over stdio, the URL over HTTP."""
    if transport == "stdio":
        server = parameters(**environment)
        yield {"command": server.command, "args": server.args, "env": server.env}
        return
    with listening(**environment) as (_, address):
        yield {"url": address}


@dataclass(slots=True)
class Driver:
    """A running script of tests/clients; it tells what happens, a JSON object a line."""

    process: subprocess.Popen[str]

    def hears(self) -> Iterator[Mapping[str, Any]]:
        """Everything that it tells, as it comes."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield json.loads(line)


@contextmanager
def driving(
    clients: Clients, script: str, package: str, era: str, *, target: Target, wish: Mapping[str, Any]
) -> Iterator[Driver]:
    """Run a script against the server, with a client of an era; it has to end well by itself."""
    process = subprocess.Popen(
        clients.command(clients.driver(script), package, era, json.dumps(target), json.dumps(wish)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process:
        try:
            yield Driver(process)
            assert process.wait(RUN_SECONDS) == 0
        finally:
            if process.poll() is None:
                process.kill()
