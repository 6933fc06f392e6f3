"""`cmn_eng`: English sentences and their Chinese translations."""
