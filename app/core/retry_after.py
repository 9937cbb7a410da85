"""Seconds after which asking again makes sense (`Retry-After`), by the state that is waited for."""

POLL = 1  # between two looks at a job, a dataset or a model that is not done
IN_FLIGHT = 1  # another request with the same Idempotency-Key
OVERLOADED = 1  # predictions in the queue
NOT_READY = 2  # a dataset in preparation, a model in publication, a server that starts
UPLOAD_LOCKED = 2  # another request that writes to the upload
DATABASE_UNAVAILABLE = 5
JOB_QUOTA = 15  # a job ends
STORAGE_QUOTA = 60  # somebody deletes something
