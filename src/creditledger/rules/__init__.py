"""The rules: a pure state machine over governance and one subject's rows."""
