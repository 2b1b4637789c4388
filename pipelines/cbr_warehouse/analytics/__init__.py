"""Analytics: questions asked of the warehouse, each an ``.sql`` file with its definition."""
