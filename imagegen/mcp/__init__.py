"""The service behind the Model Context Protocol: tools, resources and prompts over the same history."""
