"""`emoji_scenes`: an animal or two beside a thing, with captions in English and Chinese."""
