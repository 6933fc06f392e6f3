"""`word_similarity`: pairs of words and how similar they are."""
