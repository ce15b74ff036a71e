"""A host name that changes its address between the check and the connection (DNS rebinding).

The command runs as a process whose operating system's resolver and network are played: the resolver gives
one answer after another for `rebind.example`, and connections to the one public address end at a loopback
server. Every look-up and every connection is written down.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.command import Ran, run_process
from tests.fakes.http import Exchange, RecordedRequest, serving
from tests.pictures import picture

ROOT = Path(__file__).parents[1]
PUBLIC, PRIVATE = "93.184.216.34", "127.0.0.1"
ALLOWED = {"IMAGES__ALLOW_PRIVATE_URLS": "true"}
SITE = f'''
import json, os, socket

answers = json.loads(os.environ["REBIND_ANSWERS"])
look_up, connect = socket.getaddrinfo, socket.socket.connect


def note(*words):
    with open(os.environ["REBIND_LOG"], "a") as log:
        print(*words, file=log)


def getaddrinfo(host, port, *rest, **more):
    name = host.decode() if isinstance(host, bytes) else host
    if name != "rebind.example":
        return look_up(host, port, *rest, **more)
    now = answers.pop(0) if len(answers) > 1 else answers[0]
    note("look-up", *now)
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in now]


def to_the_wire(self, address):
    if self.family == socket.AF_INET:
        note("connect", address[0])
        if address[0] == "{PUBLIC}":
            address = ("127.0.0.1", int(os.environ["REBIND_PUBLIC_PORT"]))
    return connect(self, address)


socket.getaddrinfo = getaddrinfo
socket.socket.connect = to_the_wire
'''
PUBLIC_PICTURE, SECRET_PICTURE = picture("png", 32, 32), picture("png", 48, 48)


@dataclass(slots=True)
class World:
    """A public server, a private one, and what was asked of them."""

    site: Path
    log: Path
    public_port: str = ""
    url: str = ""
    public: list[RecordedRequest] = field(default_factory=list)
    private: list[RecordedRequest] = field(default_factory=list)
    redirects: list[str] = field(default_factory=list)

    def environment(self, *answers: list[str]) -> dict[str, str]:
        return {
            "PYTHONPATH": os.pathsep.join((str(self.site), str(ROOT))),
            "REBIND_ANSWERS": json.dumps(answers),
            "REBIND_LOG": str(self.log),
            "REBIND_PUBLIC_PORT": self.public_port,
        }

    def edit(self, *answers: list[str], **more: str) -> Ran:
        arguments = ("edit", self.url, "grayscale", "-m", "local", "--json")
        return run_process(*arguments, stdin=None, **self.environment(*answers), **more)

    def happened(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()

    def answer_publicly(self, exchange: Exchange) -> None:
        if self.redirects:
            exchange.send(302, "text/plain", b"", {"location": self.redirects.pop()})
        else:
            exchange.send(200, "image/png", PUBLIC_PICTURE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(site=tmp_path / "site", log=tmp_path / "log")
    made.site.mkdir()
    (made.site / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    with (
        serving(made.answer_publicly, made.public) as public,
        serving(lambda e: e.send(200, "image/png", SECRET_PICTURE), made.private) as private,
    ):
        made.public_port = public.rpartition(":")[2]
        made.url = f"http://rebind.example:{private.rpartition(':')[2]}/a.png"
        yield made


def test_a_client_that_looks_the_name_up_again_would_reach_the_private_server(world: World) -> None:
    naive = (
        "import socket, sys, urllib.request\n"
        "socket.getaddrinfo('rebind.example', 80)\n"
        "sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())"
    )
    done = subprocess.run(
        [sys.executable, "-c", naive, world.url],
        capture_output=True,
        env={**os.environ, **world.environment([PUBLIC], [PRIVATE])},
        timeout=60,
        check=True,
    )

    assert done.stdout == SECRET_PICTURE
    assert world.happened() == [f"look-up {PUBLIC}", f"look-up {PRIVATE}", f"connect {PRIVATE}"]


def test_only_the_checked_address_is_connected_to_when_the_name_turns_private(world: World) -> None:
    ran = world.edit([PUBLIC], [PRIVATE])

    assert ran.code == 0, ran.err
    assert world.happened() == [f"look-up {PUBLIC}", f"connect {PUBLIC}"]
    assert world.public[0].headers["host"] == world.url.split("/")[2]
    assert world.private == []
    assert ran.json["images"][0]["parents"] == [f"sha256:{hashlib.sha256(PUBLIC_PICTURE).hexdigest()}"]


def test_a_redirect_back_to_the_name_is_looked_up_and_checked_again(world: World) -> None:
    world.redirects.append(world.url)

    ran = world.edit([PUBLIC], [PRIVATE])

    assert ran.code == 2
    assert f"rebind.example resolves to the private address {PRIVATE}" in ran.error["message"]
    assert world.happened() == [f"look-up {PUBLIC}", f"connect {PUBLIC}", f"look-up {PRIVATE}"]
    assert world.private == []


@pytest.mark.parametrize("answer", [[PRIVATE], [PUBLIC, PRIVATE], [PRIVATE, PUBLIC]])
def test_a_private_address_among_the_answers_spoils_them_all(world: World, answer: list[str]) -> None:
    ran = world.edit(answer, [PUBLIC])

    assert ran.code == 2
    assert "private address" in ran.error["message"]
    assert world.happened() == [f"look-up {' '.join(answer)}"]


def test_where_private_addresses_are_allowed_the_first_answer_still_counts(world: World) -> None:
    ran = world.edit([PRIVATE], [PUBLIC], **ALLOWED)

    assert ran.code == 0, ran.err
    assert world.happened() == [f"look-up {PRIVATE}", f"connect {PRIVATE}"]
    assert len(world.private) == 1
