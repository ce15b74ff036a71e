"""When a prompt names nothing that can be drawn: a composition of colour, light and contour lines."""

from __future__ import annotations

import math
from random import Random

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import Canvas, circle, path, rect, stroke
from imagegen.providers.local.shapes import closed_down, smooth, undulation

SCHEMES = ((0.0, 0.07, 0.15), (0.0, -0.08, -0.17), (0.0, 0.1, 0.45), (0.0, -0.12, 0.4))
LAYERS = 9


def draw_abstract(canvas: Canvas, random: Random, palette: tuple[str, ...]) -> None:
    """Waves under a disc, or orbs in the dark; in the prompt's colours where it names some."""
    tones = list(palette) or _chance_palette(random)
    if len(tones) == 1:
        tones += [colours.lighter(tones[0], 0.4), colours.darker(tones[0], 0.3)]
    draw = random.choice((_draw_waves, _draw_orbs))
    draw(canvas, random, tones)
    edge = canvas.radial([(0.6, "#05060f", 0), (1, "#05060f", 0.34)], radius=0.75)
    canvas.add(rect(0, 0, canvas.width, canvas.height, edge))


def _chance_palette(random: Random) -> list[str]:
    hue = random.random()
    steps = random.choice(SCHEMES)
    return [
        colours.from_hue(hue + step, random.uniform(0.6, 0.85), random.uniform(0.5, 0.6)) for step in steps
    ]


def _draw_waves(canvas: Canvas, random: Random, tones: list[str]) -> None:
    """A bright sky with a large disc, and ranges of waves that deepen towards the front."""
    high, low = tones[-1], tones[0]
    sky = [(0, colours.darker(high, 0.3)), (0.3, high), (0.62, colours.lighter(low, 0.55))]
    canvas.add(rect(0, 0, canvas.width, canvas.height, canvas.linear(sky)))
    x, y = canvas.width * random.uniform(0.3, 0.7), canvas.height * random.uniform(0.3, 0.4)
    halo = canvas.radial([(0, "#fff6e6", 0.7), (0.4, "#fff6e6", 0.25), (1, "#fff6e6", 0)])
    radius = random.uniform(130, 190)
    canvas.add(circle(x, y, radius * 2.6, halo))
    disc = canvas.linear([(0, "#fffaf0"), (1, colours.lighter(tones[1], 0.35))])
    canvas.add(circle(x, y, radius, disc))
    _draw_contours(canvas, random, (x, y), radius, colours.lighter(high, 0.7))
    for layer in range(LAYERS):
        _draw_wave(canvas, random, tones[layer % len(tones)], layer / (LAYERS - 1))


def _draw_wave(canvas: Canvas, random: Random, tone: str, share: float) -> None:
    base = canvas.height * (0.46 + 0.49 * share)
    crest = undulation(random, canvas.width, base, 78 - 30 * share, random.uniform(0.6, 1.2))
    body = colours.mix(colours.lighter(tone, 0.35), colours.darker(tone, 0.66), share)
    fill = canvas.linear([(0, colours.lighter(body, 0.25)), (0.22, body), (1, colours.darker(body, 0.45))])
    canvas.add(path(closed_down(smooth(crest), canvas.width, canvas.height), fill))
    canvas.add(stroke(smooth(crest), colours.lighter(body, 0.6), 1.8, opacity=0.6))


def _draw_orbs(canvas: Canvas, random: Random, tones: list[str]) -> None:
    """Glass balls of light before deep, glowing colour."""
    deep = colours.darker(tones[0], 0.78)
    ground = [(0, deep), (1, colours.darker(tones[1], 0.55))]
    canvas.add(rect(0, 0, canvas.width, canvas.height, canvas.linear(ground, end=(0.8, 1))))
    _draw_lights(canvas, random, tones)
    centre = (canvas.width * random.uniform(0.35, 0.65), canvas.height * random.uniform(0.42, 0.58))
    _draw_contours(canvas, random, centre, 60, colours.lighter(tones[-1], 0.7))
    sizes = sorted((random.uniform(34, 120) for _ in range(11)), reverse=True)
    sizes[0] = random.uniform(200, 250)
    for index, size in enumerate(sizes):
        turn, reach = index * 2.4 + random.uniform(-0.3, 0.3), (270.0 + 42 * index if index else 0.0)
        x = centre[0] + reach * math.cos(turn) * canvas.width / 1000
        y = centre[1] + reach * math.sin(turn) * canvas.height / 1250
        canvas.add(_orb(canvas, (x, y), size, tones[index % len(tones)]))


def _orb(canvas: Canvas, centre: tuple[float, float], size: float, tone: str) -> str:
    x, y = centre
    stops = [
        (0, colours.lighter(tone, 0.75), 0.95),
        (0.35, colours.lighter(tone, 0.15), 0.9),
        (0.8, colours.darker(tone, 0.5), 0.85),
        (1, colours.darker(tone, 0.2), 0.9),
    ]
    ball = canvas.radial(stops, centre=(0.36, 0.32), radius=0.72)
    gleam = canvas.radial([(0, "#ffffff", 0.4), (1, "#ffffff", 0)])
    return circle(x, y, size, ball) + circle(x - size * 0.36, y - size * 0.42, size * 0.3, gleam)


def _draw_lights(canvas: Canvas, random: Random, tones: list[str]) -> None:
    for index in range(5):
        tone = tones[index % len(tones)]
        fill = canvas.radial([(0, tone, 0.6), (0.4, tone, 0.28), (1, tone, 0)])
        x, y = random.uniform(0, canvas.width), random.uniform(0, canvas.height)
        canvas.add(circle(x, y, random.uniform(300, 480), fill))


def _draw_contours(
    canvas: Canvas, random: Random, centre: tuple[float, float], inner: float, colour: str
) -> None:
    """Height lines around a centre, as on a map."""
    phases = [random.uniform(0, math.tau) for _ in range(3)]
    for ring in range(17):
        radius = inner * 1.15 + ring * 34.0
        points = [
            _contour_point(centre, radius, step / 48 * math.tau, phases, ring / 16) for step in range(49)
        ]
        canvas.add(stroke(smooth(points), colour, 1.6, opacity=0.34 * (1 - ring / 18)))


def _contour_point(
    centre: tuple[float, float], radius: float, angle: float, phases: list[float], wild: float
) -> tuple[float, float]:
    bulge = 0.16 * math.sin(2 * angle + phases[0]) + 0.1 * math.sin(3 * angle + phases[1])
    reach = radius * (1 + wild * (bulge + 0.04 * math.sin(5 * angle + phases[2])))
    return centre[0] + reach * math.cos(angle) * 1.15, centre[1] + reach * math.sin(angle)
