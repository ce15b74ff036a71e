"""An example plugin for imagegen: a provider of stripes, and a step that turns colours round."""
