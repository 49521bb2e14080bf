"""The commands of the command line, family by family; each puts its own on the parser of `forecast.cli`."""
