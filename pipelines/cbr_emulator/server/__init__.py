"""The HTTP server: authentication, list, show and truth endpoints, and the process that runs it."""
