"""An image provider that takes a set time and next to no processor, as a process of its own.

    python -m tests.benchmarks.upstream SECONDS PICTURE

prints the base URL of an OpenAI Images API on loopback that answers every request with the picture, SECONDS
after it has come in whole. What is sent is not checked: the tests' fake does that.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


async def _serve(seconds: float, picture: bytes) -> None:
    usage = {"input_tokens": 10, "output_tokens": 196, "total_tokens": 206}
    entry = {"b64_json": base64.b64encode(picture).decode()}
    body = json.dumps({"created": 1_795_300_000, "data": [entry], "usage": usage}).encode()
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_benchmark\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    ) + body

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
                await asyncio.sleep(seconds)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)  # noqa: T201 - its answer
    await server.serve_forever()


@contextmanager
def upstream(seconds: float, picture: Path) -> Iterator[str]:
    """The base URL of a running one."""
    command = [sys.executable, "-m", "tests.benchmarks.upstream", str(seconds), str(picture)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
