"""Behaviours that the API's documentation leaves open, each an option, and how records are serialized."""
