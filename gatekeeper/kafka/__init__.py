"""Kafka: what asks, and what is answered."""
