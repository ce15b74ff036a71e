"""Who stands where: rows by size, thirds rather than the middle, nobody on top of another unless told."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from imagegen.providers.local.cast import Actor
from imagegen.providers.local.motifs import Motif
from imagegen.providers.local.stage import LAKESIDE_MOTIFS, VEHICLES, Stage
from imagegen.providers.local.trees import foliage_colour
from imagegen.providers.local.wish import Subject

TALL = 0.42
ROW_SHARE = 0.68  # of the room, where another row looks through the gaps
SMALLER_BEHIND = 0.9
LEANS = (0.75, -0.75, 0.75)
GAP = 1.12
CROWD = 5
CROWD_SCALE = 0.5
FIT = 0.88
LEAFY_WORDS = frozenset({"tree", "bush"})


def place_cast(stage: Stage) -> list[Actor]:
    """Every actor, in painting order."""
    drafts = [
        actor
        for index, subject in enumerate(stage.wish.subjects)
        for actor in _copies(stage, index, subject)
        if not _rides(stage, subject)
    ]
    random = stage.random("placement")
    placed: list[Actor] = []
    for row, lean in _ground_rows(stage, [actor for actor in drafts if actor.zone == "ground"]):
        placed += _place_row(stage, random, row, placed, lean)
    placed += _place_on_water(stage, random, [actor for actor in drafts if actor.zone == "water"])
    placed += _place_in_air(stage, random, [actor for actor in drafts if actor.zone == "air"], placed)
    for index, subject in enumerate(stage.wish.subjects):
        if _rides(stage, subject):
            placed += _copies(stage, index, subject)
    return sorted((_inside(stage, actor) for actor in _relate(stage, placed)), key=lambda actor: actor.order)


def _inside(stage: Stage, actor: Actor) -> Actor:
    """The actor no higher than the picture lets it be, from where its foot stands."""
    room = actor.y - 0.03 * stage.span
    return replace(actor, height=room) if actor.zone == "ground" and actor.height > room > 0 else actor


def _rides(stage: Stage, subject: Subject) -> bool:
    """Whether it stands on another subject and so needs no place of its own."""
    if subject.relation != "on" or not isinstance(subject.anchor, int) or subject.count > 3:
        return False
    anchor = stage.wish.subjects[subject.anchor]
    carrier = _zone(stage, stage.library[anchor.motif], anchor)
    return carrier != "air" and not (anchor.relation == "on" and isinstance(anchor.anchor, int))


def _zone(stage: Stage, motif: Motif, subject: Subject) -> str:
    if stage.backdrop in ("space", "underwater"):
        return "air"
    if subject.flying or motif.place in ("air", "sky"):
        return "air"
    floats = motif.place == "water" or (motif.name in LAKESIDE_MOTIFS and stage.ground is None)
    return "water" if floats and stage.water not in (None, "river") else "ground"


def _copies(stage: Stage, index: int, subject: Subject) -> list[Actor]:
    motif = stage.library[subject.motif]
    zone = _zone(stage, motif, subject)
    height = motif.height * subject.scale * stage.span
    if motif.place == "surface" and stage.backdrop == "indoor":
        height *= 1.7 if len(stage.wish.subjects) == subject.count == 1 else 1.25
    if subject.count >= CROWD and len(stage.wish.subjects) > 1 and zone == "ground":
        height *= CROWD_SCALE
    height = min(height, 0.66 * stage.canvas.width / motif.aspect, 0.86 * stage.span)
    colour = subject.colours[0] if subject.colours else _season_colour(stage, motif)
    distance = 0.3 if subject.far else 0.0
    actor = Actor(
        motif=motif, x=0, y=0, height=height, zone=zone, subject=index, colour=colour, distance=distance
    )
    return [actor] * subject.count


def _season_colour(stage: Stage, motif: Motif) -> str | None:
    """What the season makes of leaves."""
    turns = LEAFY_WORDS & set(motif.words) and stage.wish.has("season", "autumn", "spring")
    return foliage_colour(stage, "leafy") if turns else None


def _ground_rows(stage: Stage, actors: list[Actor]) -> list[tuple[list[Actor], float]]:
    """A crowd around others stands farthest, then tall things, then small ones; many make several rows.

    Each row comes with its lean to one side, so that rows look through each other's gaps.
    """
    crowd = [actor for actor in actors if _is_crowd(stage, actor)]
    tall = [actor for actor in actors if _is_tall(stage, actor) and actor not in crowd]
    small = [actor for actor in actors if not _is_tall(stage, actor) and actor not in crowd]
    room = FIT * stage.canvas.width * (0.8 if stage.backdrop == "indoor" else 1)
    return [row for group in (crowd, tall, small) if group for row in _rows_of(group, room)]


def _rows_of(group: list[Actor], room: float) -> list[tuple[list[Actor], float]]:
    needed = sum(actor.width for actor in group) * GAP
    if needed <= room * 1.25 or len(group) < 4:
        return [(group, 0.0)]
    count = 2 if needed < room * 2.2 else 3
    rows = [group[start::count] for start in reversed(range(count)) if group[start::count]]
    widest = max(sum(actor.width for actor in row) for row in rows) * GAP
    shrink = min(1.0, room * ROW_SHARE / widest)
    return [
        ([replace(actor, height=actor.height * shrink * SMALLER_BEHIND**behind) for actor in row], lean)
        for behind, row, lean in zip(reversed(range(len(rows))), rows, LEANS, strict=False)
    ]


def _is_crowd(stage: Stage, actor: Actor) -> bool:
    return len(stage.wish.subjects) > 1 and stage.wish.subjects[actor.subject].count >= CROWD


def _is_tall(stage: Stage, actor: Actor) -> bool:
    return actor.height >= TALL * stage.span


def _row_nearness(stage: Stage, row: Sequence[Actor], placed: Sequence[Actor], lean: float) -> float:
    is_tall = _is_tall(stage, row[0])
    earlier = sum(1 for actor in placed if actor.subject == row[0].subject)
    base = (0.5 if is_tall else 0.72) - (0.26 if lean else 0) + 0.26 * math.ceil(earlier / len(row))
    if _is_crowd(stage, row[0]):
        return 0.16 + (0.14 if earlier else 0)
    if stage.backdrop == "indoor":
        return 0.52 + (0.3 if earlier else 0)
    if stage.ground in ("street", "road") and row[0].motif.name in VEHICLES:
        return 0.95
    if stage.ground == "street":
        return 0.36 if is_tall else 0.5
    return min(1.0, base + (0.08 if stage.water else 0))


def _place_row(
    stage: Stage, random: Random, row: list[Actor], placed: list[Actor], lean: float
) -> list[Actor]:
    nearness = _row_nearness(stage, row, placed, lean)
    top = stage.shore if stage.water else stage.horizon
    y = top + (stage.from_bottom(0.09) - top) * nearness
    room = FIT * stage.canvas.width
    needed = sum(actor.width for actor in row) * GAP
    shrink = min(1.0, room / needed)
    if len(row) == 1 and not placed:
        return [_alone(stage, random, row[0], y)]
    if len(row) == 1 and len(placed) == 1:
        return [_companion(stage, random, row[0], placed[0], y)]
    others = [actor for actor in placed if not _is_crowd(stage, actor)]
    if len(row) == 1 and not others:
        return [_alone(stage, random, row[0], y)]
    return _spread(stage, random, [replace(actor, height=actor.height * shrink) for actor in row], y, lean)


def _alone(stage: Stage, random: Random, actor: Actor, y: float) -> Actor:
    width = stage.canvas.width
    wide = actor.width > width * 0.4
    share = (
        0.5 + random.uniform(-0.03, 0.03)
        if wide
        else random.choice((0.42, 0.5, 0.58)) + random.uniform(-0.03, 0.03)
    )
    return replace(actor, x=width * share, y=y, order=y, mirrored=_mirrored(random, actor, share))


def _mirrored(random: Random, actor: Actor, share: float) -> bool:
    """Whoever looks aside looks into the picture."""
    if actor.motif.faces == "front":
        return False
    wanted = "right" if share < 0.45 else "left" if share > 0.55 else random.choice(("left", "right"))
    return actor.motif.faces != wanted


def _companion(stage: Stage, random: Random, actor: Actor, other: Actor, y: float) -> Actor:
    """Someone in front of one tall thing: to its freer side."""
    width = stage.canvas.width
    side = 1 if other.x < width / 2 else -1
    reach = max(other.width * 0.42, stage.span * 0.16) + actor.width * 0.35
    x = other.x + side * reach * random.uniform(0.9, 1.1)
    x = min(max(x, actor.width * 0.62), width - actor.width * 0.62)
    return replace(actor, x=x, y=y, order=y, mirrored=_mirrored(random, actor, x / width))


def _spread(stage: Stage, random: Random, row: list[Actor], y: float, lean: float) -> list[Actor]:
    """Side by side, with uneven gaps and feet not quite on one line."""
    width = stage.canvas.width
    free = width - sum(actor.width for actor in row)
    margin = 1.5 if len(row) < 5 else 1.0
    weights = [margin + lean, *(random.uniform(0.55, 0.9) for _ in row[1:]), margin - lean]
    gaps = [free * weight / sum(weights) for weight in weights]
    x = gaps[0]
    result = []
    for actor, gap in zip(row, gaps[1:], strict=True):
        step = 0 if stage.backdrop == "indoor" else random.uniform(-0.016, 0.016) * stage.span
        centre = x + actor.width / 2
        mirrored = _mirrored(random, actor, centre / width)
        result.append(replace(actor, x=centre, y=y + step, order=y + step, mirrored=mirrored))
        x += actor.width + gap
    return result


def _place_on_water(stage: Stage, random: Random, actors: list[Actor]) -> list[Actor]:
    """Spread over the water: the first one nearest, the others smaller towards the horizon."""
    if not actors:
        return []
    width, count = stage.canvas.width, len(actors)
    bottom = stage.shore if stage.ground else stage.canvas.height - 0.1 * stage.span
    slots = list(range(count))
    random.shuffle(slots)
    result = []
    for index, (actor, slot) in enumerate(zip(actors, slots, strict=True)):
        near = 1.0 - 0.75 * index / max(1, count - 1) if count > 1 else 0.62
        y = stage.horizon + (bottom - stage.horizon) * (0.12 + 0.62 * near)
        size = (0.42 + 0.58 * near if count > 1 else 1.0) * (0.72 if stage.ground else 1)
        share = (
            (slot + 0.5 + random.uniform(-0.12, 0.12)) / count
            if count > 1
            else random.choice((0.38, 0.5, 0.62))
        )
        height = min(actor.height * size, 1.1 * width / count / actor.motif.aspect)
        distance = max(actor.distance, 0.3 * (1 - near))
        result.append(
            replace(actor, x=width * (0.06 + 0.88 * share), y=y, order=y, height=height, distance=distance,
                    mirrored=_mirrored(random, actor, share))
        )  # fmt: skip
    return result


def _place_in_air(stage: Stage, random: Random, actors: list[Actor], below: Sequence[Actor]) -> list[Actor]:
    """In free air: each copy at the best of a few random places."""
    placed: list[Actor] = []
    crowd = len(actors) + len(below)
    for index, actor in enumerate(actors):
        size = 1.0 if index == 0 or crowd < 3 else random.uniform(0.55, 0.95)
        if len(actors) > 4:
            size *= 0.72
        candidate = replace(actor, height=actor.height * size)
        options = [
            _air_place(stage, random, candidate, alone=crowd == 1) for _ in range(1 if crowd == 1 else 40)
        ]
        placed.append(max(options, key=_freedom([*below, *placed])))
    return placed


def _freedom(others: Sequence[Actor]) -> Callable[[Actor], float]:
    def clearance(actor: Actor) -> float:
        # More than enough room is no better than enough: else all would flee into the corners.
        return min((_gap(actor, other) for other in others), default=0.0)

    return clearance


def _gap(actor: Actor, other: Actor) -> float:
    across, down = actor.x - other.x, actor.y - other.y - (actor.height - other.height) / 2
    sizes = (actor.width + actor.height + other.width + other.height) / 4
    return min(0.6, (math.hypot(across, down) - sizes) / sizes)


def _air_place(stage: Stage, random: Random, actor: Actor, *, alone: bool) -> Actor:
    width = stage.canvas.width
    ceiling = stage.canvas.height if stage.backdrop in ("space", "underwater", "none") else stage.horizon
    share = random.choice((0.42, 0.5, 0.58)) if alone else random.uniform(0.1, 0.9)
    x = min(max(width * share, actor.width * 0.58), width - actor.width * 0.58)
    if alone:
        y = ceiling * 0.5 + actor.height / 2
        y = max(y, actor.height * 1.06)
    else:
        low = actor.height * 1.08 + ceiling * 0.06
        high = max(low, ceiling * 0.84)
        y = random.uniform(low, high)
    angle = 24.0 if actor.motif.name == "rocket" and stage.backdrop == "space" else 0.0
    return replace(
        actor, x=x, y=y, order=y - 10_000, angle=angle, mirrored=_mirrored(random, actor, x / width)
    )


def _relate(stage: Stage, placed: list[Actor]) -> list[Actor]:
    """Move actors to where their relation to another one puts them."""
    result = list(placed)
    for index, subject in enumerate(stage.wish.subjects):
        if subject.anchor == "hills" and subject.relation in ("on", None):
            result = [_on_hill(stage, actor) if actor.subject == index else actor for actor in result]
        if not isinstance(subject.anchor, int) or subject.relation is None:
            continue
        anchor = next((actor for actor in result if actor.subject == subject.anchor), None)
        move = RELATIONS.get(subject.relation)
        if anchor and move and subject.count <= 3:
            number = 0
            for place, actor in enumerate(result):
                if actor.subject == index:
                    result[place] = move(stage, actor, anchor, number)
                    number += 1
    return result


def _on_hill(stage: Stage, actor: Actor) -> Actor:
    if actor.zone != "ground":
        return actor
    y = stage.horizon + 0.02 * stage.span
    return replace(actor, y=y, order=y, height=min(actor.height, 0.8 * y), on_hill=True)


def _on(stage: Stage, actor: Actor, anchor: Actor, number: int) -> Actor:
    if stage.backdrop in ("space", "underwater") or anchor.zone == "air":
        return actor
    on_deck = anchor.motif.place == "water" and actor.motif.place != "air"
    height = min(actor.height, anchor.height * (0.5 if on_deck else 0.7))
    lift = anchor.height * (0.28 if on_deck else 0.95)
    x = anchor.x + anchor.width * 0.2 * (number + (0.5 if on_deck else 0))
    raised = replace(actor, x=x, y=anchor.y - lift, height=height, order=anchor.order + 1 + number)
    return replace(raised, zone="ground", casts_shadow=False)


def _above(stage: Stage, actor: Actor, anchor: Actor, number: int) -> Actor:
    top = anchor.y - anchor.height
    height = min(actor.height, max(0.22 * stage.span, top * 0.6))
    wide = height * actor.motif.aspect
    fits = top > height * 1.15
    side = (1 if anchor.x < stage.canvas.width / 2 else -1) * (1 if number % 2 == 0 else -1)
    x = (
        anchor.x + (number - 0.3) * wide * 0.9
        if fits
        else anchor.x + side * (anchor.width * 0.5 + wide * 0.6)
    )
    x = min(max(x, wide * 0.6), stage.canvas.width - wide * 0.6)
    y = top * 0.82 if fits else height * (1.12 + 0.12 * number)
    return replace(actor, x=x, y=y, height=height, order=-9_000, zone="air")


def _behind(stage: Stage, actor: Actor, anchor: Actor, number: int) -> Actor:
    y = anchor.y - 0.05 * stage.span
    side = 1 if actor.x >= anchor.x else -1
    x = anchor.x + side * (anchor.width * 0.36 + actor.width * (0.2 + number))
    return replace(actor, x=x, y=y, order=min(actor.order, anchor.order - 1))


def _before(stage: Stage, actor: Actor, anchor: Actor, number: int) -> Actor:
    y = min(max(actor.y, anchor.y + 0.06 * stage.span), stage.from_bottom(0.05))
    if actor.zone != "ground":
        return actor
    side = 1 if actor.x >= anchor.x else -1
    x = anchor.x + side * (anchor.width * 0.3 + actor.width * (0.15 + number))
    x = min(max(x, actor.width * 0.6), stage.canvas.width - actor.width * 0.6)
    return replace(actor, x=x, y=y, order=y)


def _under(stage: Stage, actor: Actor, anchor: Actor, number: int) -> Actor:
    if anchor.zone == "air":
        return actor
    y = min(max(actor.y, anchor.y + 0.05 * stage.span), stage.from_bottom(0.05))
    x = anchor.x + actor.width * (number * 1.1 - 0.35) * (1 if anchor.x < stage.canvas.width / 2 else -1)
    return replace(actor, x=x, y=y, order=y)


RELATIONS: dict[str, Callable[[Stage, Actor, Actor, int], Actor]] = {
    "on": _on,
    "above": _above,
    "behind": _behind,
    "before": _before,
    "under": _under,
}
