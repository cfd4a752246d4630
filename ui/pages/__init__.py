"""One file a stop, in the order of the road. Pages never import pages."""
