"""Reading a prompt: from words to a `Wish`, without any model: one pass from left to right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from imagegen.providers.local.colours import mix
from imagegen.providers.local.lexicon import LONGEST_PHRASE, Lexicon, Meaning
from imagegen.providers.local.wish import Subject, Wish

TOKEN = re.compile(r"[^\W_]+|[,.;:!?()\n]")
MOST_OF_A_KIND = 12
A_FEW = 3
A_FIELDFUL = 9
A_CROWD = 5
SCALES = {"large": 1.3, "small": 0.62, "far": 0.5}
COPULAS = frozenset({"is", "are", "in", "colored", "coloured", "painted"})
PREPOSITIONS = frozenset(
    {
        "with", "in", "to", "from", "for", "into", "onto", "through", "across", "between", "among", "around",
        "against", "towards", "toward", "along", "that", "which", "who",
    }
)  # fmt: skip
ARTICLES = frozenset({"a", "an", "the", "with"})
OBJECT_GROUPS = frozenset({"trees", "flora", "ground", "backdrop"})
ADJECTIVE_GROUPS = frozenset({"season", "time", "weather", "calm"})

ShowsColour = Callable[[str, str], bool]


@dataclass(slots=True)
class _Draft:
    motif: str
    count: int = 1
    colours: list[str] = field(default_factory=list)
    scale: float = 1.0
    far: bool = False
    flying: bool = False
    relation: str | None = None
    anchor: int | str | None = None


@dataclass(slots=True)
class _Pending:
    """Adjectives that wait for their noun."""

    colours: list[tuple[str, str]] = field(default_factory=list)
    after_copula: bool = False
    shade: tuple[str, str] | None = None
    count: tuple[str, int] | None = None
    size: tuple[str, str] | None = None
    flying: str | None = None


def read_prompt(prompt: str, lexicon: Lexicon, shows_colour: ShowsColour) -> Wish:
    """What the prompt asks for; `shows_colour(motif, colour)` says whether a motif has a second colour."""
    reader = _Reader(lexicon, shows_colour)
    tokens = TOKEN.findall(prompt.lower())
    place = 0
    while place < len(tokens):
        place += reader.read(tokens, place)
    return reader.finish()


def _colour_key(meaning: Meaning) -> str:
    if meaning.group in ("time", "weather", "sky"):
        return {"cloudy": "cloud", "moon": "moon"}.get(meaning.value, "sky")
    return meaning.group


class _Reader:
    def __init__(self, lexicon: Lexicon, shows_colour: ShowsColour) -> None:
        self.lexicon = lexicon
        self.shows_colour = shows_colour
        self.drafts: list[_Draft] = []
        self.features: dict[str, list[str]] = {}
        self.feature_words: dict[str, tuple[str, str]] = {}
        self.feature_colours: dict[str, str] = {}
        self.palette: list[str] = []
        self.denied: set[str] = set()
        self.drawn: dict[str, None] = {}
        self.not_drawn: dict[str, None] = {}
        self.pending = _Pending()
        self.negated = False
        self.negated_noun_read = False
        self.relation: tuple[str, int] | None = None
        self.last_noun: int | str | None = None
        self.previous = ""
        self.style: str | None = None

    def read(self, tokens: list[str], place: int) -> int:
        """Take the longest phrase known at `place`; the number of tokens it has."""
        if not tokens[place][0].isalnum():
            self._pause()
            return 1
        for length in range(min(LONGEST_PHRASE, len(tokens) - place), 0, -1):
            phrase = " ".join(tokens[place : place + length])
            following = tokens[place + length] if place + length < len(tokens) else ""
            if self._take(phrase, following):
                self.previous = tokens[place + length - 1]
                return length
        self._take_unknown(tokens[place])
        self.previous = tokens[place]
        return 1

    def finish(self) -> Wish:
        """The wish, once every word was read."""
        self._pause()
        subjects = tuple(
            Subject(
                motif=d.motif, count=d.count, colours=tuple(d.colours), scale=d.scale, far=d.far,
                flying=d.flying, relation=d.relation, anchor=d.anchor,
            )
            for d in self.drafts
        )  # fmt: skip
        wish = Wish(
            subjects=subjects,
            features={group: tuple(values) for group, values in self.features.items()},
            denied=frozenset(self.denied),
            colours=self.feature_colours,
            palette=tuple(self.palette),
            style=self.style,
            feature_words=self.feature_words,
        )
        return self._with_words(wish)

    def _with_words(self, wish: Wish) -> Wish:
        drawn = dict(self.drawn)
        missing = {word: None for word in self.not_drawn if word not in drawn}
        if wish.is_abstract:
            named = [word for word in missing if self._is_colour(word)]
            drawn.update(dict.fromkeys(named))
            missing = {word: None for word in missing if word not in named}
        return replace(wish, drawn=tuple(drawn), not_drawn=tuple(missing))

    def _is_colour(self, word: str) -> bool:
        meaning = self.lexicon.feature(word.rsplit(maxsplit=1)[-1])
        return meaning is not None and meaning.group == "colours"

    def _take(self, phrase: str, following: str) -> bool:
        if phrase.isdecimal():
            self.pending.count = (phrase, int(phrase[:6]))
            return True
        meaning = self._meaning(phrase)
        if meaning is None:
            return False
        if self.negated and meaning.group not in ("stop", "negation"):
            self._deny(phrase, meaning)
            return True
        # A group with a method of its own is grammar; the others are surroundings.
        take = getattr(self, f"_take_{meaning.group}", None)
        if take is None:
            self._take_feature(phrase, meaning)
        else:
            take(phrase, meaning, following)
        return True

    def _meaning(self, phrase: str) -> Meaning | None:
        """A word that is a motif and a feature is the motif where it stands for one thing or is counted."""
        motif, feature = self.lexicon.motif(phrase), self.lexicon.feature(phrase)
        if motif is None and feature is not None and phrase.endswith((" tree", " trees")):
            motif = self.lexicon.motif(phrase.split(maxsplit=1)[0])
        if motif is None or feature is None:
            return motif or feature
        if feature.group == "flora" and self.pending.count and self.pending.count[0].endswith("field of"):
            return feature
        is_thing = feature.group in OBJECT_GROUPS and (self.pending.count or not phrase.endswith("s"))
        return motif if is_thing or (feature.group == "colours" and not self.pending.colours) else feature

    def _deny(self, phrase: str, meaning: Meaning) -> None:
        both = (meaning, self.lexicon.feature(phrase), self.lexicon.motif(phrase))
        self.denied.update(known.value for known in both if known)
        self.negated_noun_read = meaning.group not in ("colours", "size", "shade", "number")

    def _take_stop(self, phrase: str, _meaning: Meaning, following: str) -> None:
        listing = phrase == "or" or (phrase == "and" and following not in ARTICLES)
        if self.negated_noun_read and not listing:
            self.negated = self.negated_noun_read = False
        if phrase in PREPOSITIONS:
            self._settle()

    def _take_negation(self, *_: object) -> None:
        self.negated, self.negated_noun_read = True, False

    def _take_unknown(self, word: str) -> None:
        if self.negated:
            self.negated_noun_read = True
        else:
            self.not_drawn[word] = None

    def _take_colours(self, phrase: str, meaning: Meaning, _following: str) -> None:
        colour = meaning.value
        if self.pending.shade:
            word, shade = self.pending.shade
            colour = mix(colour, "#ffffff" if shade == "light" else "#101020", 0.45)
            phrase, self.pending.shade = f"{word} {phrase}", None
        self.pending.after_copula = self.previous in COPULAS
        self.pending.colours.append((phrase, colour))
        self.palette.append(colour)

    def _take_shade(self, phrase: str, meaning: Meaning, following: str) -> None:
        following_meaning = self.lexicon.feature(following)
        if following_meaning is not None and following_meaning.group == "colours":
            self.pending.shade = (phrase, meaning.value)
        else:
            self.not_drawn[phrase] = None

    def _take_size(self, phrase: str, meaning: Meaning, _following: str) -> None:
        self.pending.size = (phrase, meaning.value)

    def _take_pose(self, phrase: str, _meaning: Meaning, _following: str) -> None:
        if self.drafts and isinstance(self.last_noun, int):
            self.drafts[self.last_noun].flying = True
            self.drawn[phrase] = None
        else:
            self.pending.flying = phrase

    def _take_relation(self, _phrase: str, meaning: Meaning, _following: str) -> None:
        self._settle()
        if self.drafts:
            self.relation = (meaning.value, len(self.drafts) - 1)

    def _take_style(self, phrase: str, meaning: Meaning, _following: str) -> None:
        self.drawn[phrase] = None
        if meaning.value in ("monochrome", "sepia", "pastel"):
            self.style = meaning.value
        else:
            self.features.setdefault("style", []).append(meaning.value)

    def _take_number(self, phrase: str, meaning: Meaning, _following: str) -> None:
        self.pending.count = (phrase, int(meaning.value))

    def _take_motif(self, phrase: str, meaning: Meaning, following: str) -> None:
        known = next((i for i, draft in enumerate(self.drafts) if draft.motif == meaning.value), None)
        adjectives = self.pending
        if known is not None and not (adjectives.colours or adjectives.count):
            index = known
        else:
            index = len(self.drafts)
            self.drafts.append(_Draft(meaning.value))
        counted = bool(adjectives.count) or known == index
        self._dress(self.drafts[index])
        draft = self.drafts[index]
        if draft.count == 1 and not counted:
            draft.count = self._uncounted(phrase, following)
        self.drawn[phrase] = None
        self._relate(index)

    def _uncounted(self, phrase: str, following: str) -> int:
        if following in ("field", "fields"):
            return A_FIELDFUL
        return A_FEW if self.lexicon.is_plural(phrase) else 1

    def _take_crowd(self, phrase: str, meaning: Meaning, following: str) -> None:
        motif = self.lexicon.motif(meaning.value)
        if motif is None:
            self._take_unknown(phrase)
            return
        self.pending.count = (phrase, A_CROWD)
        self._take_motif(phrase, motif, following)

    def _dress(self, draft: _Draft) -> None:
        """Give a motif the adjectives that stood before it."""
        adjectives, self.pending = self.pending, _Pending()
        for word, colour in adjectives.colours:
            shown = not draft.colours or self.shows_colour(draft.motif, colour)
            draft.colours.append(colour)
            (self.drawn if shown else self.not_drawn)[word] = None
        if adjectives.count:
            word, count = adjectives.count
            draft.count = max(1, min(count, MOST_OF_A_KIND))
            (self.drawn if 1 <= count <= MOST_OF_A_KIND else self.not_drawn)[word] = None
        if adjectives.size:
            draft.scale, draft.far = SCALES[adjectives.size[1]], adjectives.size[1] == "far"
            self.drawn[adjectives.size[0]] = None
        if adjectives.flying:
            draft.flying = True
            self.drawn[adjectives.flying] = None

    def _take_feature(self, phrase: str, meaning: Meaning) -> None:
        values = self.features.setdefault(meaning.group, [])
        if meaning.group == "time" and values and meaning.value not in values:
            self.not_drawn[phrase] = None  # a picture has one hour
            return
        if meaning.value not in values:
            values.append(meaning.value)
        self.drawn[phrase] = None
        self.feature_words[phrase] = (meaning.group, meaning.value)
        if meaning.group not in ADJECTIVE_GROUPS or self.pending.colours:
            self._colour_feature(meaning)
        if meaning.group not in ADJECTIVE_GROUPS:
            self._relate(meaning.value)

    def _colour_feature(self, meaning: Meaning) -> None:
        for word, colour in self.pending.colours:
            self.feature_colours.setdefault(_colour_key(meaning), colour)
            self.drawn[word] = None
        self.pending.colours = []
        if self.pending.count and not self.pending.count[0].isdecimal():
            self.drawn[self.pending.count[0]] = None
            self.pending.count = None

    def _relate(self, noun: int | str) -> None:
        """Close an open relation with the noun that follows it."""
        self.last_noun = noun
        if self.relation is None:
            return
        name, left = self.relation
        if left != noun:
            self.drafts[left].relation, self.drafts[left].anchor = name, noun
        self.relation = None

    def _pause(self) -> None:
        """A comma, a full stop or the end: nothing reaches across it."""
        self._settle()
        self.negated = self.negated_noun_read = False
        self.relation = None

    def _settle(self) -> None:
        """Give adjectives whose noun will not come to the noun before, or up."""
        left = self.pending
        if left.colours and left.after_copula and self.last_noun is not None:
            self._colour_backwards(left.colours)
            left.colours = []
        self.pending = _Pending()
        for word in self._words_of(left):
            self.not_drawn[word] = None

    def _colour_backwards(self, colours: list[tuple[str, str]]) -> None:
        if isinstance(self.last_noun, int):
            self.drafts[self.last_noun].colours.extend(colour for _, colour in colours)
        else:
            self.feature_colours.setdefault(str(self.last_noun), colours[0][1])
        self.drawn.update(dict.fromkeys(word for word, _ in colours))

    def _words_of(self, pending: _Pending) -> Iterator[str]:
        yield from (word for word, _ in pending.colours)
        yield from (found[0] for found in (pending.shade, pending.count, pending.size) if found)
        if pending.flying:
            yield pending.flying
