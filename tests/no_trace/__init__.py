"""Section 4 of the contract: nothing is left behind, whatever the model, the method, and the way it ends."""
