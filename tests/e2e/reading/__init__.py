"""What a reader does in the browser: images, regions, masks, and nothing lost."""
