"""One file a stop: Documents, Instructions, Distil, Compare, Take home. Pages never import pages."""
