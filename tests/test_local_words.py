"""Reading prompts: what becomes a subject, a surrounding, or an honest `not_drawn`."""

from __future__ import annotations

import pytest

from imagegen.providers.local.lexicon import load_lexicon, load_vocabulary
from imagegen.providers.local.motifs import load_library
from imagegen.providers.local.wish import Wish
from imagegen.providers.local.words import read_prompt

LIBRARY = load_library(None)
LEXICON = load_lexicon(LIBRARY.words())


def read(prompt: str) -> Wish:
    return read_prompt(prompt, LEXICON, LIBRARY.shows_colour)


def test_the_readme_prompt_is_understood_to_the_last_word() -> None:
    wish = read("a red fox under pine trees at night, snow")
    assert [subject.motif for subject in wish.subjects] == ["fox"]
    assert wish.subjects[0].relation == "under"
    assert wish.subjects[0].anchor == "pine"
    assert wish.features["time"] == ("night",)
    assert wish.features["trees"] == ("pine",)
    assert wish.features["weather"] == ("snow",)
    assert wish.drawn == ("red", "fox", "pine trees", "night", "snow")
    assert wish.not_drawn == ()


@pytest.mark.parametrize(
    ("prompt", "motif", "count"),
    [
        ("three sailing boats on a calm sea", "boat", 3),
        ("2 cats", "cat", 2),
        ("a few birds", "bird", 3),
        ("a flock of birds", "bird", 7),
        ("a dozen rabbits", "rabbit", 12),
        ("one lonely tree", "oak", 1),
        ("a pine tree", "pine", 1),
        ("sunflowers", "sunflower", 3),
        ("a sunflower field", "sunflower", 9),
        ("people", "person", 3),
        ("a snowy village", "house", 5),
    ],
)
def test_counts_bind_to_the_next_motif(prompt: str, motif: str, count: int) -> None:
    assert [(s.motif, s.count) for s in read(prompt).subjects] == [(motif, count)]


def test_more_than_twelve_are_drawn_as_twelve_and_the_number_is_reported() -> None:
    wish = read("500 cats")
    assert wish.subjects[0].count == 12
    assert wish.not_drawn == ("500",)


def test_a_colour_binds_to_the_next_noun_whatever_it_is() -> None:
    wish = read("a blue fox under a pink sky on yellow grass")
    assert wish.subjects[0].colours == ("#2f6fd6",)
    assert wish.colours == {"sky": "#f08bb0", "ground": "#f7cf3c"}


def test_a_colour_after_its_noun_is_understood() -> None:
    assert read("the sky is pink over the sea").colours == {"sky": "#f08bb0"}
    assert read("the fox is blue").subjects[0].colours == ("#2f6fd6",)


def test_dark_and_light_change_the_colour_that_follows() -> None:
    plain, dark, light = (
        read(f"a {shade} car").subjects[0].colours[0] for shade in ("blue", "dark blue", "light blue")
    )
    assert len({plain, dark, light}) == 3
    assert read("a dark blue car").drawn == ("dark blue", "car")


def test_a_second_colour_is_drawn_only_where_the_motif_has_it() -> None:
    assert read("a red and white lighthouse").not_drawn == ()
    assert read("a red and purple lighthouse").not_drawn == ("purple",)


@pytest.mark.parametrize(
    ("prompt", "denied"),
    [
        ("a meadow without clouds", "cloudy"),
        ("a house at night, no moon", "moon"),
        ("a street, no cars and people", "person"),
        ("a field without any trees", "leafy"),
    ],
)
def test_what_is_forbidden_is_neither_drawn_nor_reported(prompt: str, denied: str) -> None:
    wish = read(prompt)
    assert wish.denies(denied)
    assert wish.not_drawn == ()
    assert not any(subject.motif in ("person", "car") for subject in wish.subjects)


def test_a_negation_ends_at_the_next_article() -> None:
    wish = read("no clouds and a fox")
    assert [subject.motif for subject in wish.subjects] == ["fox"]


def test_unknown_words_are_reported_and_stop_words_are_not() -> None:
    wish = read("a picture of the fox with an alpaca playing jazz")
    assert wish.drawn == ("fox",)
    assert wish.not_drawn == ("alpaca", "playing", "jazz")


def test_adjectives_of_a_noun_that_is_not_known_are_not_given_to_another() -> None:
    wish = read("a flying pig over a house")
    assert not wish.subjects[0].flying
    assert wish.not_drawn == ("pig", "flying")


def test_relations_join_two_motifs() -> None:
    wish = read("a blue car in front of a red house")
    assert [subject.motif for subject in wish.subjects] == ["car", "house"]
    assert (wish.subjects[0].relation, wish.subjects[0].anchor) == ("before", 1)


def test_the_same_motif_named_twice_is_one_subject() -> None:
    assert len(read("a cup of coffee").subjects) == 1


@pytest.mark.parametrize(
    "prompt", ["portrait of a jazz singer", "die Bedeutung des Lebens", "森の中の静けさ"]
)
def test_a_prompt_without_a_known_thing_is_abstract(prompt: str) -> None:
    wish = read(prompt)
    assert wish.is_abstract
    assert wish.drawn == ()
    assert wish.not_drawn


def test_colours_of_an_abstract_prompt_are_its_palette_and_count_as_drawn() -> None:
    wish = read("quantum entanglement in blue and gold")
    assert wish.is_abstract
    assert len(wish.palette) == 2
    assert wish.drawn == ("blue", "gold")
    assert wish.not_drawn == ("quantum", "entanglement")


@pytest.mark.parametrize("style", ["black and white", "sepia", "pastel"])
def test_styles_that_can_be_honoured_are(style: str) -> None:
    assert read(f"{style} fox").style is not None


def test_styles_that_cannot_be_honoured_are_not_claimed() -> None:
    assert read("a fox, watercolor, 4k").not_drawn == ("watercolor", "4k")


@pytest.mark.parametrize(
    "prompt", ["²", "٣ cats", "\ud800 fox", ",,, ...", "<b>&amp;</b>", "no", "under", "dark"]
)
def test_odd_prompts_are_read_without_an_error(prompt: str) -> None:
    wish = read(prompt)
    assert not set(wish.drawn) & set(wish.not_drawn)


def test_a_phrase_of_the_vocabulary_means_one_thing() -> None:
    words = [
        word
        for values in load_vocabulary().values()
        for words in values.values()
        if isinstance(words, list)
        for word in words
    ]
    assert sorted(words) == sorted(set(words))


def test_every_motif_is_found_by_each_of_its_words() -> None:
    for word, motif in LIBRARY.words().items():
        found = LEXICON.motif(word)
        assert found is not None
        assert found.value == motif
