"""Trends: dated series fitted to straight and kinked lines, by two routes to one posterior."""
