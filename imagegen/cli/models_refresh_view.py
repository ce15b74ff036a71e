"""How a look at the providers' own lists of models is told."""

from __future__ import annotations

import typer

from imagegen.cli.output import print_json
from imagegen.cli.session import Session
from imagegen.documents import refresh_document
from imagegen.errors import ProviderError
from imagegen.types import JSONObject


def refresh_models(session: Session, *, as_json: bool) -> None:
    """Ask, and show what came of it. Raises ProviderError where all that were asked failed."""
    with session.talk.waiting("asking the providers for their models"):
        document = refresh_document(session.run(lambda service: service.refresh_models()))
    if as_json:
        print_json(document)
    else:
        for provider in document["providers"]:
            _show(provider)
    asked = [provider for provider in document["providers"] if provider["asked"]]
    if not asked:
        session.talk.note("no provider is set up that has a list of models; see: imagegen doctor")
    elif all(provider["problem"] for provider in asked):
        names = ", ".join(provider["name"] for provider in asked)
        raise ProviderError(
            f"No list of models came from {names}.",
            hint="What they said before is kept. See: imagegen doctor",
        )


def _show(provider: JSONObject) -> None:
    name, problem, count = provider["name"], provider["problem"], provider["models"]
    if problem:
        typer.echo(f"{name}: {'failed' if provider['asked'] else 'not asked'}: {problem}")
        return
    typer.echo(f"{name}: {count} image model{'' if count == 1 else 's'}")
    for model in provider["new"]:
        typer.echo(f"  new   {model}")
    for model, day in provider["shutdowns"].items():
        typer.echo(f"  ends  {model} on {day}")
