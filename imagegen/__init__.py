"""imagegen: make and edit images from words, at a shell and over MCP."""

__version__ = "0.1.0"
