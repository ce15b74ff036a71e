"""What a prompt asks for, as data: the composer draws exactly this and nothing else reads the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A motif to draw `count` times; `relation` (under, on, beside, before, behind, above) is to `anchor`.

    `anchor` is an index of another subject, or a word of the surroundings such as `hills` or `sea`.
    """

    motif: str
    count: int = 1
    colours: tuple[str, ...] = ()
    scale: float = 1.0
    far: bool = False
    flying: bool = False
    relation: str | None = None
    anchor: int | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A prompt as the composer understood it.

    `features` are the surroundings by group (`time`, `weather`, `ground`, …), in the prompt's order;
    `denied` the features and motifs that it forbids; `colours` those of the surroundings by feature;
    `palette` every colour named, for abstract pictures. `drawn` and `not_drawn` are the prompt's words,
    `feature_words` those of the surroundings with their group and feature.
    """

    subjects: tuple[Subject, ...] = ()
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    denied: frozenset[str] = frozenset()
    colours: Mapping[str, str] = field(default_factory=dict)
    palette: tuple[str, ...] = ()
    style: str | None = None
    drawn: tuple[str, ...] = ()
    not_drawn: tuple[str, ...] = ()
    feature_words: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def has(self, group: str, *names: str) -> bool:
        """Whether the prompt asks for a feature of the group: one of `names`, or any."""
        found = self.features.get(group, ())
        return bool(set(found) & set(names)) if names else bool(found)

    def first(self, group: str) -> str | None:
        """The first feature of a group that the prompt names."""
        return next(iter(self.features.get(group, ())), None)

    def denies(self, *names: str) -> bool:
        """Whether the prompt forbids one of these."""
        return bool(self.denied & set(names))

    @property
    def is_abstract(self) -> bool:
        """Whether there is nothing that could be drawn as a scene."""
        shown = {group for group in self.features if group not in ("style", "calm", "size", "pose")}
        return not self.subjects and not shown
