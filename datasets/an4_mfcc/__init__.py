"""`an4_mfcc`: words, letters and digits that people spoke, as cepstra."""
