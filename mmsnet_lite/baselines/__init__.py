"""What MMSNet is compared with: one file per system, the same output contract."""
