"""What was paid for once is found again: fingerprints of requests → ids of their images."""

from imagegen.cache.base import Cache, CacheEntry, CacheStats, look_up

__all__ = ["Cache", "CacheEntry", "CacheStats", "look_up"]
