"""Where images are kept: files and sidecars on disk are the truth, the index is derived from them."""

from imagegen.store.files import BrokenSidecar
from imagegen.store.identifiers import IMAGE_ID_PATTERN, new_image_id, parse_image_id
from imagegen.store.reindex import ReindexReport
from imagegen.store.retention import time_until_due
from imagegen.store.store import ImageStore, StoreMark, open_store

__all__ = [
    "IMAGE_ID_PATTERN",
    "BrokenSidecar",
    "ImageStore",
    "ReindexReport",
    "StoreMark",
    "new_image_id",
    "open_store",
    "parse_image_id",
    "time_until_due",
]
