"""The commands of the command line, family by family; `forecast.cli` holds the rest."""
