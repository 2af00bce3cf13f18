"""The ledger: the rules' accounts and journals kept in SQL, on SQLite or PostgreSQL, and the one way to write them."""
