"""imagegen: make and edit images from words, at a shell and over MCP."""

from __future__ import annotations

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("imagegen")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
