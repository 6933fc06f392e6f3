"""`reviews_zh`: Chinese reviews, good or bad."""
