"""`wikipedia_sample`: English Wikipedia articles."""
