"""`rt_polarity`: sentences of film reviews in English, good or bad."""
