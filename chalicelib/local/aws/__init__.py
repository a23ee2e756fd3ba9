"""What `make package` builds for AWS: a zip that starts fast, and a template in which nothing private is switched on."""
