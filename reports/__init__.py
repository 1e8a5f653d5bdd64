"""One frozen document in, bytes out: PDF, labels, letters. Knows no database and no web framework."""
