"""The sky: its gradient and glow, stars, sun, moon, clouds, rainbow and aurora."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import Canvas, Point, circle, ellipse, number, path, rect, stroke
from imagegen.providers.local.motifs import Look, draw_motif
from imagegen.providers.local.shapes import dots, outline, undulation
from imagegen.providers.local.stage import Stage

RAINBOW = ("#e8505b", "#f59a4a", "#f9d65c", "#7cc77a", "#4f9fe0", "#6a6fd0", "#9a6cc4")


def draw_sky(stage: Stage, away_from: float) -> float | None:
    """Paint what is behind the land; the x of sun or moon, far from `away_from`, or None without one."""
    canvas, light = stage.canvas, stage.light
    bottom = stage.horizon + 0.08 * stage.span
    stops = list(zip((0, 0.38, 0.72, 0.95), light.sky, strict=True))
    canvas.add(rect(0, 0, canvas.width, bottom, canvas.linear(stops)))
    place = _light_place(stage, away_from)
    _draw_stars(stage)
    if stage.wish.has("weather", "aurora"):
        _draw_aurora(stage)
    shines = _draw_sun_or_moon(stage, place)
    if stage.wish.has("weather", "rainbow"):
        _draw_rainbow(stage)
    _draw_clouds(stage)
    return place[0] if shines else None


def _light_place(stage: Stage, away_from: float) -> Point:
    random = stage.random("light")
    width = stage.canvas.width
    left = away_from > width / 2 if abs(away_from - width / 2) > width * 0.04 else random.random() < 0.6
    x = width * (random.uniform(0.16, 0.3) if left else random.uniform(0.7, 0.84))
    if stage.light.time in ("golden", "dawn"):
        x = width * (random.uniform(0.26, 0.4) if left else random.uniform(0.6, 0.74))
        return x, stage.horizon - stage.span * random.uniform(0.05, 0.12)
    lift = 0.56 if stage.ground == "street" else random.uniform(0.4, 0.46)
    return x, stage.horizon - min(stage.horizon * 0.8, stage.span * lift)


def _draw_stars(stage: Stage) -> None:
    light, canvas = stage.light, stage.canvas
    share = max(light.stars, 0.75 if stage.wish.has("sky", "stars") else 0.0)
    if share < 0.05 or stage.wish.denies("stars"):
        return
    random = stage.random("stars")
    density = canvas.width * stage.horizon / 1_000_000
    for size, count, opacity in ((0.9, 190, 0.55), (1.5, 90, 0.8), (2.3, 22, 0.95)):
        places = [
            _star(random, canvas.width, stage.horizon, size) for _ in range(int(count * density * share))
        ]
        if places:
            canvas.add(path(dots(places), "#f2f5ff", opacity=opacity * min(1, 0.4 + share)))
    for _ in range(int(7 * density * share)):
        x, y, _ = _star(random, canvas.width, stage.horizon * 0.8, 1)
        canvas.add(twinkle(x, y, random.uniform(6, 12)))


def _star(random: Random, width: float, horizon: float, size: float) -> tuple[float, float, float]:
    return random.uniform(0, width), horizon * 0.98 * random.random() ** 1.25, size * random.uniform(0.7, 1.2)


def twinkle(x: float, y: float, size: float) -> str:
    """A four-pointed star."""
    inner = size * 0.13
    corners = [
        (0, -size),
        (inner, -inner),
        (size, 0),
        (inner, inner),
        (0, size),
        (-inner, inner),
        (-size, 0),
        (-inner, -inner),
    ]
    points = "L".join(f"{number(x + dx)},{number(y + dy)}" for dx, dy in corners)
    return path(f"M{points}Z", "#ffffff", opacity=0.9)


def glow(canvas: Canvas, x: float, y: float, radius: float, colour: str, strength: float) -> str:
    """A round light that fades out."""
    stops = [
        (0, colour, strength),
        (0.3, colour, strength * 0.5),
        (0.65, colour, strength * 0.14),
        (1, colour, 0.0),
    ]
    return circle(x, y, radius, canvas.radial(stops))


def _draw_sun_or_moon(stage: Stage, place: Point) -> bool:
    light, canvas, wish = stage.light, stage.canvas, stage.wish
    if light.time in ("golden", "dawn", "dusk"):
        _draw_horizon_glow(stage, place[0])
    moon = (light.time == "night" or wish.has("sky", "moon")) and not wish.denies("moon")
    sun = (wish.has("sky", "sun") if moon else _sun_shows(stage)) and not wish.denies("sun")
    if sun:
        _draw_sun(stage, place)
    if moon:
        _draw_moon(stage, (canvas.width - place[0], place[1]) if sun else place)
    return moon or sun


def _draw_horizon_glow(stage: Stage, x: float) -> None:
    canvas, colour = stage.canvas, stage.light.glow
    rx, ry, low = canvas.width * 0.55, stage.span * 0.36, stage.horizon + 0.02 * stage.span
    dome = outline("M? ?a? ? 0 0 1 ?,0Z", x - rx, low, rx, ry, 2 * rx)
    stops = [(0, colour, 0.65), (0.5, colour, 0.24), (1, colour, 0)]
    squeeze = f"translate({number(x)} {number(low)}) scale({number(rx)} {number(ry)})"
    canvas.add(path(dome, canvas.radial_in_units(stops, squeeze)))


def _sun_shows(stage: Stage) -> bool:
    asked = stage.wish.has("sky", "sun") or stage.wish.has("weather", "clear")
    if asked or stage.light.time in ("golden", "dawn"):
        return asked or stage.light.overcast < 0.6
    return stage.light.time == "day" and stage.light.overcast < 0.2 and stage.random("sun").random() < 0.5


def _draw_sun(stage: Stage, place: Point) -> None:
    x, y = place
    canvas = stage.canvas
    low = stage.light.time in ("golden", "dawn")
    radius = stage.span * (0.085 if low else 0.06)
    core = stage.wish.colours.get("sun", "#fff1c4" if low else "#fffbe6")
    rim = "#ffd27a" if low else "#fff0b0"
    canvas.add(glow(canvas, x, y, radius * 4.2, stage.light.glow, 0.9))
    canvas.add(circle(x, y, radius, canvas.radial([(0, core), (0.7, core), (1, rim)])))


def _draw_moon(stage: Stage, place: Point) -> None:
    x, y = place
    canvas = stage.canvas
    radius = stage.span * 0.075
    dim = 1 - 0.5 * stage.light.overcast
    canvas.add(glow(canvas, x, y, radius * 4.6, "#b9c8f5", 0.6 * dim))
    canvas.add(glow(canvas, x, y, radius * 2.2, "#fdf3d0", 0.6 * dim))
    motif = stage.library.get("moon")
    if motif is None:
        canvas.add(circle(x, y, radius, "#f8edc9", opacity=dim))
        return
    look = Look(
        colour=stage.wish.colours.get("moon"), haze=stage.light.sky[1], haze_share=0.3 * stage.light.overcast
    )
    symbol = canvas.define(f'<g id="{{id}}">{draw_motif(motif, look, "moon-")}</g>')
    canvas.add(canvas.use(symbol, x, y + radius, 2 * radius / motif.box[3]))


def _draw_rainbow(stage: Stage) -> None:
    canvas = stage.canvas
    random = stage.random("rainbow")
    x, y = canvas.width * random.uniform(0.42, 0.58), stage.horizon + stage.span * 0.12
    radius = min(canvas.width * 0.47, stage.horizon * 0.92 + stage.span * 0.05)
    band = stage.span * 0.014
    arcs = []
    for index, colour in enumerate(RAINBOW):
        r = radius - index * band
        arc = outline("M? ?A? ? 0 0 1 ? ?", x - r, y, r, r, x + r, y)
        arcs.append(stroke(arc, colours.mix(colour, stage.light.glow, 0.15), band * 1.15, round_ends=False))
    # One layer for all: where the bands overlap nothing shines through twice.
    canvas.add(f'<g opacity="0.6">{"".join(arcs)}</g>')


def _draw_aurora(stage: Stage) -> None:
    """Three curtains, each of many narrow overlapping columns that fade upwards."""
    canvas = stage.canvas
    random = stage.random("aurora")
    for index, colour in enumerate(("#7d6cf0", "#3fd0c0", "#5cf2a6")):
        foot = stage.horizon * (0.46 + 0.17 * index)
        crest = undulation(random, canvas.width, foot, stage.span * 0.075, random.uniform(1.0, 1.5))
        fills = [
            canvas.linear([(0, colour, 0), (0.55, colour, s * 0.35), (0.92, colour, s), (1, colour, 0)])
            for s in (0.12, 0.2, 0.3)
        ]
        _draw_curtain(stage, random, crest, fills)


def _draw_curtain(stage: Stage, random: Random, crest: list[Point], fills: list[str]) -> None:
    columns = 64
    wide = stage.canvas.width / columns
    for column in range(-1, columns + 1):
        place = (column + 0.5) / columns * (len(crest) - 1)
        at = min(max(int(place), 0), len(crest) - 2)
        y = crest[at][1] + (crest[at + 1][1] - crest[at][1]) * (place - at)
        tall = stage.span * random.uniform(0.24, 0.42)
        stage.canvas.add(rect(column * wide, y - tall, wide * 2.4, tall, random.choice(fills)))


def _draw_clouds(stage: Stage) -> None:
    wish, light, canvas = stage.wish, stage.light, stage.canvas
    if wish.denies("cloudy", "cloud") or wish.has("weather", "clear", "aurora"):
        return
    asked = wish.has("weather", "cloudy")
    heavy = wish.has("weather", "rain", "storm")
    random = stage.random("clouds")
    per_span = canvas.width / stage.span
    count = round(
        (7 if heavy else 5 if asked else 3) * max(0.7, per_span / 1.5) * (0.5 if stage.is_plain else 1)
    )
    if light.time == "night" and not (asked or heavy):
        _draw_streaks(stage, random, 3)
        return
    _draw_streaks(stage, random, 3)
    for index in range(count):
        x = canvas.width * (index + random.uniform(0.1, 0.9)) / count
        y = stage.horizon * random.uniform(0.06 if heavy else 0.1, 0.34 if heavy else 0.5)
        size = stage.span * random.uniform(0.13, 0.24) * (1.7 if heavy else 1)
        canvas.add(cloud(stage, random, x, y, size, opacity=0.95 if asked or heavy else 0.88))


def _draw_streaks(stage: Stage, random: Random, count: int) -> None:
    canvas = stage.canvas
    fill = canvas.radial([(0, stage.light.cloud[0], 0.42), (1, stage.light.cloud[0], 0)])
    for _ in range(count):
        x, y = canvas.width * random.random(), stage.horizon * random.uniform(0.5, 0.9)
        canvas.add(
            ellipse(
                x, y, stage.span * random.uniform(0.25, 0.5), stage.span * random.uniform(0.012, 0.03), fill
            )
        )


def cloud(stage: Stage, random: Random, x: float, y: float, size: float, *, opacity: float) -> str:
    """A heap of round puffs over a soft base: a shaded heap behind, a lit one in front."""
    top, base = stage.light.cloud
    span = (0, y - size * 0.5, 0, y + size * 0.035)
    shade, foot = colours.mix(top, base, 0.5), colours.mix(top, base, 0.75)
    back = stage.canvas.linear([(0, shade, opacity), (0.6, base, opacity), (1, base, 0)], span=span)
    front = stage.canvas.linear([(0, top, opacity), (0.5, top, opacity), (1, foot, 0)], span=span)
    shifted = _heap(random, x + size * 0.16, y - size * 0.05, size * 0.98)
    return path(shifted, back) + path(_heap(random, x - size * 0.1, y, size * 0.86), front)


def _heap(random: Random, x: float, y: float, size: float) -> str:
    """A cloud's outline: bumps along an arch, closed by a flat base."""
    bumps = random.choice((5, 6, 7))
    corners = []
    for step in range(bumps + 1):
        along = -1 + 2 * step / bumps
        rise = 0.42 * (1 - abs(along) ** 2.2) * random.uniform(0.82, 1.12)
        corners.append((x + along * size + random.uniform(-0.04, 0.04) * size, y - rise * size))
    corners[0], corners[-1] = (x - size, y), (x + size, y)
    data = f"M{number(x - size)},{number(y)}"
    for start, end in pairwise(corners):
        reach = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
        data += outline("A? ? 0 0 1 ? ?", reach * 0.56, reach * 0.56, end[0], end[1])
    r = size * 0.09
    return data + outline("q0,? ?,?", r, -r, r) + outline("H?q?,0 ?,?Z", x - size + r, -r, -r, -r)
