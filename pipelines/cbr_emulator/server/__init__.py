"""The emulator's HTTP side: sign-in, the list and show endpoints, and the truth behind them."""
