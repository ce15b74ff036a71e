"""Background trees: rows of a wood that fade with distance, drawn from a few shapes used many times."""

from __future__ import annotations

from random import Random

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import circle, ellipse, path, rect
from imagegen.providers.local.shapes import stencil
from imagegen.providers.local.stage import Stage

# A tier of a pine: half its width is 1 across, its foot is 0 and its tip TIP down.
BOUGH = "M0,TIPQ-0.3,-9 -1,0Q-0.7,1 -0.5,-2.5Q-0.25,4 0,-1Q0.25,4 0.5,-2.5Q0.7,1 1,0Q0.3,-9 0,TIPZ"
BOUGH_SHADE = "M0,TIPQ0.06,-14 -0.06,-1Q0.25,4 0.5,-2.5Q0.7,1 1,0Q0.3,-9 0,TIPZ"
BOUGH_SNOW = "M0,TIPQ-0.3,-9 -1,0Q-0.62,-6 -0.42,-5Q-0.3,-11 -0.1,-9Q0.05,-22 0,TIPZ"
ROWS = ((0.015, 0.15, 0.66), (0.07, 0.2, 0.5), (0.15, 0.27, 0.34))


def tree_kind(stage: Stage) -> str | None:
    """The kind of wood that the prompt asks for, if any."""
    kind = next((kind for kind in stage.wish.features.get("trees", ()) if not stage.wish.denies(kind)), None)
    return "pine" if kind == "leafy" and stage.is_snowy else kind


def foliage_colour(stage: Stage, kind: str) -> str:
    """A kind of tree's daylight colour in the wish's season."""
    named = stage.wish.colours.get("trees")
    if named:
        return named
    season = stage.wish.first("season")
    key = season if kind == "leafy" and season in ("autumn", "spring") else kind
    return str(stage.palettes["foliage"][key])


def draw_forest(stage: Stage) -> None:
    """Rows of trees from the horizon forward."""
    kind = tree_kind(stage)
    if stage.is_plain or kind == "palm":
        return
    if kind is None:
        _draw_grove(stage)
        return
    random = stage.random("forest")
    rows = ROWS if stage.water is None else ROWS[:2]
    depth = stage.canvas.height - stage.horizon
    for forward, height, distance in rows:
        y = stage.horizon + depth * (forward if stage.water is None else 0.004)
        _draw_row(stage, random, kind, y, stage.span * height * (0.8 if stage.water else 1), distance)
    _draw_ground_mist(stage, y)


def _draw_ground_mist(stage: Stage, y: float) -> None:
    pale = colours.mix(stage.light.haze, stage.light.glow, 0.4)
    tall = stage.span * 0.2
    veil = stage.canvas.linear([(0, pale, 0), (1, pale, 0.42)])
    stage.canvas.add(rect(0, y - tall, stage.canvas.width, tall, veil))


def _draw_grove(stage: Stage) -> None:
    """A few far trees where the prompt says nothing of trees: they give green land its depth."""
    if stage.ground not in ("grass", "meadow", "autumn", "snow") or stage.wish.denies(
        "leafy", "pine", "tree"
    ):
        return
    random = stage.random("grove")
    kind = "pine" if stage.is_snowy or stage.wish.has("relief", "mountains") else "leafy"
    colour = foliage_colour(stage, kind)
    symbols = [_symbol(stage, random, kind, _varied(random, kind, colour), 0.5) for _ in range(3)]
    spots = []
    for _ in range(max(2, round(3 * stage.canvas.width / stage.span / 1.5))):
        centre = random.random() * stage.canvas.width
        for _ in range(random.randint(3, 7)):
            spots.append(
                (
                    stage.horizon + stage.span * random.uniform(0.004, 0.03),
                    random.gauss(centre, 0.06 * stage.span),
                )
            )
    for y, x in sorted(spots):
        size = stage.span * random.uniform(0.0006, 0.0011)
        stage.canvas.add(stage.canvas.use(random.choice(symbols), x, y, size, mirrored=random.random() < 0.5))


def _draw_row(stage: Stage, random: Random, kind: str, y: float, height: float, distance: float) -> None:
    canvas = stage.canvas
    colour = foliage_colour(stage, kind)
    symbols = [_symbol(stage, random, kind, _varied(random, kind, colour), distance) for _ in range(4)]
    spacing = height * (0.34 if kind == "pine" else 0.55)
    x = -spacing
    while x < canvas.width + spacing:
        size = height * random.uniform(0.62, 1.08) / 100
        canvas.add(
            canvas.use(
                random.choice(symbols),
                x,
                y + random.uniform(0, 0.03) * height,
                size,
                mirrored=random.random() < 0.5,
            )
        )
        x += spacing * random.uniform(0.65, 1.35)


def _varied(random: Random, kind: str, colour: str) -> str:
    if kind == "pine":
        return colours.mix(colour, random.choice(("#1d5a5a", "#4a8a4a", colour)), 0.3)
    return colours.mix(colour, random.choice(("#c9a227", "#2f7a45", colour)), 0.22)


def _symbol(stage: Stage, random: Random, kind: str, colour: str, distance: float) -> str:
    light = stage.light
    lit, shade = (
        light.on_land(colours.lighter(colour, 0.08), distance),
        light.on_land(colours.darker(colour, 0.3), distance),
    )
    trunk = light.on_land("#5d4636", distance)
    snow = light.on_land("#ffffff", distance * 0.8) if stage.is_snowy else None
    draw = _pine if kind == "pine" else _leafy
    return stage.canvas.define(f'<g id="{{id}}">{draw(random, lit, shade, trunk, snow)}</g>')


def _pine(random: Random, lit: str, shade: str, trunk: str, snow: str | None) -> str:
    parts = [rect(-2.2, -14, 4.4, 15, trunk)]
    tiers = random.choice((4, 5))
    for tier in range(tiers):
        foot = -9 - tier * 74 / tiers
        top = -100 if tier == tiers - 1 else foot - 44
        width = 21 * (1 - tier / (tiers + 0.6)) + 2.5
        shapes = [(BOUGH, lit), (BOUGH_SHADE, shade), *([(BOUGH_SNOW, snow)] if snow else [])]
        for template, colour in shapes:
            tip = f"{top - foot:.1f}"
            parts.append(path(stencil(template.replace("TIP", tip), 0, foot, width, 1), colour))
    return "".join(parts)


def _leafy(random: Random, lit: str, shade: str, trunk: str, snow: str | None) -> str:
    parts = [path("M-3.4,1L-2.2,-40L2.2,-40L3.6,1Z", trunk)]
    puffs = [(random.uniform(-17, 17), random.uniform(-78, -48), random.uniform(13, 19)) for _ in range(5)]
    puffs.append((0, -64, 24))
    parts += [circle(x + 1.5, y + 3, r, shade) for x, y, r in puffs]
    parts += [circle(x - 1.5, y - 2, r * 0.86, lit) for x, y, r in puffs]
    parts += [
        circle(x - r * 0.3, y - r * 0.38, r * 0.42, colours.lighter(lit, 0.14)) for x, y, r in puffs[:4]
    ]
    if snow:
        parts += [ellipse(x - 1, y - r * 0.62, r * 0.66, r * 0.3, snow) for x, y, r in puffs]
    return "".join(parts)
