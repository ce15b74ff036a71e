"""Settings: what they are. Where they come from stands in `settings_sources`."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from imagegen.settings_values import (
    ADDRESS,
    FOLDER,
    FOLDERS,
    KEY,
    MODE,
    SENDABLE,
    WORD,
    WORDS,
    About,
    Address,
    FileMode,
    Folder,
    Folders,
    Secret,
    Section,
    ServerName,
    Word,
    Words,
    sendable,
)


class RemoteSettings(Section):
    """What every provider beyond this machine has."""

    enabled: bool = Field(default=True, description="Whether this provider may be used")
    timeout: float = Field(
        default=300, gt=0, le=3600, description="Seconds that a whole call may take, retries included"
    )
    max_retries: int = Field(
        default=3, ge=0, le=10, description="How often a call that cost nothing is tried again"
    )
    retry_uncertain: int = Field(
        default=0, ge=0, le=10, description="How often one is tried again that may have been billed"
    )
    rpm: int | None = Field(default=None, ge=1, le=100_000, description="Calls in a minute at most")
    max_concurrent: int | None = Field(default=None, ge=1, le=1000, description="Calls at a time at most")


class OpenAISettings(RemoteSettings):
    """The OpenAI API, or a server that speaks it at `base_url`."""

    api_key: Annotated[Secret | None, About(KEY, vendor="OPENAI_API_KEY")] = Field(
        default=None, description="The key that calls are billed to"
    )
    base_url: Annotated[Address | None, About(ADDRESS, vendor="OPENAI_BASE_URL")] = Field(
        default=None, description="Another server that speaks this API"
    )
    organization: Annotated[Word | None, About(WORD, vendor="OPENAI_ORG_ID")] = Field(
        default=None, description="The organization that calls are counted for"
    )
    project: Annotated[Word | None, About(WORD, vendor="OPENAI_PROJECT_ID")] = Field(
        default=None, description="The project that calls are counted for"
    )


class GeminiSettings(RemoteSettings):
    """Google's Gemini API, or a server that speaks it at `base_url`."""

    api_key: Annotated[Secret | None, About(KEY, vendor="GOOGLE_API_KEY", vendor_alias="GEMINI_API_KEY")] = (
        Field(default=None, description="The key that calls are billed to")
    )
    base_url: Annotated[Address | None, About(ADDRESS, vendor="GOOGLE_GEMINI_BASE_URL")] = Field(
        default=None, description="Another server that speaks this API"
    )
    default_model: Annotated[Word | None, About(WORD)] = Field(
        default=None, description="The model to use when only the provider is named"
    )


class CompatibleSettings(RemoteSettings):
    """A server of your own choice with the Images API, under a name of your own choice."""

    base_url: Annotated[Address | None, About(ADDRESS)] = Field(
        default=None, description="Where the server is; often ends in /v1"
    )
    api_key: Annotated[Secret | None, About(KEY)] = Field(
        default=None, description="The server's key, if it wants one"
    )
    profile: Literal[
        "generic", "sd-cpp", "localai", "sglang", "vllm-omni", "lemonade", "azure", "azure-v1"
    ] = Field(default="generic", description="What kind of server it is")
    api_version: Annotated[Word | None, About("a version, such as 2025-04-01-preview")] = Field(
        default=None, description="The api-version to name in every call, for Azure"
    )
    models: Annotated[Words, About(WORDS)] = Field(
        default=(), description="The models it has, the default one first; any other name works too"
    )
    send: Annotated[Words, AfterValidator(sendable), About(f"some of {', '.join(sorted(SENDABLE))}")] = Field(
        default=(), description="Parameters to send beyond model, prompt, n and size"
    )


class LocalSettings(Section):
    """The local composer: vector drawing, no AI model."""

    enabled: bool = Field(default=True, description="Whether this provider may be used")
    motifs_path: Annotated[Folder | None, About(FOLDER)] = Field(
        default=None, description="A folder of your own SVG motifs"
    )


class ProviderSettings(Section):
    """Who makes the images."""

    openai: OpenAISettings = OpenAISettings()
    gemini: GeminiSettings = GeminiSettings()
    compatible: dict[ServerName, CompatibleSettings] = Field(default_factory=dict)
    local: LocalSettings = LocalSettings()


class ImageSettings(Section):
    """Wishes for what a request leaves open; sent where the model takes them."""

    default_model: Annotated[Word | None, About("a model, or provider/model")] = Field(
        default=None, description="The model to use when a request names none"
    )
    default_quality: Literal["auto", "low", "medium", "high", "xhigh", "max"] = Field(
        default="auto", description="How much work the model puts in; decides the price"
    )
    default_size: Annotated[str, About("auto, or WIDTHxHEIGHT in pixels")] = Field(
        default="1536x1024",
        pattern=r"^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$",
        description="How large an image is",
    )
    default_style: Literal["vivid", "natural"] = Field(
        default="vivid", description="For models that take a style; others do not see it"
    )
    default_moderation: Literal["auto", "low"] = Field(
        default="auto", description="How strictly the provider filters content"
    )
    default_background: Literal["auto", "opaque", "transparent"] = Field(
        default="auto", description="What is behind the subject"
    )
    default_output_format: Literal["png", "jpeg", "webp", "gif", "svg"] = Field(
        default="png", description="The file format that is asked for"
    )
    default_compression: int = Field(
        default=100, ge=0, le=100, description="For jpeg and webp, in percent of quality"
    )
    base_host: Annotated[Address | None, About(ADDRESS)] = Field(
        default=None, description="What links to images begin with when they are served over HTTP"
    )
    allow_private_urls: bool = Field(
        default=False, description="Whether an input image may come from a private network address"
    )


class StorageSettings(Section):
    """Where images live, for how long, and how much there may be of them."""

    base_path: Annotated[Folder | None, About(FOLDER)] = Field(
        default=None, description="The folder of images and history; unset: the user's data folder"
    )
    retention_days: int = Field(
        default=30,
        ge=0,
        le=36500,
        description="How many days clean-up leaves an image; 0: for ever",
    )
    max_size_gb: float = Field(
        default=10,
        ge=0,
        le=1_000_000,
        description="How many GB of images clean-up leaves; 0: no limit",
    )
    cleanup_interval_hours: float = Field(
        default=24,
        ge=0,
        le=8760,
        description="How often `imagegen serve` cleans up; 0: never, only `imagegen cleanup` does",
    )
    create_subdirectories: bool = Field(default=True, description="Images in folders by date, YYYY/MM/DD")
    file_permissions: Annotated[FileMode, About(MODE, octal=True)] = Field(
        default=0o644, description="The mode of stored files"
    )

    @property
    def max_age(self) -> timedelta | None:
        """How old an image may get; None: as old as it likes."""
        return timedelta(days=self.retention_days) if self.retention_days else None

    @property
    def max_size_bytes(self) -> int | None:
        """How many bytes of images there may be; None: any number."""
        return int(self.max_size_gb * 1_000_000_000) if self.max_size_gb else None

    @property
    def cleanup_interval(self) -> timedelta | None:
        """How long after a clean-up a server begins the next; None: it never does."""
        return timedelta(hours=self.cleanup_interval_hours) if self.cleanup_interval_hours else None


class CacheSettings(Section):
    """Answers that were paid for, found again."""

    enabled: bool = Field(
        default=True, description="Whether an equal request gets the images of an earlier one"
    )
    backend: Literal["disk", "memory", "redis"] = Field(
        default="disk",
        description="disk: shared by all of one machine; memory: of one process; redis: of several machines",
    )
    ttl_hours: float = Field(default=24, gt=0, le=87600, description="How long an answer is found again")
    max_size_mb: float = Field(
        default=500, gt=0, le=1_000_000, description="How large the cache may be (it holds no image bytes)"
    )
    redis_url: Annotated[SecretStr | None, About("redis://[:password@]host:port/database")] = Field(
        default=None, description="The Redis or Valkey server of backend redis"
    )
    namespace: Annotated[Word, About(WORD)] = Field(
        default="imagegen", description="The first word of keys in Redis; one for each store of images"
    )


class BudgetSettings(Section):
    """What may be spent, in USD; unset: no limit, 0: nothing."""

    per_request_usd: Decimal | None = Field(
        default=None, ge=0, le=1_000_000, description="On one request with all its images"
    )
    daily_usd: Decimal | None = Field(default=None, ge=0, le=1_000_000, description="On one day (UTC)")
    monthly_usd: Decimal | None = Field(
        default=None, ge=0, le=1_000_000, description="In one calendar month (UTC)"
    )


class PromptTemplateSettings(Section):
    """Prompt templates: built in, and your own."""

    enable_custom_templates: bool = Field(default=True, description="Whether your own templates are read")
    template_directory: Annotated[Folder | None, About(FOLDER)] = Field(
        default=None, description="Where your own templates are; unset: templates in the user config folder"
    )
    auto_size_optimization: bool = Field(
        default=True, description="Whether a template's size is asked for, as nearly as the model makes it"
    )
    include_metadata: bool = Field(
        default=True, description="Whether a record has the template's name and arguments"
    )


class ServerSettings(Section):
    """What `imagegen serve` is like."""

    name: Annotated[Word, About(WORD)] = Field(
        default="imagegen", description="What the server calls itself to its clients"
    )
    host: Annotated[Word, About("a host name or an IP address")] = Field(
        default="127.0.0.1", description="Where HTTP transports listen"
    )
    port: int = Field(
        default=3001, ge=0, le=65535, description="The port of HTTP transports; 0: any free one"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="From which level on the server logs"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="How a line on stderr looks; auto: json when HTTP is served to a pipe"
    )
    structured_output: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="Whether results have structured content; auto: not for clients that hide pictures then",
    )
    allowed_paths: Annotated[Folders, About(FOLDERS)] = Field(
        default=(), description="Where stdio clients may read images; unset: the working folder and home"
    )
    wait_seconds: float = Field(
        default=45, ge=0, le=3600, description="How long a tool waits for an image before it gives a task id"
    )
    progress_seconds: float = Field(
        default=5, gt=0, le=60, description="How often a waiting tool reports progress"
    )
    rate_limit_rpm: int = Field(
        default=50, ge=0, le=100_000, description="Images that a client may ask for in a minute; 0: no limit"
    )
    preview_size: int = Field(
        default=512, ge=0, le=2048, description="The long side of previews in results, in pixels; 0: none"
    )
    max_request_mb: float = Field(
        default=64, gt=0, le=1000, description="How large an HTTP request may be, base64 images included"
    )
    allowed_hosts: Annotated[Words, About("names or addresses, separated by commas")] = Field(
        default=(), description="Host headers that are accepted beyond loopback and the bound address"
    )
    allowed_origins: Annotated[Words, About("origins such as https://example.com, separated by commas")] = (
        Field(default=(), description="Web pages that may call the server")
    )


class Settings(Section):
    """All settings, validated. Build it with `load_settings()`."""

    providers: ProviderSettings = ProviderSettings()
    images: ImageSettings = ImageSettings()
    storage: StorageSettings = StorageSettings()
    cache: CacheSettings = CacheSettings()
    budget: BudgetSettings = BudgetSettings()
    prompt_templates: PromptTemplateSettings = PromptTemplateSettings()
    server: ServerSettings = ServerSettings()
