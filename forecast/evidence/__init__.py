"""Evidence: observations of any quantity to posterior worlds, by the lowest rung of one ladder that holds."""
