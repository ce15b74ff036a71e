from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imagegen.templates import (
    check_file,
    load_library,
)
from tests.templates_world import NAMES, given_for

SNAPSHOTS = Path(__file__).parent / "snapshots" / "templates"
TEN = {
    "artistic-style-prompt": "subject [artist_style; medium; era]",
    "blog-header-prompt": "topic [style; mood; include_text_space]",
    "creative-image-prompt": "subject [style; mood; color_palette]",
    "email-header-prompt": "newsletter_type [brand_name; theme; season; layout]",
    "hero-banner-prompt": "website_type [industry; message; visual_style; include_cta_space]",
    "infographic-prompt": "data_type; topic [visual_approach; color_count; layout]",
    "og-image-prompt": "title [brand_name; background_style; text_layout; color_scheme; include_logo]",
    "product-image-prompt": "product [background; lighting; angle]",
    "social-media-post-prompt": "platform; content_type [brand_style; call_to_action]",
    "thumbnail-prompt": "content_type; topic [style; include_text; emotion]",
}
CLOSED = {
    ("og-image-prompt", "background_style"): "gradient solid pattern minimal tech",
    ("og-image-prompt", "text_layout"): "centered left-aligned split overlay",
    ("og-image-prompt", "color_scheme"): "professional vibrant monochrome brand-colors",
    ("blog-header-prompt", "style"): "modern minimalist illustrative photographic",
    ("blog-header-prompt", "mood"): "professional friendly exciting calm",
    ("social-media-post-prompt", "platform"): "instagram facebook twitter linkedin",
    ("social-media-post-prompt", "content_type"): "announcement quote tip behind-the-scenes",
    ("social-media-post-prompt", "brand_style"): "corporate casual creative minimalist",
    ("hero-banner-prompt", "website_type"): "business portfolio e-commerce blog saas",
    ("hero-banner-prompt", "visual_style"): "modern classic bold elegant",
    ("email-header-prompt", "newsletter_type"): "business personal promotional educational",
    ("email-header-prompt", "season"): "spring summer fall winter holiday",
    ("email-header-prompt", "layout"): "banner logo-focused text-heavy",
    ("thumbnail-prompt", "content_type"): "tutorial review vlog presentation demo",
    ("thumbnail-prompt", "style"): "bold clean dramatic friendly",
    ("thumbnail-prompt", "emotion"): "exciting trustworthy curious urgent",
    ("infographic-prompt", "data_type"): "statistics process comparison timeline",
    ("infographic-prompt", "visual_approach"): "modern corporate creative minimal",
    ("infographic-prompt", "color_count"): "monochrome two-color multi-color",
    ("infographic-prompt", "layout"): "vertical horizontal circular grid",
}


def test_the_ten_take_the_arguments_they_promise() -> None:
    assert {name: template.outline for name, template in load_library().templates.items()} == TEN


@pytest.mark.parametrize(("place", "values"), CLOSED.items())
def test_closed_lists_hold_the_promised_values_and_no_others(place: tuple[str, str], values: str) -> None:
    argument = load_library().find(place[0]).argument(place[1])

    assert argument is not None
    assert (list(argument.values), argument.open) == (values.split(), False)


@pytest.mark.parametrize(
    "place",
    [
        ("creative-image-prompt", "style mood color_palette"),
        ("product-image-prompt", "background lighting angle"),
        ("artistic-style-prompt", "artist_style medium era"),
        ("hero-banner-prompt", "industry message"),
        ("email-header-prompt", "theme"),
    ],
)
def test_open_lists_take_other_values_too(place: tuple[str, str]) -> None:
    library = load_library()
    template = library.find(place[0])

    for name in place[1].split():
        prompt = library.render(template.name, {**given_for(template, "none"), name: "velvet fog"})
        assert "velvet fog" in prompt.text


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_described_and_every_template_says_what_it_is_for(name: str) -> None:
    template = load_library().find(name)

    assert template.title and template.description and template.meant_for and template.quality
    assert all(argument.description for argument in template.arguments)
    assert all(a.sample != "…" for a in template.arguments if a.required)


@pytest.mark.parametrize("share", ["none", "some", "all"])
@pytest.mark.parametrize("name", NAMES)
def test_the_ten_render_as_recorded(name: str, share: str) -> None:
    library = load_library()
    prompt = library.render(name, given_for(library.find(name), share))
    record = SNAPSHOTS / f"{name}.{share}.txt"
    content = (
        f"{json.dumps(dict(prompt.arguments), ensure_ascii=False)}\n"
        f"{prompt.recommended_size} {prompt.aspect_ratio} {prompt.quality}\n\n{prompt.text}\n"
    )
    if os.environ.get("IMAGEGEN_UPDATE"):
        record.write_text(content, encoding="utf-8")

    assert record.read_text(encoding="utf-8") == content


@pytest.mark.parametrize(
    ("platform", "size", "ratio"),
    [
        ("instagram", "1080x1350", "4:5"),
        ("facebook", "1200x630", "1.9:1"),
        ("twitter", "1600x900", "16:9"),
        ("linkedin", "1200x627", "1.91:1"),
    ],
)
def test_a_post_has_the_size_of_its_network(platform: str, size: str, ratio: str) -> None:
    prompt = load_library().render("social-media-post-prompt", {"platform": platform, "content_type": "tip"})

    assert (prompt.recommended_size, prompt.aspect_ratio) == (size, ratio)


def test_the_built_in_files_have_no_mistakes() -> None:
    folder = Path(sys.modules["imagegen.templates"].__file__ or "").parent / "builtin"

    assert {path.name: check_file(path) for path in folder.iterdir()} == {f"{name}.toml": () for name in TEN}


def test_listing_needs_neither_jinja_nor_a_vendor_sdk() -> None:
    program = (
        "import sys; from imagegen.templates import load_library; list(load_library().templates.values());"
        "print([m for m in ('jinja2', 'openai', 'PIL', 'pydantic', 'httpx', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
