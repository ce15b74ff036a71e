"""The land: mountains and hills fading into haze, and the ground's soft bands."""

from __future__ import annotations

from random import Random

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import Point, number, path, rect
from imagegen.providers.local.shapes import closed_down, jagged, outline, polyline, smooth, undulation
from imagegen.providers.local.stage import Stage

BAND_STARTS = (0.0, 0.17, 0.4, 0.7)
FLAT_BACKS = frozenset({"street", "desert"})
ROAD_HEIGHT = 0.19


def draw_relief(stage: Stage) -> None:
    """What rises behind the horizon."""
    wish = stage.wish
    hilly = wish.has("relief", "hills")
    is_open = stage.ground == "street" or stage.water == "sea"
    if wish.has("relief", "mountains") and not wish.denies("mountains"):
        _draw_mountains(stage)
    elif stage.ground not in FLAT_BACKS and not (stage.is_plain or is_open):
        _draw_far_ridge(stage)
    if stage.ground == "desert":
        _draw_hills(stage, height=0.05, layers=2)
    elif not wish.denies("hills") and (hilly or not is_open):
        _draw_hills(stage, height=0.13 if hilly else 0.055, layers=3 if hilly else 2)


def _hill_colour(stage: Stage) -> str:
    named = stage.wish.colours.get("relief")
    if named:
        return named
    ground = stage.palettes["ground"]
    season = {"winter": "snow", "autumn": "autumn"}.get(stage.wish.first("season") or "")
    kind = stage.ground or season
    if kind in ("snow", "desert", "autumn", "rock"):
        return str(ground[kind]["colours"][1])
    return str(stage.palettes["foliage"]["hill"])


def _draw_far_ridge(stage: Stage) -> None:
    random = stage.random("far ridge")
    base = stage.horizon - stage.span * 0.045
    crest = undulation(random, stage.canvas.width, base, stage.span * 0.05, random.uniform(1.3, 2.2))
    colour = stage.light.on_land(stage.palettes["foliage"]["mountain"], 0.72)
    fill = stage.canvas.linear([(0, colour), (1, stage.light.haze)])
    stage.canvas.add(path(closed_down(smooth(crest), stage.canvas.width, stage.horizon + 40), fill))


def _draw_hills(stage: Stage, *, height: float, layers: int) -> None:
    random = stage.random("hills")
    canvas = stage.canvas
    colour = _hill_colour(stage)
    for layer in range(layers):
        share = (layer + 1) / layers
        distance = 0.7 - 0.34 * share
        base = stage.horizon - stage.span * height * (1.05 - 0.85 * share)
        swell = stage.span * height * random.uniform(0.5, 0.75)
        crest = undulation(random, canvas.width, base, swell, random.uniform(1.0, 1.8))
        top = stage.light.on_land(colours.lighter(colour, 0.15), distance)
        foot = stage.light.on_land(colour, min(1, distance + 0.18))
        fill = canvas.linear([(0, top), (1, foot)])
        canvas.add(path(closed_down(smooth(crest), canvas.width, stage.horizon + 60), fill))


def _draw_mountains(stage: Stage) -> None:
    random = stage.random("mountains")
    canvas = stage.canvas
    colour = stage.wish.colours.get("relief", stage.palettes["foliage"]["mountain"])
    for layer, (height, distance, count) in enumerate(((0.34, 0.62, 4), (0.25, 0.4, 5))):
        peaks = max(2, round(count * canvas.width / stage.span / 1.5))
        places = [canvas.width * (i + random.uniform(0.2, 0.8)) / peaks for i in range(peaks)]
        random.shuffle(places)
        for x in places:
            tall = stage.span * height * random.uniform(0.6, 1.0) * (1 if stage.wish.subjects else 1.35)
            _draw_peak(
                stage,
                random,
                (x, stage.horizon - tall),
                colour,
                distance,
                snow=layer == 0 or tall > 0.2 * stage.span,
            )


def _draw_peak(stage: Stage, random: Random, top: Point, colour: str, distance: float, *, snow: bool) -> None:
    canvas, light = stage.canvas, stage.light
    foot = stage.horizon + 0.03 * stage.span
    tall = foot - top[1]
    left, right = top[0] - tall * random.uniform(1.0, 1.3), top[0] + tall * random.uniform(1.0, 1.3)
    up = jagged(random, (left, foot), top, tall * 0.09, 5)
    down = [top, *jagged(random, top, (right, foot), tall * 0.09, 5)[1:], (right, foot)]
    fold = jagged(random, top, (top[0] + tall * random.uniform(-0.15, 0.25), foot), tall * 0.12, 4)
    lit = light.on_land(colours.lighter(colour, 0.28), distance)
    shade = light.on_land(colours.darker(colour, 0.2), distance)
    fade = (0.95, light.haze)
    canvas.add(path(polyline([*up, *down]) + "Z", canvas.linear([(0, lit), fade])))
    canvas.add(
        path(polyline([*fold, (fold[-1][0], foot), *reversed(down)]) + "Z", canvas.linear([(0, shade), fade]))
    )
    if snow:
        _draw_snow_cap(stage, random, up, down, fold, distance)


def _draw_snow_cap(
    stage: Stage, random: Random, up: list[Point], down: list[Point], fold: list[Point], distance: float
) -> None:
    top = down[0]
    tall = stage.horizon - top[1]
    line = top[1] + tall * (0.62 if stage.is_snowy else 0.34)
    light = stage.light
    edge_left = next(point for point in up if point[1] <= line)
    edge_right = next(point for point in reversed(down) if point[1] <= line)
    middle = next((point for point in reversed(fold) if point[1] <= line * 1.02), top)
    sunny = [*up[up.index(edge_left) :], top, *_teeth(random, middle, edge_left, tall)]
    shaded = [*down[: down.index(edge_right) + 1], *_teeth(random, edge_right, middle, tall)]
    stage.canvas.add(path(polyline(shaded) + "Z", light.on_land("#c3d0ea", distance * 0.55)))
    stage.canvas.add(path(polyline(sunny) + "Z", light.on_land("#ffffff", distance * 0.4)))


def _teeth(random: Random, start: Point, end: Point, tall: float) -> list[Point]:
    """A zigzag of snow tongues between two points."""
    points = [start]
    for step in range(1, 5):
        share = step / 5
        drop = tall * random.uniform(0.04, 0.11) * (1 if step % 2 else -0.7)
        points.append((start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share + drop))
    return [*points, end]


def ground_colours(stage: Stage) -> tuple[str, str, str]:
    """Light, middle and dark of the ground in daylight, recoloured where the prompt says so."""
    named = stage.wish.colours.get("ground") or stage.wish.colours.get("season")
    if named:
        return colours.lighter(named, 0.3), named, colours.darker(named, 0.25)
    kind = "snow" if stage.ground == "street" and stage.is_snowy else stage.ground
    light, middle, dark = stage.palettes["ground"][kind]["colours"]
    return light, middle, dark


def draw_ground(stage: Stage) -> None:
    """The ground from the shore, or the horizon, to the lower edge."""
    if stage.ground is None:
        return
    random = stage.random("ground")
    canvas = stage.canvas
    top = stage.shore
    depth = canvas.height - top
    light, middle, dark = ground_colours(stage)
    starts = BAND_STARTS if stage.water is None or stage.water == "river" else (0.0, 0.35, 0.7)
    for index, start in enumerate(starts):
        distance = 0.42 * (1 - (top + depth * start - stage.horizon) / (canvas.height - stage.horizon)) ** 2
        swell = stage.span * (0.006 + 0.014 * start + (0.012 if stage.water else 0))
        crest = undulation(random, canvas.width, top + depth * start, swell, random.uniform(0.8, 1.5))
        share = index / len(starts)
        upper = stage.light.on_land(colours.mix(light, middle, share * 0.55), distance)
        lower = stage.light.in_shade(colours.mix(middle, dark, 0.25 + share * 0.6), distance)
        rim = colours.mix(upper, stage.light.glow, 0.32 if stage.light.is_dark else 0.22)
        fill = canvas.linear([(0, rim), (0.1, upper), (0.6, colours.mix(upper, lower, 0.6)), (1, lower)])
        bottom = (
            canvas.height if index == len(starts) - 1 else min(canvas.height, top + depth * (start + 0.5))
        )
        if index == 0 and stage.water and stage.ground in ("sand", "snow", "desert"):
            _draw_surf(stage, crest)
        canvas.add(path(closed_down(smooth(crest), canvas.width, bottom), fill))


def _draw_surf(stage: Stage, crest: list[Point]) -> None:
    foam = stage.light.on_land("#ffffff")
    for lift, opacity in ((0.022, 0.3), (0.009, 0.75)):
        line = [(x, y - stage.span * lift) for x, y in crest]
        stage.canvas.add(
            path(closed_down(smooth(line), stage.canvas.width, stage.canvas.height), foam, opacity=opacity)
        )


def draw_mound(stage: Stage, x: float, y: float, width: float) -> None:
    """A hill whose top is at (x, y), for what the prompt puts on a hill."""
    canvas = stage.canvas
    light, middle, dark = ground_colours(stage)
    reach = max(width * 1.7, stage.span * 0.8)
    foot = stage.from_bottom(0.02)
    slope = outline("C? ? ? ? ? ?", x - reach * 0.62, foot, x - width * 1.05, y, x, y)
    fall = outline("C? ? ? ? ? ?", x + width * 1.05, y, x + reach * 0.62, foot, x + reach * 1.2, foot)
    fill = canvas.linear(
        [
            (0, stage.light.on_land(light)),
            (0.5, stage.light.on_land(middle, 0.04)),
            (1, stage.light.on_land(colours.mix(middle, dark, 0.5))),
        ]
    )
    canvas.add(path(f"M{number(x - reach * 1.2)},{number(foot)}{slope}{fall}Z", fill))


def draw_road(stage: Stage) -> None:
    """A street's kerb and its dashed line."""
    canvas = stage.canvas
    top = stage.from_bottom(ROAD_HEIGHT)
    kerb = stage.light.on_land("#b9bdc8")
    road = canvas.linear([(0, stage.light.on_land("#565d6e")), (1, stage.light.on_land("#3a4052"))])
    canvas.add(rect(0, top, canvas.width, canvas.height - top, road))
    canvas.add(rect(0, top - 0.012 * stage.span, canvas.width, 0.014 * stage.span, kerb))
    dash = stage.light.on_land("#f3e6bf")
    step = stage.span * 0.17
    for index in range(int(canvas.width / step) + 2):
        canvas.add(
            rect(
                index * step - step * 0.3,
                stage.from_bottom(0.085),
                step * 0.5,
                stage.span * 0.013,
                dash,
                radius=3,
                opacity=0.8,
            )
        )
