"""Kafka: triggers in, results out."""
