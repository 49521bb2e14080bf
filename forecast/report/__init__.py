"""Reports that people can read, check and run again: figures, and thin renderers of one content.

`forecast.report.write.write_report` makes the files; `forecast.report.figures` has the figures as pure functions.
"""
