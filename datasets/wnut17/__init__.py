"""`wnut17`: names in English posts and comments."""
