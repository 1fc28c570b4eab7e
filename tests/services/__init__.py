"""Real services for tests, each in a directory of the test's own and on free loopback ports."""

from .services import SERVICES, Mongo, RabbitMQ, SeaweedFS, Service, ServiceError, free_ports

__all__ = ["SERVICES", "Mongo", "RabbitMQ", "SeaweedFS", "Service", "ServiceError", "free_ports"]
