"""Prompt templates: ten built in, and anyone's own, as data.

Jinja2 is imported when a text is rendered or checked.
"""

from imagegen.templates.arguments import check_arguments, gather_arguments, load_arguments, parse_pairs
from imagegen.templates.brand import Brand
from imagegen.templates.library import TemplateLibrary, check_file, load_library, template_folder
from imagegen.templates.model import Argument, Kind, Problem, Rendered, Severity, Template
from imagegen.templates.sizes import aspect_ratio, nearest_size
from imagegen.templates.starting import start_template

__all__ = [
    "Argument",
    "Brand",
    "Kind",
    "Problem",
    "Rendered",
    "Severity",
    "Template",
    "TemplateLibrary",
    "aspect_ratio",
    "check_arguments",
    "check_file",
    "gather_arguments",
    "load_arguments",
    "load_library",
    "nearest_size",
    "parse_pairs",
    "start_template",
    "template_folder",
]
