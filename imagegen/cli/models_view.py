"""How models look: where they stand, what they take, what an image costs."""

from __future__ import annotations

from datetime import UTC, date, datetime

import typer

from imagegen.capabilities import ModelInfo, Status
from imagegen.cli.output import money, print_json, print_table
from imagegen.cli.session import Session
from imagegen.documents import model_document
from imagegen.service import ImageService
from imagegen.types import JSONObject


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
        "inputs": f"up to {document['max_input_images']} images ({', '.join(document['input_formats'])})",
        "mask": "yes" if document["takes_mask"] else "no",
        "markup": "yes" if document["takes_markup"] else "no",
    }
    for name, value in facts.items():
        typer.echo(f"  {name:<20}{value}")
    typer.echo("takes")
    for name, rule in document["parameters"].items():
        typer.echo(f"  {name:<20}{rule}")
    for note in document["notes"]:
        typer.echo(f"note: {note}")


def _show_prices(document: JSONObject) -> None:
    if not document["prices"]:
        typer.echo("prices: free" if document["free"] else "prices: unknown")
        return
    typer.echo("estimates an image")
    for row in document["prices"]:
        words = " ".join(part for part in (row["quality"], row["size"]) if part) or "any"
        typer.echo(f"  {words:<20}{money(row['usd'])}")
