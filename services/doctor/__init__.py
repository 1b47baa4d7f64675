"""Looks at what Ringcast needs of a machine, and says what would fix what is missing."""
