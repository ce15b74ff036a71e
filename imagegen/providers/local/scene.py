"""Composing a drawing from a prompt: read it, set the stage, place the cast, paint back to front."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from imagegen.providers.local import abstract, city, colours, interiors, land, sky, trees, water, weather
from imagegen.providers.local.canvas import Canvas
from imagegen.providers.local.cast import Actor, paint
from imagegen.providers.local.foreground import Piece, details, framing_trees
from imagegen.providers.local.lexicon import load_lexicon
from imagegen.providers.local.light import light_of, load_palettes
from imagegen.providers.local.motifs import MotifLibrary, load_library
from imagegen.providers.local.placement import place_cast
from imagegen.providers.local.stage import (
    Stage,
    backdrop_of,
    ground_of,
    horizon_of,
    span_of,
    water_of,
)
from imagegen.providers.local.wish import Subject, Wish
from imagegen.providers.local.words import read_prompt

SHOWN_GROUPS: Mapping[str, frozenset[str]] = {
    "space": frozenset({"backdrop", "sky", "time", "style"}),
    "underwater": frozenset({"backdrop", "water", "calm", "style"}),
    "indoor": frozenset({"backdrop", "time", "style"}),
    "none": frozenset({"sky", "style"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A composed SVG document and which of the prompt's words it shows."""

    svg: str
    drawn: tuple[str, ...]
    not_drawn: tuple[str, ...]
    is_abstract: bool


def seed_of(prompt: str) -> int:
    """The seed of a prompt that came without one: 0 to 2³¹ - 1."""
    return int.from_bytes(hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()[:4], "big") >> 1


def compose(
    prompt: str,
    seed: int | None,
    width: int,
    height: int,
    *,
    library: MotifLibrary | None = None,
    transparent: bool = False,
) -> Drawing:
    """Draw the prompt for a picture of `width` by `height` pixels; equal arguments give equal bytes."""
    motifs = library or load_library(None)
    wish = read_prompt(prompt, load_lexicon(motifs.words()), motifs.shows_colour)
    canvas = Canvas(width, height)
    key = f"{prompt}\n{seed_of(prompt) if seed is None else seed}"
    if transparent:
        wish = _with_sky_motifs(wish, motifs)
    hidden: tuple[str, ...] = ()
    if wish.is_abstract:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        abstract.draw_abstract(canvas, Random(digest), wish.palette)  # noqa: S311  a drawing, not a secret
    else:
        stage = _build_stage(canvas, wish, motifs, key, transparent=transparent)
        hidden = _hidden_words(stage)
        _draw_scene(stage)
    svg = colours.grade(canvas.to_svg(prompt), wish.style)
    return Drawing(
        svg=svg,
        drawn=tuple(word for word in wish.drawn if word not in hidden),
        not_drawn=(*wish.not_drawn, *hidden),
        is_abstract=wish.is_abstract,
    )


def _hidden_words(stage: Stage) -> tuple[str, ...]:
    """The words of surroundings that the chosen place cannot show: no meadow grows in space."""
    shown = SHOWN_GROUPS.get(stage.backdrop)
    found = stage.wish.feature_words.items()
    if shown is None:
        return tuple(word for word, (group, _) in found if group == "backdrop")
    return tuple(word for word, (group, _) in found if group not in shown)


def _with_sky_motifs(wish: Wish, library: MotifLibrary) -> Wish:
    """Without a sky, its sun, moon and clouds are subjects like any other."""
    named = [word for group in ("sky", "weather") for word in wish.features.get(group, ())]
    found = [
        motif
        for word in named
        if (motif := library.named({"cloudy": "cloud", "stars": "star"}.get(word, word)))
    ]
    return replace(wish, subjects=(*wish.subjects, *(Subject(motif=motif.name) for motif in found)))


def _build_stage(canvas: Canvas, wish: Wish, library: MotifLibrary, key: str, *, transparent: bool) -> Stage:
    palettes = load_palettes()
    motifs = [library[subject.motif] for subject in wish.subjects]
    backdrop = "none" if transparent else backdrop_of(wish, motifs)
    outdoors = backdrop == "outdoors"
    wet = water_of(wish, motifs) if outdoors else None
    ground = ground_of(wish, motifs, wet) if outdoors else None
    horizon = horizon_of(canvas, motifs, ground, wet)
    shore = horizon + (0.5 * (canvas.height - horizon) if wet in ("sea", "lake") and ground else 0)
    return Stage(
        canvas=canvas, wish=wish, light=light_of(wish, palettes), palettes=palettes, library=library, key=key,
        backdrop=backdrop, ground=ground, water=wet, horizon=horizon, shore=shore, span=span_of(canvas),
    )  # fmt: skip


def _draw_scene(stage: Stage) -> None:
    cast = place_cast(stage)
    _draw_backdrop(stage, cast)
    pieces: list[Piece] = [(actor.order, paint(stage, actor)) for actor in cast]
    if stage.backdrop == "outdoors":
        pieces += [*framing_trees(stage, cast), *details(stage, cast)]
    stage.canvas.add(*(markup for _, markup in sorted(pieces, key=lambda piece: piece[0])))
    if stage.backdrop != "none":
        weather.draw_weather(stage)
        weather.draw_vignette(stage)


def _draw_backdrop(stage: Stage, cast: Sequence[Actor]) -> None:
    match stage.backdrop:
        case "outdoors":
            _draw_outdoors(stage, cast)
        case "space":
            interiors.draw_space(stage)
        case "underwater":
            interiors.draw_depths(stage)
        case "indoor":
            interiors.draw_room(stage)


def _draw_outdoors(stage: Stage, cast: Sequence[Actor]) -> None:
    focus = cast[-1].x if cast else stage.canvas.width / 2
    light_x = sky.draw_sky(stage, focus)
    weather.draw_lightning(stage, focus)
    land.draw_relief(stage)
    trees.draw_forest(stage)
    water.draw_water(stage, light_x)
    if stage.ground == "street":
        city.draw_city(stage)
    land.draw_ground(stage)
    if stage.ground in ("street", "road"):
        land.draw_road(stage)
    if stage.ground == "street":
        stage.canvas.add(city.draw_lanterns(stage))
    water.draw_river(stage)
    weather.draw_fog(stage)
    for actor in cast:
        if actor.on_hill:
            land.draw_mound(stage, actor.x, actor.y - 0.012 * stage.span, actor.width)
