"""What is signed: act types, their fields, subjects and detached content."""
