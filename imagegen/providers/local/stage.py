"""Where everything of a scene stands: backdrop, horizon, ground, water, and one source of chance a layer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from imagegen.providers.local.canvas import Canvas
from imagegen.providers.local.light import Light
from imagegen.providers.local.motifs import Motif, MotifLibrary
from imagegen.providers.local.wish import Wish

SPACE_MOTIFS = frozenset({"rocket"})
LAKE_MOTIFS = frozenset({"duck", "fish"})
DESERT_MOTIFS = frozenset({"cactus"})
SEASIDE_MOTIFS = frozenset({"lighthouse"})
LAKESIDE_MOTIFS = frozenset({"bridge"})
SNOW_MOTIFS = frozenset({"snowman", "penguin"})
VEHICLES = frozenset({"car", "bus"})
STREET_MOTIFS = frozenset({"skyscraper", "bus"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The place where a wish is drawn, in canvas units.

    `backdrop` is outdoors, space, underwater, indoor or none; `ground` and `water` are kinds of the
    palette or None; `horizon` and `shore` are heights (y); `span` is the unit for sizes of things.
    """

    canvas: Canvas
    wish: Wish
    light: Light
    palettes: Mapping[str, Any]
    library: MotifLibrary
    key: str
    backdrop: str
    ground: str | None
    water: str | None
    horizon: float
    shore: float
    span: float

    def random(self, layer: str) -> Random:
        """A layer's own source of chance, so that one layer's changes leave the others alone."""
        digest = hashlib.sha256(f"{self.key}\n{layer}".encode("utf-8", "surrogatepass")).digest()
        return Random(int.from_bytes(digest[:16], "big"))  # noqa: S311  a drawing, not a secret

    def from_bottom(self, share: float) -> float:
        """The height that lies `share` spans above the lower edge."""
        return self.canvas.height - share * self.span

    def nearness(self, y: float) -> float:
        """How near a foot at height `y` is: 0 at the horizon, 1 at the front."""
        front = self.from_bottom(0.1)
        return max(0.0, min(1.2, (y - self.horizon) / max(1.0, front - self.horizon)))

    @property
    def is_snowy(self) -> bool:
        """Whether snow lies."""
        return self.ground == "snow" or self.wish.has("weather", "snow")

    @property
    def is_plain(self) -> bool:
        """Whether the style asks for few things."""
        return self.wish.has("style", "minimal")


def span_of(canvas: Canvas) -> float:
    """The unit of sizes: the height, but no more than a portrait's width can carry."""
    return min(canvas.height, canvas.width * 1.15)


def backdrop_of(wish: Wish, motifs: list[Motif]) -> str:
    """The kind of place."""
    named = wish.first("backdrop")
    outdoors = any(wish.has(group) for group in ("ground", "water", "relief", "trees", "weather", "flora"))
    if named and not wish.denies(named) and not (named == "indoor" and outdoors):
        return named
    if outdoors or not motifs:
        return "outdoors"
    names = {motif.name for motif in motifs}
    if names & SPACE_MOTIFS and not wish.has("time", "day", "dawn", "golden", "dusk"):
        return "space"
    if {motif.place for motif in motifs} == {"surface"} and not wish.has("time") and not wish.has("season"):
        return "indoor"
    return "outdoors"


def water_of(wish: Wish, motifs: list[Motif]) -> str | None:
    """The kind of water: the one named, what a motif floats on, or where a motif is at home."""
    named = next((kind for kind in wish.features.get("water", ()) if not wish.denies(kind)), None)
    if named == "river" and any(motif.place == "water" for motif in motifs):
        return "lake"  # a river seen from its bank: what floats needs room
    if named or wish.denies("sea", "lake"):
        return named
    floating = {motif.name for motif in motifs if motif.place == "water"}
    if floating:
        return "lake" if floating <= LAKE_MOTIFS else "sea"
    names = {motif.name for motif in motifs}
    if wish.has("ground", "sand"):
        return "sea"
    if wish.has("ground") or wish.has("trees"):
        return None
    return "sea" if names & SEASIDE_MOTIFS else "lake" if names & LAKESIDE_MOTIFS else None


def ground_of(wish: Wish, motifs: list[Motif], water: str | None) -> str | None:
    """The kind of ground; None where water fills the picture."""
    named = next((kind for kind in wish.features.get("ground", ()) if not wish.denies(kind)), None)
    cold = (wish.has("weather", "snow") or wish.has("season", "winter")) and not wish.denies("snow")
    if named in ("grass", "meadow", "rock", None) and cold and (named or not water or _stands(wish, motifs)):
        return "snow"
    if named == "grass" and wish.has("season", "autumn"):
        return "autumn"
    return named or _default_ground(wish, motifs, water)


def _stands(wish: Wish, motifs: list[Motif]) -> bool:
    own_feet = (
        m
        for m, s in zip(motifs, wish.subjects, strict=True)
        if not (s.relation == "on" and isinstance(s.anchor, int))
    )
    on_land = any(
        motif.place in ("ground", "surface") and motif.name not in LAKESIDE_MOTIFS for motif in own_feet
    )
    return on_land or wish.has("trees") or wish.has("flora")


def _default_ground(wish: Wish, motifs: list[Motif], water: str | None) -> str | None:
    names = {motif.name for motif in motifs}
    for ground, typical in (("desert", DESERT_MOTIFS), ("snow", SNOW_MOTIFS), ("street", STREET_MOTIFS)):
        if names & typical:
            return ground
    if water and not _stands(wish, motifs) and water != "river":
        return None
    if wish.has("trees", "palm") or (water == "sea" and not wish.has("trees")):
        return "sand" if "lighthouse" not in names else "rock"
    if wish.has("flora"):
        return "meadow"
    return "autumn" if wish.has("season", "autumn") else "grass"


def horizon_of(canvas: Canvas, motifs: list[Motif], ground: str | None, water: str | None) -> float:
    """The horizon's height."""
    share = 0.39
    if water and ground:
        share = 0.46
    elif water:
        share = 0.42
    elif motifs and all(motif.place in ("air", "sky") for motif in motifs):
        share = 0.27
    elif ground == "street":
        share = 0.3
    return canvas.height - share * span_of(canvas)
