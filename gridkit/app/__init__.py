"""`gridkit app`: a page where anyone can try the recipes, with a webcam or a clip."""
