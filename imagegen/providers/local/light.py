"""The light of a scene: what the hour and the weather do to every colour."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from imagegen.providers.local import colours
from imagegen.providers.local.wish import Wish

OVERCAST = {"storm": 0.92, "rain": 0.72, "fog": 0.55, "snow": 0.4, "cloudy": 0.3}
OVERCAST_AT_NIGHT = {"storm": 0.85, "rain": 0.55, "fog": 0.4, "snow": 0.12, "cloudy": 0.15}


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Colours of the sky and of the light on things; `overcast` and `stars` are shares from 0 to 1."""

    time: str
    sky: tuple[str, ...]
    glow: str
    haze: str
    tint: str
    shade: str
    subject_tint: str
    cloud: tuple[str, str]
    stars: float
    vignette: float
    overcast: float

    @property
    def is_dark(self) -> bool:
        """Whether lamps are lit."""
        return self.time in ("dusk", "night") or self.overcast > 0.8

    def in_shade(self, colour: str, distance: float = 0) -> str:
        """A daylight colour on ground that the light does not reach well."""
        depth = {"day": 0.0, "golden": 0.42}.get(self.time, 0.3)
        return colours.mix(self.on_land(colour, distance), self.shade, depth)

    def on_land(self, colour: str, distance: float = 0) -> str:
        """A daylight colour as this light shows it, `distance` (0 to 1) deep in haze."""
        return colours.mix(colours.multiply(colour, self.tint), self.haze, distance)


def load_palettes() -> Mapping[str, Any]:
    """The colour tables."""
    text = resources.files("imagegen.providers.local").joinpath("palettes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def time_of_day(wish: Wish) -> str:
    """The hour that the prompt names, or that its moon, stars or aurora imply; else day."""
    named = wish.first("time")
    if named and not wish.denies(named):
        return named
    if wish.has("sky", "sun"):
        return "day"
    if wish.has("sky", "moon", "stars") or wish.has("weather", "aurora"):
        return "night"
    return "day"


def light_of(wish: Wish, palettes: Mapping[str, Any]) -> Light:
    """The light that a wish's hour, weather and sky colour make."""
    time = time_of_day(wish)
    table = palettes["light"][time]
    shares = OVERCAST_AT_NIGHT if time == "night" else OVERCAST
    overcast = max((shares.get(kind, 0.0) for kind in wish.features.get("weather", ())), default=0.0)
    grey = _spread(table["overcast"], 4)
    sky = [colours.mix(clear, dull, overcast) for clear, dull in zip(table["sky"], grey, strict=True)]
    dull_tint = colours.mix(table["tint"], colours.multiply("#939cae", table["tint"]), overcast)
    cloud_top, cloud_base = (
        colours.mix(colour, grey[index], overcast) for index, colour in enumerate(table["cloud"])
    )
    light = Light(
        time=time,
        sky=tuple(sky),
        glow=colours.mix(table["glow"], grey[3], overcast * 0.8),
        haze=colours.mix(table["haze"], grey[2], overcast * 0.8),
        tint=dull_tint,
        shade=table["shade"],
        subject_tint=colours.mix(table["subject_tint"], "#c3c9d6", overcast * 0.4 if time == "day" else 0),
        cloud=(wish.colours.get("cloud", cloud_top), colours.mix(cloud_base, "#20243a", overcast * 0.25)),
        stars=table["stars"] * (1 - min(1.0, overcast * 1.1)),
        vignette=table["vignette"] + 0.12 * overcast,
        overcast=overcast,
    )
    return _with_sky_colour(light, wish.colours.get("sky"))


def _spread(stops: list[str], count: int) -> list[str]:
    """`count` colours along a gradient of evenly spaced stops."""
    places = [index * (len(stops) - 1) / (count - 1) for index in range(count)]
    return [colours.mix(stops[int(p)], stops[min(int(p) + 1, len(stops) - 1)], p - int(p)) for p in places]


def _with_sky_colour(light: Light, colour: str | None) -> Light:
    if colour is None:
        return light
    deep = colours.multiply(colour, colours.mix("#ffffff", light.tint, 0.6))
    wanted = [colours.darker(deep, 0.35), deep, colours.lighter(deep, 0.3), colours.lighter(deep, 0.6)]
    sky = tuple(colours.mix(own, new, 0.78) for own, new in zip(light.sky, wanted, strict=True))
    return replace(
        light, sky=sky, haze=colours.mix(light.haze, sky[2], 0.5), glow=colours.mix(light.glow, sky[3], 0.4)
    )
