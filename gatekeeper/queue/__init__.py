"""The queue, kept by procrastinate in the store itself, so that a request and its job commit
together. A job carries nothing but a run's id.
"""
