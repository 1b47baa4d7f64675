"""Who may ask, and for what: names, addresses, credentials. Knows no Flask."""
