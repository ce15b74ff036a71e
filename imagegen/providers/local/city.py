"""A city: rows of towers with lit windows behind a street."""

from __future__ import annotations

from random import Random

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import circle, ellipse, path, rect
from imagegen.providers.local.shapes import outline
from imagegen.providers.local.stage import Stage

ROWS = ((0.5, 0.66, 0.05), (0.4, 0.4, 0.07), (0.28, 0.16, 0.1))
FACADES = ("#8a93ad", "#a58f93", "#7f97a8", "#b0a28e", "#75809c")


def draw_city(stage: Stage) -> None:
    """Three rows of buildings, the far ones taller and deeper in haze."""
    random = stage.random("city")
    foot = stage.from_bottom(0.2)
    for height, distance, width in ROWS:
        x = -0.04 * stage.span
        while x < stage.canvas.width:
            wide = stage.span * width * random.uniform(0.8, 1.5)
            tall = stage.span * height * random.uniform(0.5, 1.15)
            _draw_tower(stage, random, (x, foot - tall, wide, tall), distance)
            x += wide * random.uniform(0.92, 1.12)


def _draw_tower(
    stage: Stage, random: Random, box: tuple[float, float, float, float], distance: float
) -> None:
    x, y, wide, tall = box
    canvas, light = stage.canvas, stage.light
    named = stage.wish.colours.get("ground")
    base = light.on_land(named or random.choice(FACADES), distance)
    lit, shade = colours.lighter(base, 0.08), colours.darker(base, 0.22)
    canvas.add(rect(x, y, wide, tall, canvas.linear([(0, lit), (1, colours.mix(base, light.haze, 0.3))])))
    canvas.add(rect(x + wide * 0.68, y, wide * 0.32, tall, shade, opacity=0.5))
    roof = random.random()
    if roof < 0.3:
        canvas.add(rect(x + wide * 0.47, y - wide * 0.5, wide * 0.06, wide * 0.5, shade))
    elif roof < 0.6:
        canvas.add(rect(x + wide * 0.2, y - wide * 0.16, wide * 0.5, wide * 0.17, base))
    if stage.is_snowy:
        canvas.add(rect(x - 2, y - 5, wide + 4, 9, light.on_land("#ffffff", distance * 0.6), radius=4))
    _draw_windows(stage, random, box, base, distance)


def _draw_windows(
    stage: Stage, random: Random, box: tuple[float, float, float, float], base: str, distance: float
) -> None:
    x, y, wide, tall = box
    step = max(15.0, wide / random.choice((4, 5, 6)))
    columns, rows = int((wide - step * 0.4) / step), int((tall - step) / (step * 1.3))
    lit, unlit = "", ""
    share = 0.5 if stage.light.is_dark else 0.0
    for column in range(columns):
        for row in range(rows):
            left = x + (wide - columns * step) / 2 + column * step + step * 0.24
            top = y + step * 0.7 + row * step * 1.3
            pane = outline("M? ?h?v?h?Z", left, top, step * 0.52, step * 0.68, -step * 0.52)
            if random.random() < share:
                lit += pane
            else:
                unlit += pane
    glass = colours.darker(base, 0.3) if stage.light.is_dark else colours.mix(stage.light.sky[2], base, 0.4)
    if unlit:
        stage.canvas.add(path(unlit, glass, opacity=0.75))
    if lit:
        stage.canvas.add(path(lit, colours.mix("#ffd884", stage.light.haze, distance * 0.6), opacity=0.92))


def draw_lanterns(stage: Stage) -> str:
    """Street lamps with their light and, when it rains, its reflection on the road."""
    random = stage.random("lanterns")
    canvas, light = stage.canvas, stage.light
    parts = []
    count = max(2, round(canvas.width / stage.span * 2))
    post = light.on_land("#3c4252")
    foot, top = stage.from_bottom(0.19), stage.from_bottom(0.46)
    for index in range(count):
        x = canvas.width * (index + 0.5 + random.uniform(-0.06, 0.06)) / count
        parts.append(rect(x - 3, top, 6, foot - top, post) + rect(x - 9, top - 4, 18, 7, post, radius=3))
        parts.append(circle(x, top + 9, 8, "#fff0c0" if light.is_dark else light.on_land("#e9eef5")))
        if light.is_dark:
            halo = canvas.radial([(0, "#ffd884", 0.6), (0.35, "#ffd884", 0.22), (1, "#ffd884", 0)])
            parts.append(circle(x, top + 9, stage.span * 0.12, halo))
        if light.is_dark or stage.wish.has("weather", "rain", "storm"):
            parts.append(_wet_light(stage, x))
    if stage.wish.has("weather", "rain", "storm"):
        parts.append(_wet_road(stage))
    return "".join(parts)


def _wet_road(stage: Stage) -> str:
    """The city's lights, drawn out on wet ground."""
    random = stage.random("wet road")
    canvas = stage.canvas
    parts = []
    for colour in ("#ffd884", "#ffb27a", "#9fc4ff", "#fff0c0"):
        streak = canvas.radial([(0, colour, 0.34), (0.5, colour, 0.12), (1, colour, 0)])
        for _ in range(int(7 * canvas.width / stage.span)):
            x, y = random.uniform(0, canvas.width), stage.from_bottom(random.uniform(0.02, 0.18))
            wide, tall = stage.span * random.uniform(0.006, 0.022), stage.span * random.uniform(0.04, 0.1)
            parts.append(ellipse(x, y, wide, tall, streak))
    return "".join(parts)


def _wet_light(stage: Stage, x: float) -> str:
    wet = stage.wish.has("weather", "rain", "storm")
    stops = [(0, "#ffd884", 0.5 if wet else 0.25), (0.5, "#ffd884", 0.16), (1, "#ffd884", 0)]
    streak = stage.canvas.radial(stops)
    return ellipse(
        x,
        stage.from_bottom(0.1),
        stage.span * (0.018 if wet else 0.12),
        stage.span * (0.11 if wet else 0.05),
        streak,
    )
