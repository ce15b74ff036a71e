"""How models look: where they stand, what they take, what an image costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

import typer

from imagegen.capabilities import ModelInfo, Status
from imagegen.cli.facts import hanging
from imagegen.cli.output import money, print_json, print_table
from imagegen.cli.session import Session
from imagegen.documents import model_document
from imagegen.service import ImageService
from imagegen.types import PARAMETERS, JSONObject

_EXTRA = {
    "thinking": ("thinking level", "for these qualities; for others none is sent"),
}


def show_models(session: Session, *, everything: bool, as_json: bool) -> None:
    """All models, the providers that can be used first."""
    today = datetime.now(UTC).date()

    async def find(service: ImageService) -> JSONObject:
        return {
            "default_model": service.default_model().full_name,
            "providers": [
                _provider(service, name, today, everything=everything) for name in service.providers()
            ],
            "broken_providers": dict(service.broken_providers()),
        }

    document = session.run(find)
    if as_json:
        print_json(document)
        return
    rows = [
        (
            f"{provider['name']}/{model['id']}" + (" *" if _is_default(provider, model, document) else ""),
            _standing(model),
            model["price_hint"] or "unknown",
            model["title"],
        )
        for provider in document["providers"]
        for model in provider["models"]
    ]
    print_table(("model", "status", "USD an image", "what it is"), rows)
    for provider in document["providers"]:
        if not provider["enabled"]:
            session.talk.note(f"{provider['name']}: {provider['reason']}")
    session.talk.detail("* used when no model is named")


def _provider(service: ImageService, name: str, today: date, *, everything: bool) -> JSONObject:
    provider, availability = service.providers()[name]
    shown = [m for m in provider.models() if everything or m.status_on(today) is not Status.RETIRED]
    return {
        "name": name,
        "title": provider.title,
        "enabled": availability.enabled,
        "reason": availability.reason,
        "models": [{**model_document(m, today), "price_hint": _price_hint(service, m)} for m in shown],
    }


def _is_default(provider: JSONObject, model: JSONObject, document: JSONObject) -> bool:
    return bool(f"{provider['name']}/{model['id']}" == document["default_model"])


def _standing(model: JSONObject) -> str:
    words = {"deprecated": "until", "retired": "gone"}
    if model["status"] not in words or not model["shutdown_date"]:
        return str(model["status"])
    return f"{words[model['status']]} {model['shutdown_date']}"


def _price_hint(service: ImageService, model: ModelInfo) -> str | None:
    """The cheapest to the dearest image of the price table."""
    if model.provider in service.prices.free:
        return "free"
    prices = [row.usd for row in service.prices.per_image_hint(model.provider, model.id)]
    if not prices:
        return None
    low, high = (f"{usd:.3f}" for usd in (min(prices), max(prices)))
    return high if low == high else f"{low} to {high}"


def show_model(session: Session, name: str, *, as_json: bool) -> None:
    """One model in full."""
    today = datetime.now(UTC).date()

    async def find(service: ImageService) -> JSONObject:
        model = service.model(name)
        prices = service.prices.per_image_hint(model.provider, model.id)
        rows = [{"quality": row.quality, "size": row.size, "usd": row.usd} for row in prices]
        return {**model_document(model, today), "prices": rows, "free": model.provider in service.prices.free}

    document = session.run(find)
    if as_json:
        print_json(document)
        return
    _show_facts(document)
    _show_prices(document)


def _show_facts(document: JSONObject) -> None:
    typer.echo(f"{document['provider']}/{document['id']}  {document['title']}")
    replacement = f", use {document['replacement']}" if document["replacement"] else ""
    facts = {
        "status": f"{_standing(document)}{replacement}",
        "can": ", ".join(document["operations"]),
        "prompt": f"up to {document['max_prompt_chars']:,} characters",
        "inputs": _inputs(document),
        "mask": "yes" if document["takes_mask"] else "no",
        "markup": "yes" if document["takes_markup"] else "no",
    }
    _show_rows(facts)
    typer.echo("takes")
    anything = {"anything": "what is said is sent unchecked"} if document["takes_anything"] else {}
    _show_rows({**document["parameters"], **anything})
    _show_limits(document)
    for note in document["notes"]:
        typer.echo(f"note: {hanging(note, 6)}")


def _show_rows(rows: Mapping[str, str]) -> None:
    for name, value in rows.items():
        typer.echo(f"  {name:<20}{hanging(value, 22)}".rstrip())


def _inputs(document: JSONObject) -> str:
    count = document["max_input_images"]
    if not count:
        return "any number that the server takes" if document["takes_anything"] else "none"
    images = "one image" if count == 1 else f"up to {count} images"
    return f"{images} ({', '.join(document['input_formats'])})"


def _show_limits(document: JSONObject) -> None:
    """What stands between the rules: what is not taken, and what is made of what is."""
    taken, rows = document["parameters"], dict[str, str]()
    if document["generate_only"]:
        rows["not in an edit"] = ", ".join(document["generate_only"])
    if "transparent" in taken.get("background", ""):
        rows["transparency"] = f"in {', '.join(document['transparent_formats'])}"
    if alone := [name for name in document["single_formats"] if name in taken.get("output_format", "")]:
        rows["one at a time"] = ", ".join(alone)
    rows |= {name.replace("_", " "): value for name, value in document["reworded"].items()}
    for name, value in document["extra"].items():
        label, why = _EXTRA.get(name, (name.replace("_", " "), ""))
        rows[label] = _fact(value) + (f" ({why})" if why and value else "")
    if document["converts_locally"]:
        rows["formats"] = "made here from what the provider sends, and only when one is asked for"
    if not document["takes_anything"]:
        lacking = PARAMETERS - set(taken) - set(document["reworded"])
        rows["takes no"] = ", ".join(sorted(lacking)) or "other parameter"
        if document["style_in_prompt"] and "style" not in taken:
            rows["style"] = "with --lenient it is said in the prompt"
    if rows:
        typer.echo("more")
        _show_rows(rows)


def _fact(value: object) -> str:
    """A value of a provider's own table for a person."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_fact(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_fact, value)) or "none"
    return str(value)


def _show_prices(document: JSONObject) -> None:
    if not document["prices"]:
        typer.echo("prices: free" if document["free"] else "prices: unknown")
        return
    typer.echo("estimated price of an image")
    for row in document["prices"]:
        words = " ".join(part for part in (row["quality"], row["size"]) if part) or "any"
        typer.echo(f"  {words:<20}{money(row['usd'])}")
