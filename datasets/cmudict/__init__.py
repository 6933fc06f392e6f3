"""`cmudict`: English words and how they are pronounced."""
