"""The words that mean something to the composer: the vocabulary table and the motifs' own names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

LONGEST_PHRASE = 4


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word is: its group (`time`, `motif`, `colours`, `relation`, …) and the value within it."""

    group: str
    value: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All known phrases (words joined by one space); a phrase may be a motif and a feature at once."""

    features: Mapping[str, Meaning]
    motifs: Mapping[str, Meaning]
    plurals: frozenset[str]

    def feature(self, phrase: str) -> Meaning | None:
        """The meaning of a phrase in the vocabulary, found by its plural too."""
        return next((self.features[form] for form in _forms(phrase) if form in self.features), None)

    def is_plural(self, phrase: str) -> bool:
        """Whether a motif's name stands for several."""
        return phrase in self.plurals or (phrase.endswith("s") and phrase[:-1] in self.motifs)

    def motif(self, phrase: str) -> Meaning | None:
        """The motif that a phrase names."""
        exact = self.motifs.get(phrase)
        return exact or next((self.motifs[form] for form in _forms(phrase) if form in self.motifs), None)


Vocabulary = Mapping[str, Mapping[str, str | list[str]]]


def load_vocabulary() -> Vocabulary:
    """The word table: group → value → words, and colour word → `#rrggbb`."""
    text = resources.files("imagegen.providers.local").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def load_lexicon(motif_words: Mapping[str, str]) -> Lexicon:
    """The vocabulary, and a motif for each of `motif_words` (word → motif name)."""
    motifs = {word: Meaning("motif", name) for word, name in motif_words.items()}
    vocabulary = dict(load_vocabulary())
    plurals = frozenset(vocabulary.pop("plural")["several"])
    return Lexicon(dict(_entries(vocabulary)), motifs, plurals)


def _entries(table: Vocabulary) -> Iterator[tuple[str, Meaning]]:
    for group, values in table.items():
        for value, words in values.items():
            if isinstance(words, str):
                yield value, Meaning(group, words)
            else:
                yield from ((word, Meaning(group, value)) for word in words)


def _forms(phrase: str) -> Iterator[str]:
    yield phrase
    if phrase.endswith("ies"):
        yield phrase[:-3] + "y"
    if phrase.endswith("es"):
        yield phrase[:-2]
    if phrase.endswith("s") and not phrase.endswith("ss"):
        yield phrase[:-1]
