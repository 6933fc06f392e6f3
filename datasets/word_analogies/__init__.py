"""`word_analogies`: questions of the kind Athens : Greece = Oslo : ?"""
