"""`chinese_poems`: 20,000 poems of the Tang dynasty."""
