"""Water: its depth of colour, the light's path on it, glints and waves."""

from __future__ import annotations

from random import Random

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import Point, ellipse, number, path, rect, stroke
from imagegen.providers.local.shapes import outline, smooth, undulation
from imagegen.providers.local.stage import Stage


def water_colours(stage: Stage) -> tuple[str, str, str]:
    """Far, near and glint colours under the scene's light; the sky lies on the far water."""
    named = stage.wish.colours.get("water")
    far, near, glint = stage.palettes["water"][stage.water]["colours"]
    if named:
        far, near = colours.lighter(named, 0.35), colours.darker(named, 0.15)
    light = stage.light
    far_lit = colours.mix(light.on_land(far), light.sky[3], 0.5 if light.time == "day" else 0.78)
    near_lit = colours.mix(light.on_land(near), light.sky[0], 0.35 if light.time == "day" else 0.55)
    return far_lit, near_lit, colours.mix(glint, light.glow, 0.5)


def draw_water(stage: Stage, light_x: float | None) -> None:
    """Water from the horizon to the lower edge; the ground is painted over its near part."""
    if stage.water is None or stage.water == "river":
        return
    canvas = stage.canvas
    far, near, glint = water_colours(stage)
    height = canvas.height - stage.horizon
    middle = colours.mix(far, near, 0.55)
    canvas.add(
        rect(0, stage.horizon, canvas.width, height, canvas.linear([(0, far), (0.35, middle), (1, near)]))
    )
    canvas.add(rect(0, stage.horizon, canvas.width, 2.5, glint, opacity=0.45))
    random = stage.random("water")
    _draw_swells(stage, random, far, near)
    if light_x is not None:
        _draw_light_path(stage, random, light_x, glint)
    _draw_glints(stage, random, glint)


def _is_rough(stage: Stage) -> bool:
    return stage.wish.has("weather", "storm", "wind") and not stage.wish.has("calm")


def _draw_swells(stage: Stage, random: Random, far: str, near: str) -> None:
    canvas = stage.canvas
    rough = _is_rough(stage)
    height = canvas.height - stage.horizon
    for index in range(7):
        share = ((index + 0.8) / 7) ** 1.5
        y = stage.horizon + height * share
        swell = stage.span * (0.022 if rough else 0.004) * (0.25 + share)
        crest = undulation(random, canvas.width, y, swell, (9 if rough else 4.5) - 3.5 * share)
        under = [(x, y + stage.span * (0.012 + 0.05 * share)) for x, _ in (crest[-1], crest[0])]
        fill = canvas.linear([(0, colours.lighter(colours.mix(far, near, share), 0.1), 0.5), (1, near, 0)])
        canvas.add(
            path(smooth(crest) + "L" + "L".join(f"{number(x)},{number(py)}" for x, py in under) + "Z", fill)
        )
        if rough:
            canvas.add(stroke(smooth(crest), "#eef6ff", 1.5 + 3.5 * share, opacity=0.28))


def _draw_light_path(stage: Stage, random: Random, x: float, colour: str) -> None:
    canvas = stage.canvas
    height = canvas.height - stage.horizon
    sheen = canvas.radial([(0, colour, 0.42), (0.5, colour, 0.12), (1, colour, 0)])
    canvas.add(ellipse(x, stage.horizon + height * 0.3, stage.span * 0.16, height * 0.62, sheen))
    data = ""
    for index in range(46):
        share = (index / 46) ** 1.35
        y = stage.horizon + height * (0.012 + 0.93 * share)
        reach = stage.span * (0.03 + 0.12 * share)
        data += _dash(
            x + random.gauss(0, 0.5) * reach,
            y,
            stage.span * random.uniform(0.012, 0.05) * (0.5 + share),
            1.6 + 4.5 * share,
        )
    canvas.add(path(data, colour, opacity=0.62))


def _draw_glints(stage: Stage, random: Random, colour: str) -> None:
    canvas = stage.canvas
    height = canvas.height - stage.horizon
    count = int(58 * canvas.width / stage.span / 1.5)
    data = ""
    for _ in range(count):
        share = random.random() ** 1.3
        y = stage.horizon + height * (0.02 + 0.96 * share)
        data += _dash(
            random.uniform(0, canvas.width),
            y,
            stage.span * random.uniform(0.015, 0.05) * (0.4 + share),
            1.1 + 2.4 * share,
        )
    canvas.add(path(data, colour, opacity=0.3))


def _dash(x: float, y: float, half: float, thick: float) -> str:
    """A thin lens: how light lies on a ripple."""
    return outline("M? ?q? ? ?,0q? ? ?,0", x - half, y, half, -thick, 2 * half, -half, thick, -2 * half)


def ripples(stage: Stage, x: float, y: float, width: float) -> str:
    """Rings of light around what floats at (x, y)."""
    _, near, glint = water_colours(stage)
    data = "".join(
        _dash(x + dx * width, y + dy * stage.span, half * width, 3.2)
        for dx, dy, half in ((0, 0.004, 0.62), (-0.2, 0.016, 0.4), (0.25, 0.03, 0.34), (0, 0.044, 0.2))
    )
    foot = stage.canvas.radial([(0, near, 0.75), (0.7, near, 0.4), (1, near, 0)])
    return ellipse(x, y + 0.012 * stage.span, width * 0.66, stage.span * 0.016, foot) + path(
        data, glint, opacity=0.5
    )


def draw_river(stage: Stage) -> None:
    """A river that winds from the horizon to the front, over the ground."""
    if stage.water != "river":
        return
    canvas = stage.canvas
    random = stage.random("river")
    far, near, glint = water_colours(stage)
    left, right = _river_banks(stage, random)
    data = smooth(left) + "L" + smooth(right[::-1])[1:] + "Z"
    bank = stage.light.on_land("#8a7a5a", 0.1)
    canvas.add(stroke(data, bank, stage.span * 0.012, opacity=0.5))
    canvas.add(path(data, canvas.linear([(0, far), (0.4, colours.mix(far, near, 0.6)), (1, near)])))
    dashes = ""
    for _ in range(26):
        step = random.randrange(1, len(left) - 1)
        share = step / len(left)
        x = left[step][0] + (right[step][0] - left[step][0]) * random.uniform(0.2, 0.8)
        dashes += _dash(x, left[step][1] + random.uniform(0, 14), 6 + 34 * share, 1 + 3 * share)
    canvas.add(path(dashes, glint, opacity=0.45))


def _river_banks(stage: Stage, random: Random) -> tuple[list[Point], list[Point]]:
    canvas = stage.canvas
    side = random.choice((-1, 1))
    start = canvas.width * (0.5 - side * random.uniform(0.05, 0.2))
    left, right = [], []
    for step in range(11):
        share = step / 10
        y = stage.horizon + (canvas.height + 20 - stage.horizon) * share**1.25
        bend = side * stage.span * (0.3 * share**1.5 + 0.05 * share * (1 if step % 4 < 2 else -1))
        half = stage.span * (0.006 + 0.17 * share**1.7)
        left.append((start + bend - half, y))
        right.append((start + bend + half * 1.15, y))
    return left, right
