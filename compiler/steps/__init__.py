"""From a model that was recorded over several samples at once to one step with states: time inference."""
