"""`emoji`: Twitter's emoji, with their names in English and Chinese."""
