"""How the emulator behaves where the API's documents are silent; each behaviour is an option."""
