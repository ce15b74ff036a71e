"""What stands around the subjects: framing trees, tufts, flowers, stones, drifts. Each is (order, markup)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import circle, ellipse, number, path, stroke
from imagegen.providers.local.cast import Actor, paint
from imagegen.providers.local.land import ground_colours
from imagegen.providers.local.motifs import Motif
from imagegen.providers.local.shapes import outline, stencil
from imagegen.providers.local.stage import Stage
from imagegen.providers.local.trees import foliage_colour, tree_kind

Piece = tuple[float, str]
STONE = "M-1,0Q-0.95,-1 -0.2,-1Q0.9,-0.95 1,0Z"
STONE_LIT = "M-0.9,-0.2Q-0.8,-1 -0.2,-1Q0.3,-1 0.4,-0.8Q-0.4,-0.8 -0.9,-0.2Z"
FRAME = ((0.03, 0.74, 1.12), (0.145, 0.42, 0.86), (0.245, 0.2, 0.62), (0.33, 0.08, 0.46))
TREE_WORDS = {"pine": "pine", "leafy": "tree", "palm": "palm"}


def framing_trees(stage: Stage, cast: Sequence[Actor]) -> Iterator[Piece]:
    """Large trees towards both edges that leave the middle to the subject."""
    kind = tree_kind(stage)
    motif = stage.library.named(TREE_WORDS[kind]) if kind else None
    if kind is None or motif is None or stage.ground is None:
        return
    random = stage.random("frame")
    colour = foliage_colour(stage, kind) if stage.wish.has("season", "autumn") and kind == "leafy" else None
    colour = stage.wish.colours.get("trees", colour)
    for side in (0, 1):
        for share, nearness, size in FRAME[: 2 if stage.is_plain or stage.water else 4]:
            if random.random() < 0.12 and share > 0.1:
                continue
            actor = _frame_tree(stage, random, motif, (side, share, nearness, size), colour)
            if not any(_covers(actor, other) for other in cast):
                yield actor.order, paint(stage, actor)


def _frame_tree(
    stage: Stage, random: Random, motif: Motif, spot: tuple[int, float, float, float], colour: str | None
) -> Actor:
    side, share, nearness, size = spot
    width = stage.canvas.width
    inset = (share + random.uniform(-0.022, 0.022)) * max(width, stage.span * 1.1)
    top = stage.shore if stage.water else stage.horizon
    y = top + (stage.from_bottom(0.06) - top) * min(1, nearness + random.uniform(-0.05, 0.05))
    height = stage.span * 0.82 * size * random.uniform(0.9, 1.08)
    return Actor(
        motif=motif, x=width - inset if side else inset, y=y, height=height, zone="ground", subject=-1,
        colour=colour, mirrored=False, distance=max(0.02, 0.34 * (1 - nearness) ** 1.6), order=y,
    )  # fmt: skip


def _covers(tree: Actor, other: Actor) -> bool:
    if other.zone != "ground":
        return abs(tree.x - other.x) < tree.width * 0.3
    near = tree.order > other.order - 8
    reach = (tree.width * 0.42 + other.width * 0.46) if near else tree.width * 0.2 + other.width * 0.3
    return abs(tree.x - other.x) < reach


def details(stage: Stage, cast: Sequence[Actor]) -> Iterator[Piece]:
    """Small things on the ground, larger towards the front."""
    if stage.ground is None or stage.is_plain:
        return
    if stage.ground == "meadow" or stage.wish.has("flora") or stage.wish.has("season", "spring"):
        yield from _flowers(stage, cast)
    elif stage.ground == "autumn":
        yield from _leaves(stage)
    draw = {
        "grass": _tuft, "meadow": _tuft, "autumn": _tuft, "snow": _twig, "rock": _stone,
        "sand": _pebble, "desert": _stone,
    }.get(stage.ground)  # fmt: skip
    if draw is None:
        return
    random = stage.random("details")
    top = stage.shore if stage.water else stage.horizon
    amount = {"snow": 9, "sand": 16, "desert": 12, "rock": 26}.get(stage.ground, 46)
    for _ in range(int(amount * stage.canvas.width / stage.span / 1.5)):
        near = random.uniform(0.12, 1.0)
        x, y = random.uniform(0, stage.canvas.width), top + (stage.from_bottom(0.015) - top) * near
        if not any(_in_front(x, y, actor) for actor in cast):
            yield y, draw(stage, random, x, y, 0.3 + 0.7 * near)


def _in_front(x: float, y: float, actor: Actor) -> bool:
    return actor.zone == "ground" and abs(x - actor.x) < actor.width * 0.46 and -6 < y - actor.y < 26


def _tuft(stage: Stage, random: Random, x: float, y: float, size: float) -> str:
    base = stage.palettes["ground"][stage.ground]["detail"]
    named = stage.wish.colours.get("ground")
    colour = stage.light.on_land(colours.darker(named, 0.2) if named else base, 0.18 * (1 - size))
    data = ""
    for _ in range(5):
        lean, tall = random.uniform(-13, 13) * size, random.uniform(16, 32) * size
        root, half = x + random.uniform(-9, 9) * size, 2.4 * size
        data += outline("M? ?q? ? ? ?", root - half, y, half, -tall * 0.6, half + lean, -tall)
        data += outline("Q? ? ? ?Z", root + half * 1.2, y - tall * 0.5, root + half, y)
    return path(data, colours.mix(colour, "#e8f2a0", random.uniform(0, 0.14)))


def _twig(stage: Stage, random: Random, x: float, y: float, size: float) -> str:
    colour = stage.light.on_land("#6f5a4c")
    data = ""
    for _ in range(3):
        lean, tall = random.uniform(-16, 16) * size, random.uniform(22, 46) * size
        data += outline("M? ?q? ? ? ?", x, y, lean * 0.2, -tall * 0.6, lean, -tall)
        data += outline(
            "m? ?q? ? ? ?", -lean * 0.45, tall * 0.45, lean * 0.1, -tall * 0.1, -lean * 0.6, -tall * 0.24
        )
    light, middle, _ = ground_colours(stage)
    heap = ellipse(x, y + 2, 17 * size, 4.5 * size, stage.light.on_land(colours.mix(light, middle, 0.35)))
    return stroke(data, colour, 2.3 * size, opacity=0.85) + heap


def _stone(stage: Stage, random: Random, x: float, y: float, size: float) -> str:
    base = stage.palettes["ground"][stage.ground]["detail"]
    colour = stage.light.on_land(base, 0.2 * (1 - size))
    w, h = random.uniform(10, 30) * size, random.uniform(7, 16) * size
    lit = stencil(STONE_LIT, x, y, w, h)
    return path(stencil(STONE, x, y, w, h), colour) + path(lit, colours.lighter(colour, 0.3))


def _pebble(stage: Stage, random: Random, x: float, y: float, size: float) -> str:
    base = stage.palettes["ground"][stage.ground]["detail"]
    reach = random.uniform(18, 60) * size
    line = outline("M? ?q? ? ?,0", x - reach, y, reach, -7 * size, 2 * reach)
    return stroke(line, stage.light.on_land(base), 2.2 * size, opacity=0.35)


def _flowers(stage: Stage, cast: Sequence[Actor]) -> Iterator[Piece]:
    random = stage.random("flowers")
    named = stage.wish.colours.get("flora")
    choice = [named, colours.lighter(named, 0.25)] if named else stage.palettes["foliage"]["flowers"]
    top = stage.shore if stage.water else stage.horizon
    stem = stage.light.on_land("#3f7d3c")
    for _ in range(int(150 * stage.canvas.width / stage.span / 1.5)):
        near = random.random() ** 0.8
        x, y = random.uniform(0, stage.canvas.width), top + (stage.canvas.height - top) * (0.06 + 0.94 * near)
        size = 0.22 + 0.78 * near
        if any(_in_front(x, y, actor) for actor in cast):
            continue
        colour = colours.mix(stage.light.on_land(random.choice(choice), 0.2 * (1 - near)), "#ffffff", 0.06)
        yield y, _flower(stage, random, (x, y), size, colour, stem)


def _flower(
    stage: Stage, random: Random, foot: tuple[float, float], size: float, colour: str, stem: str
) -> str:
    x, y = foot
    tall, r = random.uniform(28, 50) * size, random.uniform(6, 8.6) * size
    stalk = stroke(
        f"M{number(x)},{number(y)}q{number(2 * size)},{number(-tall / 2)} 0,{number(-tall)}", stem, 2 * size
    )
    if size < 0.5:
        return stalk + circle(x, y - tall, r * 1.3, colour)
    petals = "".join(
        circle(x + dx * r, y - tall + dy * r, r, colour)
        for dx, dy in ((0, -1), (0.95, -0.3), (0.6, 0.8), (-0.6, 0.8), (-0.95, -0.3))
    )
    return stalk + petals + circle(x, y - tall, r * 0.72, stage.light.on_land("#f6c945"))


def _leaves(stage: Stage) -> Iterator[Piece]:
    random = stage.random("leaves")
    for _ in range(int(60 * stage.canvas.width / stage.span / 1.5)):
        near = random.random()
        x, y = (
            random.uniform(0, stage.canvas.width),
            stage.horizon + (stage.canvas.height - stage.horizon) * (0.1 + 0.9 * near),
        )
        size = 0.3 + 0.7 * near
        colour = stage.light.on_land(random.choice(("#d9692f", "#e8a13a", "#b5452f", "#cf8a2e")))
        yield y, ellipse(x, y, 10 * size, 4.4 * size, colour, opacity=0.9)
