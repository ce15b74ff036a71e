"""HTTP beside the protocol: images by id, health, and the transports that are served over HTTP."""
