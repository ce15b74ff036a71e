"""The public contract suite, run against the built-in providers over fakes of their services."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from imagegen.errors import ImagegenError
from imagegen.providers.base import Provider
from imagegen.providers.gemini import GeminiProvider
from imagegen.providers.local import LocalProvider
from imagegen.providers.openai import OpenAIProvider
from imagegen.providers.testing import ProviderContract
from imagegen.settings import Settings
from imagegen.types import InputImage
from tests.example_plugin.example_images.provider import ExampleProvider
from tests.fakes import gemini_behaviours, openai_behaviours
from tests.fakes.compatible_sd import OFFLINE, SdProvider
from tests.fakes.compatible_server import FakeServer, running_server
from tests.fakes.gemini_server import FakeGemini, running_gemini
from tests.fakes.http import Exchange
from tests.fakes.openai_calls import input_image
from tests.fakes.openai_server import FakeOpenAI, running_openai

KEY = "sk-test-0123456789abcdef"
OTHER_KEY = "sk-another-key-0123456789"
NOWHERE = "http://127.0.0.1:9/v1"


class TestLocal(ProviderContract):
    provider_class = LocalProvider
    parameters: ClassVar[dict[str, Any]] = {"size": "64x64"}
    edit_prompt = "grayscale"


class TestExample(ProviderContract):
    provider_class = ExampleProvider
    parameters: ClassVar[dict[str, Any]] = {"n": 2, "seed": 7}


class TestOpenAI(ProviderContract):
    provider_class = OpenAIProvider
    model = "gpt-image-2.5-flare"
    parameters: ClassVar[dict[str, Any]] = {"size": "1024x1024", "quality": "low", "n": 2}
    secrets = (KEY,)

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with running_openai(api_key=KEY) as server:
            self.server: FakeOpenAI = server
            yield

    def build_settings(self) -> Settings:
        return self._settings(KEY)

    def build_failing_provider(self) -> Provider | None:
        return OpenAIProvider.from_settings(self._settings(OTHER_KEY))

    def build_slow_provider(self) -> Provider | None:
        self.server.script(openai_behaviours.held(threading.Event()))
        return self.build_provider()

    def _settings(self, key: str) -> Settings:
        section = {"api_key": key, "base_url": self.server.base_url}
        return Settings.model_validate({"providers": {"openai": section}})


class TestOpenAIStreaming(TestOpenAI):
    parameters: ClassVar[dict[str, Any]] = {"size": "1024x1024", "partial_images": 1}


class TestGemini(ProviderContract):
    provider_class = GeminiProvider
    parameters: ClassVar[dict[str, Any]] = {"size": "1024x1024", "quality": "low", "n": 3, "seed": 7}
    secrets = (KEY,)

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with running_gemini(api_key=KEY) as server:
            self.server: FakeGemini = server
            yield

    def build_settings(self) -> Settings:
        return self._settings(KEY)

    def build_failing_provider(self) -> Provider | None:
        return GeminiProvider.from_settings(self._settings(OTHER_KEY))

    def build_slow_provider(self) -> Provider | None:
        self.server.script(*[gemini_behaviours.held(threading.Event())] * 3)
        return self.build_provider()

    def _settings(self, key: str) -> Settings:
        section = {"api_key": key, "base_url": self.server.base_url}
        return Settings.model_validate({"providers": {"gemini": section}})


class TestGeminiStreaming(TestGemini):
    parameters: ClassVar[dict[str, Any]] = {"partial_images": 2, "n": 2}


class TestServer(ProviderContract):
    provider_class = SdProvider
    offline_settings = OFFLINE
    parameters: ClassVar[dict[str, Any]] = {"size": "64x48", "n": 2}
    secrets: ClassVar[tuple[str, ...]] = (KEY,)
    kind: ClassVar[str] = "generic"

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with running_server(self.kind, api_key=KEY) as server:
            server.models = [{"id": "flux"}, {"id": "sdxl"}]
            self.server: FakeServer = server
            yield

    def build_settings(self) -> Settings:
        return self._settings(self.server.base_url)

    def build_failing_provider(self) -> Provider | None:
        return SdProvider.from_settings(self._settings(NOWHERE))

    def build_slow_provider(self) -> Provider | None:
        def say_nothing(exchange: Exchange) -> None:
            exchange.wait_for(threading.Event())

        self.server.script(say_nothing)
        return self.build_provider()

    def _settings(self, address: str) -> Settings:
        section = {"base_url": address, "api_key": KEY, "profile": self.kind, "models": ["flux", "sdxl"]}
        return Settings.model_validate({"providers": {"compatible": {"sd": section}}})


class TestServerWithoutKey(TestServer):
    secrets = ()

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with running_server(self.kind) as server:
            self.server = server
            yield

    def _settings(self, address: str) -> Settings:
        return Settings.model_validate({"providers": {"compatible": {"sd": {"base_url": address}}}})


class TestServerWithLinks(TestServer):
    kind = "sglang"


class TestServerWithDeployments(TestServer):
    kind = "azure"


class TestServerWithDeploymentsInTheBody(TestServer):
    kind = "azure-v1"


class TestServerThatPaintsOver(TestServer):
    kind = "localai"
    parameters: ClassVar[dict[str, Any]] = {}

    def edit_mask(self) -> InputImage | None:
        return input_image(alpha=True)

    def edit_input(self) -> InputImage:
        return input_image()


# The suite itself


class Late(LocalProvider):
    """Says that it is ready, and is not; its list of models is none."""

    def require_ready(self) -> None:
        raise ImagegenError("not now")

    async def list_live(self) -> Any:
        return ["flux", "flux"]


class TestTheSuite:
    @pytest.mark.parametrize(
        "name", ["test_it_is_ready_when_it_says_so", "test_the_list_of_its_models_can_be_kept"]
    )
    def test_it_finds_a_provider_that_says_what_is_not_so(self, name: str) -> None:
        class Contract(ProviderContract):
            provider_class = Late

        with pytest.raises(AssertionError, match="Broken"):
            getattr(Contract(), name)()

    def test_it_finds_a_call_that_takes_no_notice_of_the_time(self) -> None:
        class Contract(TestLocal):
            def build_slow_provider(self) -> Provider | None:
                return self.build_provider()

        with pytest.raises(AssertionError, match="made an image"):
            Contract().test_a_call_ends_when_its_time_is_over()

    def test_it_finds_a_key_in_an_address(self) -> None:
        class Contract(ProviderContract):
            provider_class = SdProvider
            secrets = (KEY,)

            def build_settings(self) -> Settings:
                section = {"base_url": f"http://127.0.0.1:9/{KEY}/v1"}
                return Settings.model_validate({"providers": {"compatible": {"sd": section}}})

        with pytest.raises(AssertionError, match="no key in its address"):
            Contract().test_how_and_where_it_is_called_can_be_shown()
