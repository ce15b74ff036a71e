"""The contract of a provider as tests, for its author to run with pytest against the provider itself.

    from imagegen.providers.testing import ProviderContract
    from example_images import ExampleProvider

    class TestExample(ProviderContract):
        provider_class = ExampleProvider

A provider that has to reach a server builds itself against one that the test starts, in `build_provider`.
What a test needs and is not given is skipped. The tests make images, so a provider that asks for money is
tested against a fake of its service.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import unittest
import zlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from imagegen.capabilities import ModelInfo, Status
from imagegen.errors import ImagegenError, ProviderTimeout
from imagegen.imaging import decode_fully
from imagegen.live_catalogue import LiveModel
from imagegen.providers.base import Availability, CallPolicy, Provider, WireCall
from imagegen.providers.testing_offline import PROGRAM
from imagegen.settings import Settings
from imagegen.types import (
    PARAMETERS,
    EditRequest,
    GenerateRequest,
    InputImage,
    Operation,
    Progress,
    ProviderResult,
    Usage,
)

T = TypeVar("T")

_SIDE = 64
_SHORT_SECONDS = 0.5
_NO_SUCH_MODEL = "no-such-model-of-anybody"


class ProviderContract:
    """Subclass it with a name that begins with `Test`, and name the provider's class."""

    provider_class: ClassVar[type[Provider]]
    """The class that the entry point names."""

    prompt: ClassVar[str] = "a red fox under pine trees"
    edit_prompt: ClassVar[str] = "make it rain"

    model: ClassVar[str | None] = None
    """The model to make images with; None: the provider's default."""

    parameters: ClassVar[Mapping[str, Any]] = {}
    """Fields of the request to send along, such as the smallest size there is."""

    secrets: ClassVar[Collection[str]] = ()
    """Keys that are in the settings: they must show up nowhere."""

    slow_imports: ClassVar[Collection[str]] = ("PIL", "google.genai", "httpx", "httpx2", "openai", "requests")
    """Modules that only a call may import; add the SDK of your own."""

    offline_settings: ClassVar[Mapping[str, Any]] = {}
    """What its settings must say for it to be built without a key, as a settings file has it."""

    timeout_seconds: ClassVar[float] = 60.0
    """How long a call to the provider may take here."""

    def build_settings(self) -> Settings:
        """The settings to build the provider from."""
        return Settings()

    def build_provider(self) -> Provider:
        """A provider that can be called, new for each test."""
        return self.provider_class.from_settings(self.build_settings())

    def build_failing_provider(self) -> Provider | None:
        """A provider whose calls fail, say because nothing listens at its address; None: there is none."""
        return None

    def build_slow_provider(self) -> Provider | None:
        """A provider whose calls are answered too late, or never; None: there is none."""
        return None

    def edit_input(self) -> InputImage:
        """The picture to edit."""
        return _square()

    def edit_mask(self) -> InputImage | None:
        """What marks the place to change, for a provider that changes nothing else; None: no mask."""
        return None

    # What is known without asking anybody

    def test_its_name_and_title_can_be_shown(self) -> None:
        provider = self.build_provider()
        _expect(provider.name.isprintable() and " " not in provider.name, "name is one printable word")
        _expect("/" not in provider.name, "name has no slash: models are written name/model")
        _expect(bool(provider.title.strip()), "title says what it is")

    def test_its_models_are_consistent(self) -> None:
        provider = self.build_provider()
        ids = [model.id for model in provider.models()]
        _expect(len(ids) == len(set(ids)), f"no id stands twice among {ids}")
        for model in provider.models():
            _check_model(model, provider.name)
            _expect(provider.find_model(model.id) == model, f"find_model({model.id!r}) finds that model")

    def test_its_default_model_is_one_of_its_own(self) -> None:
        provider = self.build_provider()
        model = provider.find_model(provider.default_model)
        _expect(model is not None, f"find_model knows the default model {provider.default_model!r}")
        _expect(model is None or bool(model.operations), "the default model does something")

    def test_a_model_that_nobody_knows_is_none_or_taken_as_it_is(self) -> None:
        model = self.build_provider().find_model(_NO_SUCH_MODEL)
        passed_on = model is None or model.takes_anything or model.status is Status.UNKNOWN
        _expect(passed_on, "an unknown model is None, or says that it is unknown, or takes_anything is set")

    def test_its_availability_says_why(self) -> None:
        availability = self.build_provider().availability()
        _expect(isinstance(availability, Availability), "availability() gives an Availability")
        _expect(bool(availability.reason.strip()), "the reason is a sentence for a person")
        self._check_no_secret(availability.reason, "the reason of its availability")

    def test_it_is_ready_when_it_says_so(self) -> None:
        provider = self.build_provider()
        try:
            provider.require_ready()
        except ImagegenError as problem:
            _expect(not provider.availability().enabled, f"it says that it is ready, but: {problem}")
            self._check_no_secret(json.dumps(problem.to_json()), "why it is not ready")

    def test_how_and_where_it_is_called_can_be_shown(self) -> None:
        provider = self.build_provider()
        _expect(isinstance(provider.policy, CallPolicy), "policy is a CallPolicy")
        _expect(isinstance(provider.address, str), "address is text")
        self._check_no_secret(provider.address, "its address")

    def test_nothing_is_imported_or_sent_before_a_call(self) -> None:
        """In a process of its own, with settings that hold no key."""
        found = self._run_offline()
        _expect(not found["connections"], f"no connection before a call: {found['connections']}")
        _expect(not found["imports"], f"no slow import before a call: {found['imports']}")

    def test_what_it_would_send_is_json_without_secrets_and_images(self) -> None:
        provider = self.build_provider()
        for request in self._requests(provider):
            call = provider.wire_call(request)
            _expect(isinstance(call, WireCall), "wire_call gives a WireCall")
            text = json.dumps(dict(call.parameters), allow_nan=False)
            self._check_no_secret(f"{call.endpoint} {text}", "the wire call")
            if isinstance(request, EditRequest):
                start = base64.b64encode(request.images[0].data)[:60].decode()
                _expect(start not in text, "no image bytes in the wire call")

    def test_equal_requests_are_sent_equally(self) -> None:
        provider = self.build_provider()
        for request in self._requests(provider):
            first, second = provider.wire_call(request), provider.wire_call(request)
            _expect(first == second, "wire_call is the same for the same request: the cache relies on it")

    # Calls

    def test_it_makes_images_that_can_be_read(self) -> None:
        heard: list[Progress] = []
        result = self._calling(
            lambda provider: provider.generate(self._request(provider), on_progress=heard.append)
        )
        _check_result(result, wanted=self._wanted)
        _expect(all(isinstance(news, Progress) for news in heard), "on_progress hears Progress objects")

    def test_it_edits_if_it_says_so(self) -> None:
        result = self._calling(self._edit)
        _check_result(result, wanted=self._wanted)

    def test_two_calls_at_once_do_not_disturb_each_other(self) -> None:
        async def both(provider: Provider) -> list[ProviderResult]:
            calls = [provider.generate(self._request(provider), on_progress=_unheard) for _ in range(2)]
            return await asyncio.gather(*calls)

        for result in self._calling(both):
            _check_result(result, wanted=self._wanted)

    def test_a_cancelled_call_ends(self) -> None:
        async def cancel(provider: Provider) -> None:
            task = asyncio.create_task(provider.generate(self._request(provider), on_progress=_unheard))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task}, timeout=self.timeout_seconds)
            _expect(task.done(), f"a cancelled call ends within {self.timeout_seconds:g} seconds")
            _expect(task.cancelled() or task.exception() is None, "a cancelled call raises CancelledError")

        self._calling(cancel)

    def test_a_failed_call_raises_our_errors(self) -> None:
        provider = self.build_failing_provider()
        if provider is None:
            raise unittest.SkipTest("build_failing_provider gives none")

        async def fail() -> str:
            try:
                await provider.generate(self._request(provider), on_progress=_unheard)
            except ImagegenError as error:
                return json.dumps(error.to_json())
            finally:
                await provider.aclose()
            raise AssertionError("the failing provider made an image")

        self._check_no_secret(asyncio.run(asyncio.wait_for(fail(), self.timeout_seconds)), "the error")

    def test_a_call_ends_when_its_time_is_over(self) -> None:
        provider = self.build_slow_provider()
        if provider is None:
            raise unittest.SkipTest("build_slow_provider gives none")
        request = replace(self._request(provider), timeout_seconds=_SHORT_SECONDS)

        async def wait() -> ImagegenError:
            try:
                await provider.generate(request, on_progress=_unheard)
            except ImagegenError as error:
                return error
            finally:
                await provider.aclose()
            raise AssertionError("the slow provider made an image")

        error = asyncio.run(asyncio.wait_for(wait(), self.timeout_seconds))
        _expect(
            isinstance(error, ProviderTimeout),
            f"a call that takes too long raises ProviderTimeout: {error!r}",
        )
        self._check_no_secret(json.dumps(error.to_json()), "the error")

    def test_the_list_of_its_models_can_be_kept(self) -> None:
        listed = self._calling(lambda provider: provider.list_live())
        if listed is None:
            raise unittest.SkipTest("it has no list of models to ask for")
        _expect(all(isinstance(model, LiveModel) for model in listed), "list_live gives LiveModel objects")
        ids = [model.id for model in listed]
        _expect(len(ids) == len(set(ids)), f"no id stands twice among {ids}")
        _expect(all(name and name.isprintable() for name in ids), f"every id can be shown: {ids}")

    def test_it_can_be_closed_twice_and_unused(self) -> None:
        async def close() -> None:
            provider = self.build_provider()
            await provider.aclose()
            await provider.aclose()

        asyncio.run(asyncio.wait_for(close(), self.timeout_seconds))

    # How the tests work

    @property
    def _wanted(self) -> int:
        return int(self.parameters.get("n", 1))

    def _run_offline(self) -> dict[str, list[str]]:
        """Build the provider and ask it all that needs no call, in a new process that watches itself."""
        found_class = type(self.build_provider())
        wanted = {
            "module": found_class.__module__,
            "name": found_class.__qualname__,
            "slow": sorted(self.slow_imports),
            "prompt": self.prompt,
            "settings": dict(self.offline_settings),
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(wanted)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            check=False,
        )
        _expect(done.returncode == 0, f"it can be built without any key: {done.stderr[-500:]}")
        found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
        return found

    def _calling(self, call: Callable[[Provider], Awaitable[T]]) -> T:
        """Make the call with a provider of its own, and close that twice."""

        async def run() -> T:
            provider = self.build_provider()
            try:
                return await asyncio.wait_for(_waited(call(provider)), self.timeout_seconds)
            finally:
                await provider.aclose()
                await provider.aclose()

        return asyncio.run(run())

    async def _edit(self, provider: Provider) -> ProviderResult:
        return await provider.edit(self._edit_request(provider), on_progress=_unheard)

    def _requests(self, provider: Provider) -> list[GenerateRequest]:
        if Operation.EDIT not in self._model(provider).operations:
            return [self._request(provider)]
        return [self._request(provider), self._edit_request(provider)]

    def _request(self, provider: Provider) -> GenerateRequest:
        fields = {"provider": provider.name, "model": self._model(provider).id, **self.parameters}
        return GenerateRequest(prompt=self.prompt, **fields)

    def _edit_request(self, provider: Provider) -> EditRequest:
        model = self._model(provider)
        if Operation.EDIT not in model.operations:
            raise unittest.SkipTest(f"{model.full_name} does not edit")
        taken = {name: value for name, value in self.parameters.items() if name not in model.generate_only}
        fields = {"provider": provider.name, "model": model.id, **taken}
        images, mask = (self.edit_input(),), self.edit_mask()
        return EditRequest(prompt=self.edit_prompt, images=images, mask=mask, **fields)

    def _model(self, provider: Provider) -> ModelInfo:
        name = self.model or provider.default_model
        model = provider.find_model(name)
        if model is None:
            raise AssertionError(f"find_model knows {name!r}")
        return model

    def _check_no_secret(self, text: str, where: str) -> None:
        _expect(not any(secret in text for secret in self.secrets), f"no key in {where}")


def _expect(holds: bool, what: str) -> None:
    """One clause of the contract."""
    if not holds:
        raise AssertionError(f"Broken: {what}.")


def _unheard(_: Progress) -> None:
    return None


async def _waited(call: Awaitable[T]) -> T:
    return await call


def _check_model(model: ModelInfo, provider: str) -> None:
    name = model.full_name
    _expect(model.provider == provider, f"{name} names {provider} as its provider")
    _expect(bool(model.id) and model.id.isprintable() and " " not in model.id, f"{model.id!r} is one word")
    _expect(bool(model.title.strip()), f"{name} has a title")
    unknown = sorted(set(model.parameters) - PARAMETERS)
    _expect(not unknown, f"{name} takes parameters that a request has, not {unknown}")
    for parameter, rule in model.parameters.items():
        _expect(bool(rule.describe().strip()), f"the rule of {name}'s {parameter} describes itself")
        _expect(not rule.accepts(object()), f"the rule of {name}'s {parameter} refuses what is no value")
    _expect(model.max_prompt_chars > 0, f"{name} takes a prompt")
    edits = Operation.EDIT in model.operations
    _expect(not edits or model.max_input_images > 0 or model.takes_anything, f"{name} edits, so takes images")


def _check_result(result: ProviderResult, *, wanted: int) -> None:
    _expect(isinstance(result, ProviderResult), "a call gives a ProviderResult")
    _expect(1 <= len(result.images) <= wanted, f"a call gives 1 to {wanted} images, not {len(result.images)}")
    for image in result.images:
        decode_fully(image.data)  # raises UnreadableImage, which says what is wrong
    _expect(result.usage is None or isinstance(result.usage, Usage), "usage is a Usage or None")
    _expect(all(isinstance(note, str) for note in result.notes), "notes are sentences")
    json.dumps({"reported": dict(result.reported), "details": dict(result.details)}, allow_nan=False)


def _square() -> InputImage:
    """A green PNG of 64 by 64 pixels: an input that every service takes."""
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x2e\x8b\x57" * _SIDE) * _SIDE)
    chunks = b"".join(_chunk(*part) for part in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")))
    data = b"\x89PNG\r\n\x1a\n" + chunks
    return InputImage(
        data=data,
        format="png",
        width=_SIDE,
        height=_SIDE,
        sha256=hashlib.sha256(data).hexdigest(),
        has_alpha=False,
        source="contract.png",
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
