"""Submissions: made from results, checked without running their code, and listed on a board."""
