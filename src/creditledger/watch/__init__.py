"""Following ledgers from several sides as they grow, so that a log that shows two histories is found out."""
