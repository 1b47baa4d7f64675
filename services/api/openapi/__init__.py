"""The HTTP surface described as OpenAPI 3.1, with the ranges of the settings in force."""
