"""All error codes of the service. They are stable: a client may branch on them.

A code that is not listed here cannot be raised, and a test walks the source for codes that nothing raises.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorCode:
    """Meaning and remedy of a code, and where it appears.

    Attributes:
        meaning: one or two sentences for people.
        statuses: HTTP statuses of the problems (RFC 9457) that have this `code`.
        job: it can be the `error.code` of a job, a dataset or a model that failed, or of a candidate in a ranking.
        file: it can be the `code` of a file of an archive that was left out, or of one image of a prediction request.
    """

    meaning: str
    statuses: tuple[int, ...] = ()
    job: bool = False
    file: bool = False


ERROR_CODES: dict[str, ErrorCode] = {
    # The request itself
    "bad_request": ErrorCode("The request cannot be parsed as HTTP or as its content type. Correct it.", (400,)),
    "invalid_json": ErrorCode(
        "The body is not strict JSON in UTF-8; the detail says where. NaN, repeated names and NUL are refused.", (400,)
    ),
    "invalid_request": ErrorCode("A field or parameter is wrong; `errors` points at each of them.", (422,)),
    "invalid_header": ErrorCode("A header of a resumable upload has no valid value; correct the one named.", (422,)),
    "invalid_multipart": ErrorCode("The multipart form is malformed. Let an HTTP library write it.", (422,)),
    "invalid_cursor": ErrorCode(
        "`after` is no cursor of this list. Use the `next` of a page of the same list.", (422,)
    ),
    "invalid_last_event_id": ErrorCode(
        "`Last-Event-ID` is no event's id. Send the id of an event of this job, or none.", (422,)
    ),
    "invalid_name": ErrorCode("A name is one line of at most 200 printable characters.", (422,)),
    "name_required": ErrorCode("The name is missing or empty. Send one.", (422,)),
    "file_required": ErrorCode("The file is missing or empty. Send it as the body or as the form's `file`.", (422,)),
    "too_many_files": ErrorCode("The form has several files. Send one zip for each dataset.", (422,)),
    "body_too_large": ErrorCode("The body is larger than this call takes. Send less at once.", (413,)),
    "upload_too_large": ErrorCode(
        "The file is larger than the service takes. Make it smaller, or have the limit raised in the settings.", (413,)
    ),
    "unsupported_media_type": ErrorCode("The body has another content type than this call takes.", (415,)),
    "route_not_found": ErrorCode("There is nothing at this path.", (404,)),
    "method_not_allowed": ErrorCode("The path does not take this method; `Allow` lists those that it takes.", (405,)),
    "idempotency_key_reused": ErrorCode(
        "Another request had this `Idempotency-Key`. Use a new key for each request that differs.", (422,)
    ),
    "idempotency_key_in_flight": ErrorCode(
        "A request with this `Idempotency-Key` is still being processed. Retry after `Retry-After`.", (409,)
    ),
    # Keys and limits
    "key_required": ErrorCode("Keys are required. Send `Authorization: Bearer key_...`.", (401,)),
    "invalid_key": ErrorCode("The API key is unknown, expired or revoked. Use another one.", (401,)),
    "scope_too_small": ErrorCode("The key's scope does not allow this call. Use a key of the scope named.", (403,)),
    "operators_only": ErrorCode("Only keys of the operator's tenant may do this.", (403,)),
    "key_not_found": ErrorCode("There is no API key with this id.", (404,)),
    "invalid_expiry": ErrorCode("`expires_at` is in the past or has no time zone.", (422,)),
    "invalid_tenant": ErrorCode(
        "A tenant's name is up to 40 lower-case letters, digits, `-` and `_`, beginning with a letter or digit.", (422,)
    ),
    "too_many_requests": ErrorCode(
        "The tenant sends more requests a minute than it may. Retry after `Retry-After`.", (429,)
    ),
    "job_quota_exceeded": ErrorCode(
        "The tenant has as many unfinished jobs as it may. Wait for one to end, or cancel one.", (429,)
    ),
    "storage_quota_exceeded": ErrorCode(
        "The tenant's files take all the bytes that they may. Delete datasets, models or jobs.", (429,), job=True
    ),
    "image_quota_exceeded": ErrorCode(
        "The tenant's datasets hold as many images as they may. Delete datasets.", (429,), job=True
    ),
    # Datasets and uploads
    "dataset_not_found": ErrorCode("There is no dataset with this id; a job's spec named it (422).", (404, 422)),
    "dataset_not_ready": ErrorCode("The dataset is still being prepared. Retry after `Retry-After`.", (409,)),
    "dataset_failed": ErrorCode("The dataset could not be prepared; its `error` says why. Upload it again.", (409,)),
    "dataset_in_use": ErrorCode("An unfinished job uses the dataset. Cancel the job, or wait for its end.", (409,)),
    "upload_not_found": ErrorCode("There is no upload with this id; an abandoned upload is deleted.", (404,)),
    "upload_locked": ErrorCode(
        "Another request is writing to the upload. Retry after `Retry-After`, from the offset that it has then.", (423,)
    ),
    "wrong_offset": ErrorCode("The upload continues at another byte. Ask for its offset with HEAD.", (409,)),
    "unsupported_tus_version": ErrorCode("Send `Tus-Resumable: 1.0.0`.", (412,)),
    "not_a_zip": ErrorCode("The file is no readable zip archive. Make the zip anew.", (422,), job=True),
    "archive_empty": ErrorCode("The zip holds no files.", (422,), job=True),
    "archive_without_images": ErrorCode("No file in the zip has an image's file extension.", (422,), job=True),
    "archive_too_many_files": ErrorCode(
        "The zip has more entries than a dataset may have. Split it, or have the limit raised.", (422,), job=True
    ),
    "archive_overlapping": ErrorCode("Entries of the zip share bytes (a zip bomb). Make it anew.", (422,), job=True),
    "archive_too_large": ErrorCode(
        "The zip unpacks to more bytes than a dataset may have. Split it, or have the limit raised.", job=True
    ),
    "no_usable_images": ErrorCode("Every file in the zip was left out; the rejections say why.", job=True),
    "preparation_too_slow": ErrorCode(
        "The preparation took longer than it may. Split the dataset, or raise `IMPRINT_PREPARE_SECONDS`.", job=True
    ),
    "preparation_out_of_memory": ErrorCode(
        "The preparation needs more memory than it may use. Raise `IMPRINT_PREPARE_MEMORY_BYTES`.", job=True
    ),
    # Files of an archive, images of a request
    "not_an_image": ErrorCode(
        "The file is no image: by its name, or not a JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF or PPM.", (422,), file=True
    ),
    "image_damaged": ErrorCode("The image cannot be decoded. Export it again.", (422,), file=True),
    "image_too_large": ErrorCode("The image has too many pixels to decode. Scale it down.", (422,), file=True),
    "image_too_small": ErrorCode("A side of the image has too few pixels.", (422,), file=True),
    "image_too_elongated": ErrorCode("One side is too many times the other. Crop the image.", (422,), file=True),
    "file_too_large": ErrorCode("The image's file has too many bytes. Compress the image.", (422,), file=True),
    "invalid_base64": ErrorCode("The text is not base64. Encode the image file's bytes.", file=True),
    "damaged": ErrorCode("The entry of the zip cannot be unpacked. Make the zip anew.", file=True),
    "encrypted": ErrorCode("The entry of the zip is encrypted. Make the zip without a password.", file=True),
    "symlink": ErrorCode("The entry of the zip is a symbolic link. Pack the file itself.", file=True),
    "not_a_file": ErrorCode("The entry of the zip is a device or another special file.", file=True),
    "unsafe_path": ErrorCode(
        "The file's path is absolute, leads out of its folder, is too long, or is reserved or unprintable. Rename it.",
        file=True,
    ),
    "outside_class_folder": ErrorCode(
        "The image is in no class folder while others are. Move it into its class's folder.", file=True
    ),
    # The spec of a new job
    "dataset_unlabelled": ErrorCode("This job needs labels. Put the images into class folders.", (422,)),
    "too_few_classes": ErrorCode("The dataset has fewer than two classes.", (422,)),
    "classes_differ": ErrorCode("The dataset has classes that the model or the other dataset lacks.", (422,)),
    "no_training_images": ErrorCode("The dataset has no images in its training split.", (422,)),
    "nothing_to_refit": ErrorCode(
        "`refit` adds images of splits in which the dataset has none. Leave it out, or give the dataset those splits.",
        (422,),
    ),
    "no_batch_norm": ErrorCode(
        "The baseline 'target_statistics' adapts batch norm, and this backbone has none. Leave it out.", (422,)
    ),
    "no_validation_images": ErrorCode(
        'A penalty strength of "auto", and `patience`, need validation images. Set a number or leave patience out,'
        " or upload a `val` split.",
        (422,),
        job=True,
    ),
    "split_empty": ErrorCode("The dataset has no images in the split to evaluate on. Choose another split.", (422,)),
    "backbone_is_inherited": ErrorCode(
        "The initial model has another backbone than the spec. Leave `backbone` out.", (422,)
    ),
    "invalid_image_size": ErrorCode("The backbone cannot work at this `image_size`.", (422,)),
    "duplicate_candidate": ErrorCode("Two candidates of the ranking are the same model.", (422,)),
    "random_cannot_be_ranked": ErrorCode("`random` has no features to rank. Name models or weights.", (422,)),
    "weights_not_found": ErrorCode("torchvision has no weights with this name.", (422,), job=True),
    # Jobs
    "job_not_found": ErrorCode("There is no job with this id.", (404,)),
    "artifact_not_found": ErrorCode("The job has no artifact with this name.", (404,)),
    "job_ended": ErrorCode("The job has ended and cannot be cancelled.", (409,)),
    "job_not_ended": ErrorCode("Only a job that has ended can be deleted. Cancel it, or wait.", (409,)),
    "job_not_running": ErrorCode("Only a queued or running job can be paused.", (409,)),
    "job_not_paused": ErrorCode("Only a paused job, or one that its machine failed, can be resumed.", (409,)),
    "cancelled": ErrorCode("The job was cancelled, and what it was making with it.", job=True),
    "job_impossible": ErrorCode(
        "The job cannot be done as its spec asks; the message says why. Change the spec.", job=True
    ),
    "spec_incomplete": ErrorCode("The job's spec lacks a backbone or image size. Create the job anew.", job=True),
    "wrong_type": ErrorCode("The job came to a process for another type. Report it as a fault of Imprint.", job=True),
    "all_images_seen": ErrorCode(
        "The model, or one that it came from, was trained on all of these images or chosen by them. Evaluate on others,"
        " or name a `split`.",
        job=True,
    ),
    "diverged": ErrorCode("The loss became infinite or NaN. Lower `training.learning_rate`.", job=True),
    "weights_unavailable": ErrorCode(
        "torchvision's weights could not be downloaded. Give the worker network access, or import the weights.",
        job=True,
    ),
    "worker_lost": ErrorCode("The worker vanished and its lease expired. Check it, then resume the job.", job=True),
    "worker_killed": ErrorCode(
        "The process was killed, most often for lack of memory. Free memory, then resume the job.", job=True
    ),
    "worker_crashed": ErrorCode(
        "The process died; the message has its last line of output. Resume the job, or report the fault.", job=True
    ),
    "worker_out_of_memory": ErrorCode(
        "The process ran out of memory. Free memory and resume the job, or use a smaller batch or image size.", job=True
    ),
    # Models, aliases and predictions
    "model_not_found": ErrorCode(
        "There is no model or alias with this name, or it was deleted; a request's body named it (422).",
        (404, 422),
        job=True,
    ),
    "model_not_ready": ErrorCode("The model is still being made servable. Retry after `Retry-After`.", (409,)),
    "model_failed": ErrorCode(
        "The model failed; its `error` says why. It was asked for itself (409) or named in a body (422).", (409, 422)
    ),
    "model_in_use": ErrorCode("An alias or an unfinished job needs the model. Remove that first.", (409,)),
    "model_has_no_classes": ErrorCode(
        "The model was trained without labels. Ask it for embeddings, or evaluate another one.", (409, 422)
    ),
    "alias_not_found": ErrorCode("There is no alias with this name.", (404,)),
    "invalid_alias": ErrorCode("The alias is a reserved name. Choose another one.", (422,)),
    "backbone_required": ErrorCode("`?backbone=` is missing; it names the architecture of the weights.", (422,)),
    "unknown_backbone": ErrorCode("`?backbone=` is none of torchvision's classifiers.", (422,)),
    "not_safetensors": ErrorCode("The file is no valid safetensors file.", (422,)),
    "weights_not_finite": ErrorCode("The weights hold infinities or NaN.", (422,)),
    "weights_do_not_fit": ErrorCode("The tensors are not those of the backbone named.", (422,)),
    "no_images": ErrorCode("The prediction request holds no image.", (422,)),
    "too_many_images": ErrorCode("The request holds more images than are taken at once. Send several.", (422,)),
    # The service
    "overloaded": ErrorCode("Too many images wait for predictions. Retry after `Retry-After`.", (503,)),
    "not_ready": ErrorCode("The database does not answer or has no schema yet. Run `imprint migrate`.", (503,)),
    "database_unavailable": ErrorCode("The database does not answer. Retry after `Retry-After`.", (503,)),
    "storage_full": ErrorCode(
        "The disk or the database has no room left. Delete what is not needed, or enlarge it.", (507,), job=True
    ),
    "internal_error": ErrorCode("A fault of the service, which has logged it. Report it.", (500,)),
}

# Codes of a dataset's `warnings`: what to know before training on it. None of them is an error.
WARNING_CODES: dict[str, str] = {
    "one_class": "All images are of one class, which nothing can be told apart from. Use a folder for each class.",
    "few_images": "Some classes have fewer than 10 images. Add images.",
    "imbalanced": "The largest class has over 10 times the images of the smallest.",
    "conflicting_labels": "Images with the same pixels are in several classes; one of each was kept.",
    "rejections": "Files were left out; the rejections list them with their reasons.",
    "converted": "Images were converted to upright RGB; `images` counts them by what they were.",
}


def check_code(code: str) -> None:
    """Check that clients can look a code up.

    Args:
        code: the code.

    Raises:
        ValueError: if the code is not listed.
    """
    if code not in ERROR_CODES:
        raise ValueError(f"the error code {code!r} is not in ERROR_CODES")


def problem_codes() -> dict[str, str]:
    """Return code and meaning of everything that can be the `code` of a problem."""
    return {code: row.meaning for code, row in ERROR_CODES.items() if row.statuses}


def job_codes() -> dict[str, str]:
    """Return code and meaning of everything that can be the `error.code` of a job, a dataset or a model."""
    return {code: row.meaning for code, row in ERROR_CODES.items() if row.job}


def file_codes() -> dict[str, str]:
    """Return code and meaning of everything that can be wrong with a file of an archive or an image of a request."""
    return {code: row.meaning for code, row in ERROR_CODES.items() if row.file}
