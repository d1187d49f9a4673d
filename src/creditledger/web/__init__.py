"""Reading what others publish, over HTTP or from a directory: bounded in bytes and in time, whoever answers."""
