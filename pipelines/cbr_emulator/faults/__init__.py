"""Injected faults: error responses, delays, truncated or corrupt bodies, connection resets, bad records."""
