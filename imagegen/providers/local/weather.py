"""What falls and drifts in front of everything: snow, rain, lightning, fog; and the vignette."""

from __future__ import annotations

from random import Random

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import Point, ellipse, path, rect, stroke
from imagegen.providers.local.shapes import jagged, outline, polyline, scattered_dots, smooth
from imagegen.providers.local.stage import Stage

SNOW_LAYERS = ((1.6, 260, 0.55), (2.9, 120, 0.75), (4.8, 42, 0.85))


def draw_weather(stage: Stage) -> None:
    """The weather in front of the scene."""
    wish = stage.wish
    if wish.has("weather", "rain", "storm") and not wish.denies("rain"):
        _draw_rain(stage)
    if wish.has("weather", "snow") and not wish.denies("snow"):
        _draw_snow(stage)
    if wish.has("weather", "wind") and not wish.denies("wind"):
        _draw_gusts(stage)


def draw_vignette(stage: Stage) -> None:
    """Darker corners, so that the eye stays inside."""
    canvas = stage.canvas
    dark = colours.darker(stage.light.sky[0], 0.7)
    strength = stage.light.vignette
    fill = canvas.radial([(0.6, dark, 0), (0.82, dark, strength * 0.4), (1, dark, strength)], radius=0.75)
    # Only the frame is painted, around the ellipse where the gradient begins: that halves its cost.
    w, h = canvas.width, canvas.height
    frame = outline("M0,0H?V?H0Z", w, h)
    arc = outline("a?,? 0 1 0 ", w * 0.45, h * 0.45)
    hole = outline("M? ?", w * 0.05, h / 2) + arc + outline("?,0", w * 0.9) + arc + outline("?,0Z", -w * 0.9)
    canvas.add(f'<path d="{frame}{hole}" fill="{fill}" fill-rule="evenodd"/>')


def _draw_snow(stage: Stage) -> None:
    canvas = stage.canvas
    random = stage.random("snowfall")
    area = canvas.width * canvas.height / 1_500_000
    for size, count, opacity in SNOW_LAYERS:
        data = scattered_dots(random, canvas.width, canvas.height, size=size, count=int(count * area))
        canvas.add(path(data, "#ffffff", opacity=opacity))
    soft = canvas.radial([(0, "#ffffff", 0.75), (0.4, "#ffffff", 0.42), (1, "#ffffff", 0)])
    for _ in range(int(16 * area)):
        x, y, r = random.uniform(0, canvas.width), random.uniform(0, canvas.height), random.uniform(9, 17)
        canvas.add(ellipse(x, y, r, r, soft, opacity=0.6))


def _draw_rain(stage: Stage) -> None:
    canvas = stage.canvas
    random = stage.random("rainfall")
    area = canvas.width * canvas.height / 1_500_000
    slant = 0.32 if stage.wish.has("weather", "storm", "wind") else 0.14
    for length, count, width, opacity in ((26, 240, 1.1, 0.28), (44, 150, 1.8, 0.34), (74, 50, 2.6, 0.3)):
        data = ""
        for _ in range(int(count * area)):
            x, y = random.uniform(-40, canvas.width + 40), random.uniform(-40, canvas.height)
            size = length * random.uniform(0.7, 1.25)
            data += outline("M? ?l? ?", x, y, -size * slant, size)
        canvas.add(stroke(data, "#dbe8fa", width, opacity=opacity))


def draw_lightning(stage: Stage, away_from: float) -> None:
    """A bolt with branches, away from the main subject, and the sky it lights."""
    if not stage.wish.has("weather", "storm") or stage.wish.denies("storm"):
        return
    canvas = stage.canvas
    random = stage.random("lightning")
    x = canvas.width * (
        random.uniform(0.14, 0.28) if away_from > canvas.width / 2 else random.uniform(0.72, 0.86)
    )
    flash = canvas.radial([(0, "#dfe4ff", 0.65), (0.4, "#a9b6f0", 0.28), (1, "#8fa0e8", 0)])
    canvas.add(ellipse(x, stage.horizon * 0.3, stage.span * 0.5, stage.horizon * 0.55, flash))
    foot = (x + random.uniform(-0.08, 0.08) * stage.span, stage.horizon * 0.98)
    bolt = [*jagged(random, (x, stage.horizon * 0.1), foot, stage.span * 0.06, 5), foot]
    _draw_bolt(stage, bolt, 1.0)
    for start in (7, 14, 20):
        reach = (
            bolt[start][0] + random.choice((-1, 1)) * stage.span * random.uniform(0.07, 0.14),
            bolt[start][1] + stage.span * 0.13,
        )
        _draw_bolt(stage, [*jagged(random, bolt[start], reach, stage.span * 0.03, 3), reach], 0.5)


def _draw_bolt(stage: Stage, points: list[Point], size: float) -> None:
    data = polyline(points)
    stage.canvas.add(stroke(data, "#aab8ff", 16 * size, opacity=0.22), stroke(data, "#f6f4ff", 5 * size))


def draw_fog(stage: Stage) -> None:
    """Fog over the far land; it lies behind the subjects, so that they stay clear."""
    if not stage.wish.has("weather", "fog") or stage.wish.denies("fog"):
        return
    canvas = stage.canvas
    random = stage.random("fog")
    pale = colours.mix(stage.light.haze, stage.light.sky[3], 0.55)
    veil = canvas.linear([(0, pale, 0), (0.5, pale, 0.6), (1, pale, 0)])
    for share in (0.15, 0.0):
        height = stage.span * 0.26
        canvas.add(rect(0, stage.horizon - share * stage.span - height / 2, canvas.width, height, veil))
    puff = canvas.radial([(0, pale, 0.55), (0.6, pale, 0.22), (1, pale, 0)])
    for _ in range(int(12 * canvas.width / stage.span)):
        x = random.uniform(-0.1, 1.1) * canvas.width
        y = stage.horizon + random.uniform(-0.16, 0.2) * stage.span
        canvas.add(
            ellipse(
                x, y, stage.span * random.uniform(0.22, 0.5), stage.span * random.uniform(0.02, 0.055), puff
            )
        )


def _draw_gusts(stage: Stage) -> None:
    canvas = stage.canvas
    random = stage.random("wind")
    for _ in range(int(7 * canvas.width / stage.span)):
        _draw_gust(stage, random)


def _draw_gust(stage: Stage, random: Random) -> None:
    canvas = stage.canvas
    x, y = random.uniform(0, 0.85) * canvas.width, random.uniform(0.15, 0.9) * canvas.height
    reach = stage.span * random.uniform(0.16, 0.34)
    line = [(x, y), (x + reach * 0.35, y - 9), (x + reach * 0.7, y + 5), (x + reach, y - 6)]
    canvas.add(stroke(smooth(line), "#ffffff", 2.6, opacity=0.4))
