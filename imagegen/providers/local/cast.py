"""The motifs on stage: what an actor is, and how it is painted with its shadow, reflection and lamps."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from imagegen.providers.local import colours
from imagegen.providers.local.canvas import ellipse, number
from imagegen.providers.local.motifs import Look, Motif, draw_motif
from imagegen.providers.local.sky import glow
from imagegen.providers.local.stage import Stage
from imagegen.providers.local.water import ripples


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One drawn motif: its foot's middle, its height in units, the order in which it is painted (y).

    `zone` is ground, water or air; `distance` (0 to 1) how deep it stands in haze; `angle` in degrees.
    """

    motif: Motif
    x: float
    y: float
    height: float
    zone: str
    subject: int
    colour: str | None = None
    mirrored: bool = False
    distance: float = 0.0
    angle: float = 0.0
    order: float = 0.0
    casts_shadow: bool = True
    on_hill: bool = False

    @property
    def width(self) -> float:
        """Its width in units."""
        return self.height * self.motif.aspect


def _symbol(stage: Stage, actor: Actor) -> str:
    light = stage.light
    tint = light.subject_tint if actor.distance < 0.05 else colours.mix(light.subject_tint, light.tint, 0.5)
    plain = stage.backdrop in ("none", "indoor")
    look = Look(
        colour=actor.colour,
        tint="#ffffff" if plain else tint,
        haze=light.haze,
        haze_share=0 if plain else round(actor.distance, 2),
        lamps_lit=light.is_dark and not plain,
        snowy=stage.is_snowy and not plain,
    )
    # The same in every process, unlike hash(): equal requests give equal bytes.
    prefix = f"m{zlib.crc32(f'{actor.motif.name}{look}'.encode()):x}-"
    return stage.canvas.define(f'<g id="{{id}}">{draw_motif(actor.motif, look, prefix)}</g>', "motif")


def paint(stage: Stage, actor: Actor) -> str:
    """The actor's elements, shadow first."""
    scale = actor.height / actor.motif.box[3]
    symbol = _symbol(stage, actor)
    foot = actor.y + actor.motif.dip * scale
    body = stage.canvas.use(symbol, actor.x, foot, scale, mirrored=actor.mirrored)
    if actor.angle:
        centre = f"{number(actor.x)} {number(actor.y - actor.height / 2)}"
        body = f'<g transform="rotate({number(actor.angle)} {centre})">{body}</g>'
    before, after = "", _lamps(stage, actor, scale)
    if actor.zone == "ground" and actor.casts_shadow:
        before = _shadow(stage, actor)
    elif actor.zone == "water":
        mirror = stage.canvas.use(
            symbol,
            actor.x,
            actor.y - actor.motif.dip * scale * 0.6,
            scale,
            mirrored=actor.mirrored,
            scale_y=-scale * 0.62,
        )
        before = f'<g opacity="0.26">{mirror}</g>'
        after = ripples(stage, actor.x, actor.y, actor.width) + after
    return before + body + after


def _shadow(stage: Stage, actor: Actor) -> str:
    light = stage.light
    dark = colours.darker(light.on_land("#3c4a5e"), 0.55)
    strength = 0.5 if stage.backdrop != "indoor" else 0.42
    fill = stage.canvas.radial([(0, dark, strength), (0.55, dark, strength * 0.55), (1, dark, 0)])
    width = min(actor.width, actor.height * 0.62)
    depth = max(width * 0.085, stage.span * 0.008)
    contact = ellipse(actor.x, actor.y - depth * 0.1, max(width, actor.width) * 0.46, depth * 0.7, fill)
    return (
        ellipse(actor.x + width * 0.1, actor.y, max(width * 0.74, actor.width * 0.52), depth, fill) + contact
    )


def _lamps(stage: Stage, actor: Actor, scale: float) -> str:
    if not stage.light.is_dark or stage.backdrop in ("none", "indoor"):
        return ""
    left, top, width, height = actor.motif.box
    side = -1 if actor.mirrored else 1
    lights = []
    for x, y, radius in actor.motif.glows:
        place_x = actor.x + side * (x - left - width / 2) * scale
        place_y = actor.y + (actor.motif.dip + y - top - height) * scale
        lights.append(glow(stage.canvas, place_x, place_y, radius * scale * 1.5, "#ffcf70", 0.5))
    return "".join(lights)
