"""From a request to a plan: resolve, check, translate, estimate. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from imagegen.capabilities import ModelInfo, SizeRule
from imagegen.checks import settle, wishes_for
from imagegen.pricing import PriceTable
from imagegen.providers.base import Provider, WireCall
from imagegen.resolution import resolve
from imagegen.settings import Settings
from imagegen.templates import nearest_size
from imagegen.types import CostBasis, Estimate, GenerateRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A request that is ready to go: what is asked of whom, what goes over the wire, what it may cost.

    `asked` is the request as it came, `request` the one with its model resolved and defaults filled in.
    """

    asked: GenerateRequest
    request: GenerateRequest
    provider: Provider
    model: ModelInfo
    wire: WireCall
    estimate: Estimate
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Turns requests into plans."""

    settings: Settings
    providers: Mapping[str, Provider]
    prices: PriceTable

    def plan(self, request: GenerateRequest) -> Plan:
        """Resolve, check and estimate. Raises whatever stands against the request."""
        resolved = resolve(
            self.providers,
            provider=request.provider,
            model=request.model,
            default_model=self.settings.images.default_model,
        )
        provider, model = resolved.provider, resolved.model
        named = self._named(request, provider.name, model.id)
        wishes = wishes_for(request.operation, {**self._wishes(), **self._hints(request, model)})
        settled = settle(named, model, wishes, datetime.now(UTC).date())
        wire = provider.wire_call(settled.request)
        return Plan(
            asked=request,
            request=settled.request,
            provider=provider,
            model=model,
            wire=wire,
            estimate=_noted(self.prices.estimate(settled.request), provider.price_note),
            notes=(*resolved.notes, *settled.notes, *wire.notes),
        )

    def _named(self, request: GenerateRequest, provider: str, model: str) -> GenerateRequest:
        kept = request.template if self.settings.prompt_templates.include_metadata else None
        return replace(request, provider=provider, model=model, template=kept)

    def _hints(self, request: GenerateRequest, model: ModelInfo) -> dict[str, str]:
        """What the request's template recommends: stronger than the settings, weaker than what was said."""
        template = request.template
        hints = {"quality": template.quality} if template and template.quality else {}
        rule = model.parameters.get("size")
        optimize = self.settings.prompt_templates.auto_size_optimization
        if optimize and template and template.recommended_size and isinstance(rule, SizeRule):
            hints["size"] = nearest_size(template.recommended_size, rule)
        return hints

    def _wishes(self) -> dict[str, Any]:
        """The settings' defaults; the format comes first because background and compression depend on it."""
        defaults = self.settings.images
        return {
            "output_format": defaults.default_output_format,
            "size": defaults.default_size,
            "quality": defaults.default_quality,
            "style": defaults.default_style,
            "background": defaults.default_background,
            "moderation": defaults.default_moderation,
            "output_compression": defaults.default_compression,
        }


def _noted(estimate: Estimate, note: str | None) -> Estimate:
    """The estimate with a note on its numbers, where it has any."""
    if note is None or estimate.basis is not CostBasis.TABLE:
        return estimate
    return replace(estimate, note="; ".join(filter(None, (estimate.note, note))))
