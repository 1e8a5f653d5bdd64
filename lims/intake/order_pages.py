"""HTML pages; see the use cases for the rules."""
