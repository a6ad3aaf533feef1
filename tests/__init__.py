"""The test suite: real PostgreSQL, real Valkey, real workers, real browser."""
