"""`thucnews_titles`: titles of Chinese news in ten classes."""
