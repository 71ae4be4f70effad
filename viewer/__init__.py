"""The scene that people look at: desktop window, browser page, picture and report; reads the store only."""
