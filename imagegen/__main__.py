"""The `imagegen` command."""

from __future__ import annotations

from imagegen.cli.app import app


def main() -> None:
    """Run the command line and exit with its code."""
    app(prog_name="imagegen")


if __name__ == "__main__":
    main()
