"""The options that name a template and its facts, shared by `prompts render` and `generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imagegen.cli import prompts_completion as completion
from imagegen.cli.completion import models

TemplateName = Annotated[
    str | None,
    typer.Option(
        "--template",
        help="Make the prompt from this template; see imagegen prompts list.",
        metavar="NAME",
        autocompletion=completion.template_names,
    ),
]
Pairs = Annotated[
    list[str] | None,
    typer.Option(
        "-a",
        "--argument",
        help="A fact for the template; once for each.",
        metavar="KEY=VALUE",
        autocompletion=completion.argument_pairs,
    ),
]
ArgumentsFile = Annotated[
    Path | None,
    typer.Option(help="Read facts from this TOML or JSON file; -a is stronger.", metavar="FILE"),
]
ForModel = Annotated[
    str | None,
    typer.Option(
        "-m",
        "--model",
        help="Say which size this model makes of the recommended one.",
        metavar="MODEL",
        autocompletion=models,
    ),
]
ExactSize = Annotated[
    bool,
    typer.Option("--exact-size", help="Also crop and scale to exactly the template's recommended size."),
]
