"""Instructions: templates, versions, composing, bias removal."""
