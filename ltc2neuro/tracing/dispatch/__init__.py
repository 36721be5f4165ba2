"""What happens with each torch call while a model is recorded: by a rule, in torch, or refused."""
