"""What several tests share: sources, servers, warehouses and loads made for tests."""
