"""The napari plugin of ifspace."""
