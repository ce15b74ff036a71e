"""The command line: parses, calls the service once, renders."""
