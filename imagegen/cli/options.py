"""Options that several commands share, each typed and explained once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from imagegen.cli import completion
from imagegen.shapes import COMMON_RATIOS, RESOLUTIONS

JsonOutput = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; errors as JSON on stderr.")
]
ShowPreview = Annotated[
    bool | None,
    typer.Option(
        "--preview/--no-preview",
        help="Show it small in the terminal, in coloured cells if need be; or never.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no progress, notes or details on stderr.")]
OneImage = Annotated[
    str,
    typer.Argument(
        help="Path, image id, last, URL, data URL, or - for stdin.",
        metavar="IMAGE",
        autocompletion=completion.image_ids,
    ),
]


def _words(*values: str) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What was said on the command line of a call: the picture's parameters, and how to carry it out."""

    parameters: dict[str, Any]
    output: str | None
    process: list[str] | None
    embed_metadata: bool
    preview: bool | None
    open_result: bool
    dry_run: bool
    lenient: bool
    no_cache: bool
    timeout_seconds: float | None
    max_cost: str | None
    as_json: bool
    quiet: bool


@dataclass(frozen=True, slots=True)
class SharedOption:
    """One shared option: the request's field or a `CallOptions` field it fills, its type, its declaration."""

    name: str
    annotation: Any
    default: Any = field(default=None)


def _text(
    name: str, help_text: str, *flags: str, metavar: str = "TEXT", values: tuple[str, ...] = ()
) -> SharedOption:
    names = flags or (f"--{name.replace('_', '-')}",)
    complete = _words(*values) if values else None
    option = typer.Option(*names, help=help_text, metavar=metavar, autocompletion=complete)
    return SharedOption(name, Annotated[str | None, option])


def _number(
    name: str, help_text: str, *flags: str, low: int | None = None, high: int | None = None
) -> SharedOption:
    names = flags or (f"--{name.replace('_', '-')}",)
    option = typer.Option(*names, help=help_text, metavar="N", min=low, max=high, show_default=False)
    return SharedOption(name, Annotated[int | None, option])


_PICTURE = (
    SharedOption(
        "model",
        Annotated[
            str | None,
            typer.Option(
                "-m",
                "--model",
                help="Model, provider/model, or provider.",
                metavar="MODEL",
                autocompletion=completion.models,
            ),
        ],
    ),
    _text(
        "size",
        "WIDTHxHEIGHT in pixels, or auto.",
        "-s",
        "--size",
        metavar="SIZE",
        values=("auto", "1024x1024", "1536x1024", "1024x1536", "2560x1440", "3840x2160"),
    ),
    _text(
        "aspect_ratio",
        "Shape instead of a size, such as 16:9.",
        metavar="W:H",
        values=COMMON_RATIOS,
    ),
    _text(
        "resolution",
        "How large in that shape: 512, 1K, 2K or 4K; 1K unless said.",
        metavar="RESOLUTION",
        values=tuple(RESOLUTIONS),
    ),
    _text(
        "quality",
        "auto, low, medium, high; some models xhigh, max.",
        "-q",
        "--quality",
        metavar="QUALITY",
        values=("auto", "low", "medium", "high", "xhigh", "max"),
    ),
    _text(
        "output_format",
        "png, jpeg, webp; some models gif, svg.",
        "-f",
        "--output-format",
        metavar="FORMAT",
        values=("png", "jpeg", "webp", "gif", "svg"),
    ),
    _number("n", "How many images to make (1 to 10).", "-n"),
    _text(
        "background",
        "auto, opaque or transparent.",
        metavar="BACKGROUND",
        values=("auto", "opaque", "transparent"),
    ),
    _text("style", "A style that the model knows.", metavar="STYLE"),
    _text("moderation", "auto or low.", metavar="LEVEL", values=("auto", "low")),
    _number("output_compression", "0 to 100, for jpeg and webp."),
    _number("seed", "Repeat a picture, where the model takes a seed."),
    _text("negative_prompt", "What the image shall not show."),
    _text(
        "complexity",
        "How much planning: low, medium or high.",
        metavar="LEVEL",
        values=("low", "medium", "high"),
    ),
    _number("frame_count", "Frames of a gif (2 to 16)."),
    _number("frame_duration_ms", "Milliseconds a frame of a gif stays."),
    _text("svg_model", "The model that writes svg output.", metavar="MODEL"),
    _text("svg_effort", "How hard the svg model thinks.", metavar="EFFORT"),
    _number("partial_images", "Stream, with 0 to 3 previews while waiting."),
    _text("safety_identifier", "A hash that stands for your end user.", metavar="HASH"),
)

_CARRYING_OUT = (
    SharedOption(
        "output",
        Annotated[
            str | None,
            typer.Option(
                "-o",
                "--output",
                help="Also write a copy to this file or folder; - for stdout.",
                metavar="PATH",
            ),
        ],
    ),
    SharedOption(
        "process",
        Annotated[
            list[str] | None,
            typer.Option(
                "--process",
                help="Then take this step; again for more, in order. See: imagegen process --help",
                metavar="NAME[:ARGS]",
                autocompletion=completion.processors,
            ),
        ],
    ),
    SharedOption(
        "embed_metadata",
        Annotated[
            bool,
            typer.Option("--embed-metadata", help="Write prompt, model, id and date into the copy of -o."),
        ],
        False,
    ),
    SharedOption("preview", ShowPreview),
    SharedOption(
        "open_result", Annotated[bool, typer.Option("--open", help="Open the result in a viewer.")], False
    ),
    SharedOption(
        "dry_run",
        Annotated[
            bool, typer.Option("--dry-run", help="Show what would be sent and its price; send nothing.")
        ],
        False,
    ),
    SharedOption(
        "lenient",
        Annotated[
            bool, typer.Option("--lenient", help="Leave out what the model cannot honour, and say so.")
        ],
        False,
    ),
    SharedOption(
        "no_cache",
        Annotated[bool, typer.Option("--no-cache", help="Make a new image even if an equal one is there.")],
        False,
    ),
    SharedOption(
        "timeout_seconds",
        Annotated[
            float | None,
            typer.Option("--timeout", help="Seconds to wait for the provider.", metavar="SECONDS"),
        ],
    ),
    _text("max_cost", "Refuse when all attempts together may cost more than this.", metavar="USD"),
    SharedOption("as_json", JsonOutput, False),
    SharedOption("quiet", Quiet, False),
)


def grouped(
    command: Callable[..., None],
    argument: str,
    shared: tuple[SharedOption, ...],
    build: Callable[[dict[str, Any]], Any],
) -> Callable[..., None]:
    """Give a command the `shared` options; it gets what `build` makes of their values as one `argument`."""

    def run(**arguments: Any) -> None:
        values = {option.name: arguments.pop(option.name) for option in shared}
        command(**arguments, **{argument: build(values)})

    own = inspect.signature(command, eval_str=True).parameters
    parameters = [own[name].replace(kind=inspect.Parameter.KEYWORD_ONLY) for name in own if name != argument]
    parameters += [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=option.annotation
        )
        for option in shared
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typer reads it
    run.__doc__ = command.__doc__
    run.__name__ = command.__name__
    return run


def with_call_options(
    command: Callable[..., None], *, also: tuple[SharedOption, ...] = ()
) -> Callable[..., None]:
    """Give a command the options of a call, as its argument `options`; `also` are parameters of its own."""
    picture = {option.name for option in (*_PICTURE, *also)}

    def build(values: dict[str, Any]) -> CallOptions:
        said = {name: value for name, value in values.items() if name in picture and value is not None}
        rest = {name: value for name, value in values.items() if name not in picture}
        return CallOptions(parameters=said, **rest)

    return grouped(command, "options", (*_PICTURE, *also, *_CARRYING_OUT), build)


INPUT_FIDELITY = _text(
    "input_fidelity", "high or low: how closely to keep the input (older models).", metavar="LEVEL"
)
