"""Who answers: the protocol, the choice, and the two engines."""
