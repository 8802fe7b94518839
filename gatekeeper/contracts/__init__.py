"""What a caller may send, and what it is told, whichever way it goes: over HTTP or Kafka."""
