"""What an image file says about itself, and what a copy may be made to say.

Read from the bytes alone: no size in them is believed, nothing is fetched, and a person's position is
looked up only for those who ask for it.
"""

from imagegen.metadata.credentials import Credentials, read_credentials
from imagegen.metadata.description import Description, describe
from imagegen.metadata.embedding import Embedded, embed_origin
from imagegen.metadata.exif import ExifFacts
from imagegen.metadata.origin import Origin, is_origin
from imagegen.metadata.signatures import has_manifest
from imagegen.metadata.stripping import strip_metadata
from imagegen.metadata.texts import TextChunk

__all__ = [
    "Credentials",
    "Description",
    "Embedded",
    "ExifFacts",
    "Origin",
    "TextChunk",
    "describe",
    "embed_origin",
    "has_manifest",
    "is_origin",
    "read_credentials",
    "strip_metadata",
]
