"""Who may make a call: one at a time for a key, among processes or machines."""

from imagegen.leases.base import ALONE, LEASE_SECONDS, Lease, Leases, NoLeases

__all__ = ["ALONE", "LEASE_SECONDS", "Lease", "Leases", "NoLeases"]
