"""What `make package` builds for AWS: zips that start fast, and templates that keep quiet about people."""
