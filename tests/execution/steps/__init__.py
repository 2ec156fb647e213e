"""Steps around waves: kinds that are made up, an outside that counts, and kills at every await."""
