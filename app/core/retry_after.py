"""Values of `Retry-After` in seconds, by the state that is waited for."""

POLL = 1  # between two requests for a job, a dataset or a model that is not done
IN_FLIGHT = 1  # another request with the same Idempotency-Key
OVERLOADED = 1  # predictions in the queue
NOT_READY = 2  # a dataset in preparation, a model in publication, a server that starts
UPLOAD_LOCKED = 2  # another request that writes to the upload
DATABASE_UNAVAILABLE = 5
JOB_QUOTA = 15  # until a job ends
STORAGE_QUOTA = 60  # until something is deleted
