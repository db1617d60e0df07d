"""What a cluster is made of: typed records without behaviour beyond derived values."""
