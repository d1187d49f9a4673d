"""Publishing a log as static files, as c2sp.org/tlog-tiles lays them out, and keeping a copy of what others publish."""
