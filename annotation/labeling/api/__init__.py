"""The labeling workflow over HTTP: parse, one service or selector, serialize."""
