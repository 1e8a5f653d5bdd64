"""From the bytes of a measuring device to a signed, once-only delivery; knows nothing of the laboratory."""
