"""`GET /models` of the Images API's vocabulary, read into what the live catalogue keeps."""

from __future__ import annotations

from collections.abc import Mapping

from imagegen.live_catalogue import LiveModel, live_models
from imagegen.providers.openai_answers import answer_object, bad_response
from imagegen.providers.openai_errors import Call

NO_SUCH_PATH = (404, 405, 501)
"""The statuses by which a server says that it has no such list, or no such operation."""


def read_model_list(content: bytes, headers: Mapping[str, str], call: Call) -> tuple[LiveModel, ...]:
    """The models of an answer. Raises BadResponse, or what an error body stands for."""
    entries = answer_object(content, headers, call).get("data")
    if not isinstance(entries, list):
        raise bad_response("answered without a list of models", call, headers)
    return tuple(live_models(entries))
