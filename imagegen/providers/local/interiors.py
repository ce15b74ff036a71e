"""Places without a horizon: a table by a window, space, and under water."""

from __future__ import annotations

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import circle, ellipse, path, rect, stroke
from imagegen.providers.local.light import Light
from imagegen.providers.local.motifs import Look, draw_motif
from imagegen.providers.local.shapes import (
    closed_down,
    dots,
    outline,
    scattered_dots,
    smooth,
    stencil,
    undulation,
)
from imagegen.providers.local.sky import glow, twinkle
from imagegen.providers.local.stage import Stage

WALLS = ("#e6d3bd", "#cfd8d2", "#d9cfe0", "#c9d6e2", "#ead5cc")
NEBULAE = (("#7a3fc0", "#2f6fd6"), ("#c0407f", "#5a3fc0"), ("#1f8a8c", "#4a4fc9"))


def _is_evening(light: Light) -> bool:
    return light.time in ("dusk", "night")


def draw_room(stage: Stage) -> None:
    """A wall with soft window light and a wooden table."""
    canvas = stage.canvas
    random = stage.random("room")
    wall = stage.wish.colours.get("backdrop") or random.choice(WALLS)
    if _is_evening(stage.light):
        wall = colours.multiply(wall, "#7f7898")
    light, dark = colours.lighter(wall, 0.35), colours.darker(wall, 0.16)
    canvas.add(
        rect(
            0, 0, canvas.width, canvas.height, canvas.linear([(0, colours.mix(light, wall, 0.5)), (1, dark)])
        )
    )
    side = random.choice((0.18, 0.82)) * canvas.width
    canvas.add(glow(canvas, side, stage.horizon * 0.3, stage.span * 0.95, light, 0.95))
    _draw_bokeh(stage, light)
    _draw_window_light(stage, side, light)
    _draw_table(stage)


def _draw_bokeh(stage: Stage, colour: str) -> None:
    canvas = stage.canvas
    random = stage.random("bokeh")
    for _ in range(int(13 * canvas.width / stage.span)):
        x, y = random.uniform(0, canvas.width), random.uniform(0, stage.horizon * 0.95)
        tone = colours.mix(colour, random.choice(("#ffe2b0", "#ffffff", "#ffd0b8")), 0.6)
        canvas.add(
            circle(x, y, stage.span * random.uniform(0.015, 0.06), tone, opacity=random.uniform(0.12, 0.34))
        )


def _draw_window_light(stage: Stage, side: float, colour: str) -> None:
    canvas = stage.canvas
    lean = stage.span * (0.2 if side < canvas.width / 2 else -0.2)
    for row in range(2):
        for column in range(2):
            x = side + lean * 1.6 + (column - 1) * stage.span * 0.2
            y = stage.horizon * 0.16 + row * stage.span * 0.22
            w, h, shift = stage.span * 0.18, stage.span * 0.2, lean * 0.12
            pane = outline("M? ?l? ?v?l? ?Z", x, y, w, shift, h, -w, -shift)
            canvas.add(path(pane, colours.lighter(colour, 0.6), opacity=0.3))


def _draw_table(stage: Stage) -> None:
    canvas = stage.canvas
    random = stage.random("table")
    wood = stage.wish.colours.get("ground", "#b9835a")
    if _is_evening(stage.light):
        wood = colours.multiply(wood, "#a99ab4")
    top = stage.horizon
    height = canvas.height - top
    light, dark = colours.lighter(wood, 0.3), colours.darker(wood, 0.3)
    canvas.add(rect(0, top, canvas.width, height, canvas.linear([(0, light), (0.3, wood), (1, dark)])))
    canvas.add(rect(0, top, canvas.width, 5, colours.lighter(wood, 0.55), opacity=0.8))
    for index in range(1, 4):
        y = top + height * (index / 4) ** 1.3
        canvas.add(rect(0, y, canvas.width, 2.5 + index, dark, opacity=0.3))
        canvas.add(rect(0, y + 3 + index, canvas.width, 2, light, opacity=0.3))
    for _ in range(int(16 * canvas.width / stage.span)):
        y, x = top + height * random.random() ** 0.8, random.uniform(-0.1, 0.9) * canvas.width
        grain = undulation(random, stage.span * random.uniform(0.2, 0.6), y, 3, 1)
        canvas.add(stroke(smooth([(x + px, py) for px, py in grain]), dark, 1.6, opacity=0.22))


def draw_space(stage: Stage) -> None:
    """Deep space: a nebula, stars of many sizes, a ringed planet, and the moon where asked for."""
    canvas = stage.canvas
    random = stage.random("space")
    base = stage.wish.colours.get("sky", "#0b0f33")
    stops = [(0, colours.darker(base, 0.5)), (0.6, base), (1, colours.lighter(base, 0.12))]
    canvas.add(rect(0, 0, canvas.width, canvas.height, canvas.linear(stops)))
    pair = random.choice(NEBULAE)
    for _ in range(9):
        along = random.random()
        x, y = canvas.width * along, canvas.height * (0.85 - 0.7 * along + random.uniform(-0.16, 0.16))
        canvas.add(glow(canvas, x, y, stage.span * random.uniform(0.25, 0.5), random.choice(pair), 0.34))
    _draw_space_stars(stage)
    _draw_far_planet(stage)
    if stage.wish.has("sky", "moon") and not stage.wish.denies("moon"):
        _draw_big_moon(stage)


def _draw_space_stars(stage: Stage) -> None:
    canvas = stage.canvas
    random = stage.random("space stars")
    area = canvas.width * canvas.height / 1_500_000
    for size, count, opacity in ((1.0, 320, 0.6), (1.7, 130, 0.8), (2.7, 36, 1.0)):
        data = scattered_dots(random, canvas.width, canvas.height, size=size, count=int(count * area))
        canvas.add(path(data, "#f2f5ff", opacity=opacity))
    for _ in range(int(14 * area) + 1):
        x, y, size = random.uniform(0, canvas.width), random.uniform(0, canvas.height), random.uniform(7, 16)
        canvas.add(glow(canvas, x, y, size * 1.8, "#bcd0ff", 0.4), twinkle(x, y, size))


def _draw_far_planet(stage: Stage) -> None:
    canvas = stage.canvas
    random = stage.random("planet")
    x, y, r = (
        canvas.width * random.uniform(0.1, 0.2),
        canvas.height * random.uniform(0.7, 0.82),
        stage.span * 0.07,
    )
    colour = random.choice(("#e8a86a", "#7fb0e0", "#d98fb0"))
    ball = canvas.radial(
        [(0, colours.lighter(colour, 0.4)), (0.55, colour), (1, colours.darker(colour, 0.65))],
        centre=(0.34, 0.3),
        radius=0.8,
    )
    canvas.add(circle(x, y, r, ball))
    ring = outline("M? ?Q? ? ? ?", x - r * 1.75, y + r * 0.5, x, y + r * 0.9, x + r * 1.75, y - r * 0.5)
    canvas.add(stroke(ring, colours.lighter(colour, 0.5), r * 0.11, opacity=0.8))


def _draw_big_moon(stage: Stage) -> None:
    canvas = stage.canvas
    x, y, r = canvas.width * 0.8, canvas.height * 0.24, stage.span * 0.17
    canvas.add(glow(canvas, x, y, r * 2.6, "#fdf3d0", 0.45))
    motif = stage.library.get("moon")
    if motif is None:
        canvas.add(circle(x, y, r, "#f8edc9"))
        return
    look = Look(colour=stage.wish.colours.get("moon"))
    symbol = canvas.define(f'<g id="{{id}}">{draw_motif(motif, look, "moon-")}</g>')
    canvas.add(canvas.use(symbol, x, y + r, 2 * r / motif.box[3]))


def draw_depths(stage: Stage) -> None:
    """Under water: light from above, a sandy floor, weed and bubbles."""
    canvas = stage.canvas
    water = stage.wish.colours.get("water", "#1f86b8")
    stops = [(0, colours.lighter(water, 0.5)), (0.35, water), (1, colours.darker(water, 0.6))]
    canvas.add(rect(0, 0, canvas.width, canvas.height, canvas.linear(stops)))
    random = stage.random("depths")
    for _ in range(6):
        x, w = canvas.width * random.uniform(-0.1, 1), stage.span * random.uniform(0.06, 0.16)
        lean = stage.span * 0.3
        beam = canvas.linear([(0, "#e8fbff", 0.34), (1, "#e8fbff", 0)])
        sides = outline("M?,0h?L? ?h?Z", x, w, x + w * 2 + lean, canvas.height * 0.9, -w * 2)
        canvas.add(path(sides, beam))
    _draw_sea_floor(stage, water)
    places = [
        (random.uniform(0, canvas.width), random.uniform(0, canvas.height), random.uniform(3, 11))
        for _ in range(int(26 * canvas.width / stage.span))
    ]
    canvas.add(path(dots(places), "#e8fbff", opacity=0.28))


def _draw_sea_floor(stage: Stage, water: str) -> None:
    canvas = stage.canvas
    random = stage.random("sea floor")
    for share, mixed in ((0.2, 0.7), (0.11, 0.45)):
        crest = undulation(random, canvas.width, stage.from_bottom(share), stage.span * 0.025, 1.4)
        sand = colours.mix("#e3cf9b", colours.darker(water, 0.2), mixed)
        canvas.add(
            path(
                closed_down(smooth(crest), canvas.width, canvas.height),
                canvas.linear([(0, sand), (1, colours.darker(sand, 0.3))]),
            )
        )
        for _ in range(int(9 * canvas.width / stage.span)):
            x = random.uniform(0, canvas.width)
            tall = stage.span * random.uniform(0.1, 0.26)
            weed = colours.mix(random.choice(("#2f9d6b", "#4f9d3f", "#c0507f")), water, mixed)
            bend = random.uniform(-0.3, 0.3) * tall
            foot = stage.from_bottom(share - 0.04)
            line = stencil("M0,0C1,-0.35 -1,-0.65 0.6,-1", x, foot, bend, tall)
            canvas.add(stroke(line, weed, stage.span * 0.011))
    canvas.add(
        ellipse(
            canvas.width / 2,
            canvas.height,
            canvas.width * 0.7,
            stage.span * 0.08,
            colours.darker(water, 0.6),
            opacity=0.25,
        )
    )
