"""The ring: one writer, many read-only readers, in a file on a tmpfs."""
