"""Alembic's environment: the URL and the metadata come from the application, never from an ini file."""

from alembic import context
from sqlalchemy import NullPool, create_engine

from app.core.database.tables import Base


def run() -> None:
    """Run migrations in one transaction."""
    engine = create_engine(context.config.get_main_option("sqlalchemy.url", ""), poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
