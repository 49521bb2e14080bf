"""The sections of a report, one a module: from a subject to blocks. What a study does not have is left out."""
