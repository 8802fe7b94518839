"""What a caller may send, whichever way it comes: over HTTP or Kafka."""
