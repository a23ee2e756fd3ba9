"""What crosses the wire: models, problems, pages, and one thin module per face area."""
