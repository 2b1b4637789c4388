"""Shared test code: sources, servers, warehouses and loads."""
